/**
 * Rules of the inodes with a fixed job.
 *
 * @module
 */

import { Compat, RoCompat } from "../layout/features.ts";
import { InodeFlag } from "../layout/inode.ts";
import {
  BAD_BLOCKS_INODE,
  BOOT_LOADER_INODE,
  JOURNAL_INODE,
  RESIZE_INODE,
  ROOT_INODE,
} from "../layout/superblock.ts";
import type { Code } from "./codes.ts";
import type { CheckContext } from "./context.ts";
import type { RawInode } from "./raw_inode.ts";
import { quotaInodes } from "./superblock_pass.ts";

/**
 * What is to be done with an inode: `ordinary` goes through all rules, `blocks` only has its blocks
 * walked, `bad blocks` lists blocks that are not to be used.
 */
export type Treatment = "ordinary" | "blocks" | "bad blocks";

/** Whether the inode holds anything at all. */
function hasContent(raw: RawInode): boolean {
  return raw.links !== 0 || raw.blocksLow !== 0 || raw.block(0) !== 0;
}

/** Checks an inode with a fixed job, and says how to go on with it. */
export function checkReserved(check: CheckContext, raw: RawInode): Treatment {
  const { superblock, findings, usedInodes } = check;
  const { ino } = raw;
  if (ino === BAD_BLOCKS_INODE) return checkBadBlocksInode(check, raw);
  if (ino === ROOT_INODE) {
    if (!raw.isDirectory) findings.add("root_no_directory", { inode: ino });
    if (raw.dtime !== 0 && raw.links !== 0) findings.add("inode_has_dtime", { inode: ino });
    return "ordinary";
  }
  const file = hiddenFile(check, ino);
  if (file !== undefined) {
    usedInodes.set(ino);
    if (file.inUse) {
      if (!raw.isRegular) findings.add(file.mode, { inode: ino });
      return "blocks";
    }
    if (hasContent(raw)) findings.add(file.unused, { inode: ino });
    return "ordinary";
  }
  if (ino >= superblock.firstInode) return "ordinary";
  usedInodes.set(ino);
  if (!modeIsGood(raw)) findings.add("reserved_inode_mode", { inode: ino });
  return "blocks";
}

function modeIsGood(raw: RawInode): boolean {
  if (raw.ino === BOOT_LOADER_INODE) return !raw.isDirectory;
  if (raw.ino === RESIZE_INODE) return raw.mode === 0 || raw.isRegular;
  return raw.mode === 0;
}

/** A file that no directory names, and the codes of its faults. */
interface HiddenFile {
  readonly inUse: boolean;
  readonly mode: Code;
  readonly unused: Code;
}

function hiddenFile(check: CheckContext, ino: number): HiddenFile | undefined {
  const { superblock } = check;
  if (ino === JOURNAL_INODE) {
    const inUse = superblock.journalInode === JOURNAL_INODE;
    return { inUse, mode: "journal_inode_mode", unused: "journal_inode_unused" };
  }
  if (check.isReservedQuota(ino)) {
    const inUse = superblock.hasRoCompat(RoCompat.QUOTA) && quotaInodes(superblock).includes(ino);
    return { inUse, mode: "quota_inode_mode", unused: "quota_inode_unused" };
  }
  if (ino === superblock.orphanFileInode) {
    const inUse = superblock.hasCompat(Compat.ORPHAN_FILE);
    return { inUse, mode: "orphan_file_mode", unused: "orphan_file_unused" };
  }
  return undefined;
}

function checkBadBlocksInode(check: CheckContext, raw: RawInode): Treatment {
  const isSet = raw.mode !== 0 || raw.uid !== 0 || raw.gid !== 0 || raw.links !== 0 ||
    raw.has(InodeFlag.INLINE_DATA) || raw.u32(0x68) !== 0;
  const damaged = check.seed !== undefined && !raw.checksumMatches(check.seed);
  if (isSet || damaged) check.findings.add("bad_blocks_inode", { inode: raw.ino });
  check.usedInodes.set(raw.ino);
  return "bad blocks";
}
