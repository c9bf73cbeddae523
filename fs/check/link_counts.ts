/**
 * Fourth pass: i_links_count, and the references to inodes that hold attributes.
 *
 * @module
 */

import { RoCompat } from "../layout/features.ts";
import { InodeFlag, S_IFDIR, S_IFMT } from "../layout/inode.ts";
import { BAD_BLOCKS_INODE, ROOT_INODE } from "../layout/superblock.ts";
import type { CheckContext } from "./context.ts";
import type { InodeReader } from "./inode_reader.ts";

/** Above this a directory's count is 1: not counted. */
const MAX_LINKS = 65000;

/** Compares stored and counted links of all inodes in use. */
export function checkLinkCounts(check: CheckContext, inodes: InodeReader): void {
  const { geometry, superblock, groups } = check;
  const perGroup = geometry.inodesPerGroup;
  for (let group = 0; group < groups.count; group++) {
    if ((group & 0xff) === 0) check.step("link counts", group, groups.count);
    const first = group * perGroup + 1;
    if (!check.usedInodes.hasAny(first, perGroup)) continue;
    for (let ino = first; ino < first + perGroup; ino++) {
      if (!check.usedInodes.has(ino) || ino === BAD_BLOCKS_INODE) continue;
      if (ino > ROOT_INODE && ino < superblock.firstInode) continue;
      if (check.isReservedQuota(ino) || ino === superblock.orphanFileInode) continue;
      if (check.imagicInodes.has(ino) || check.orphans.has(ino)) continue;
      checkInode(check, inodes, ino);
    }
  }
}

function checkInode(check: CheckContext, inodes: InodeReader, ino: number): void {
  const { findings, directoryInodes, superblock } = check;
  const stored = check.storedLinks.get(ino);
  let counted = check.countedLinks.get(ino);
  if (counted === 0 && checkEaInode(check, inodes, ino)) counted = 1;
  if (counted === 0) {
    findings.add("inode_unattached", { inode: ino });
    return;
  }
  const isDirectory = directoryInodes.has(ino);
  if (isDirectory && counted > MAX_LINKS) {
    if (!superblock.hasRoCompat(RoCompat.DIR_NLINK)) {
      findings.add("dir_nlink_feature", { inode: ino }, counted);
    }
    counted = 1;
  }
  if (stored === counted) return;
  // A directory that had too many links once keeps the count 1.
  if (isDirectory && stored === 1 && isIndexed(inodes, ino)) return;
  findings.add("link_count", { inode: ino }, stored, counted);
}

function isIndexed(inodes: InodeReader, ino: number): boolean {
  const raw = inodes.read(ino);
  return raw !== undefined && (raw.mode & S_IFMT) === S_IFDIR && raw.has(InodeFlag.INDEX);
}

/** Whether the inode holds an attribute's value, and is referred to. Its count is checked. */
function checkEaInode(check: CheckContext, inodes: InodeReader, ino: number): boolean {
  const references = check.eaReferences.get(ino);
  if (references === 0 || !check.eaInodes.has(ino)) return false;
  const raw = inodes.read(ino);
  if (raw === undefined) return false;
  // The count's halves lie in i_ctime and i_version; Lustre's old form has equal times instead.
  const stored = raw.u32(0xc) * 2 ** 32 + raw.u32(0x24);
  if (stored !== references && raw.u32(0xc) !== raw.u32(0x8)) {
    check.findings.add("ea_inode_references", { inode: ino }, stored, references);
  }
  return true;
}
