/**
 * Orphans: inodes that the next mount deletes or truncates, in a list or in a file.
 *
 * @module
 */

import { Compat, RoCompat } from "../layout/features.ts";
import { ORPHAN_TAIL_BYTES, orphanInode, orphansPerBlock } from "../layout/orphan_file.ts";
import { ORPHAN_MAGIC } from "../layout/orphan_file.ts";
import { crc32c, crc32cNumber64 } from "../layout/crc32c.ts";
import type { CheckContext } from "./context.ts";
import type { InodeReader } from "./inode_reader.ts";
import { diskBlocksOf } from "./map_file.ts";

/** Longest list that is followed. */
const MAX_ORPHANS = 1 << 20;
/** Blocks of an orphan file that are read; mke2fs makes 512 at most. */
const MAX_FILE_BLOCKS = 8192;

/** Collects the orphans before the inodes are scanned, so that their blocks count as in use. */
export function collectOrphans(check: CheckContext, inodes: InodeReader): void {
  const { findings, superblock } = check;
  const found: number[] = [];
  for (let ino = superblock.lastOrphan; ino !== 0;) {
    if (!isPossible(check, ino) || isTaken(check, ino) || found.length >= MAX_ORPHANS) {
      findings.add("orphan_list", {}, ino);
      break;
    }
    const raw = inodes.read(ino);
    if (raw === undefined) break;
    const next = raw.dtime;
    take(check, ino, raw.links, next, found);
    ino = next;
  }
  collectFromFile(check, inodes, found);
  if (found.length === 0) return;
  if (check.options.allowOrphans) findings.add("orphan_allowed", {}, found.length);
  else for (const ino of found) findings.add("orphan_inode", { inode: ino });
}

function isPossible(check: CheckContext, ino: number): boolean {
  return ino >= check.superblock.firstInode && ino <= check.superblock.inodesCount;
}

/** Sorts an orphan: with links left it waits to be truncated, without to be deleted. */
function take(
  check: CheckContext,
  ino: number,
  links: number,
  dtime: number,
  found: number[],
): void {
  (links === 0 ? check.orphans : check.truncating).add(ino);
  if (links === 0 || dtime !== 0) found.push(ino);
}

function isTaken(check: CheckContext, ino: number): boolean {
  return check.orphans.has(ino) || check.truncating.has(ino);
}

function collectFromFile(check: CheckContext, inodes: InodeReader, found: number[]): void {
  const { superblock } = check;
  if (!superblock.hasCompat(Compat.ORPHAN_FILE)) return;
  if (!superblock.hasRoCompat(RoCompat.ORPHAN_PRESENT)) return;
  const numbers: number[] = [];
  eachOrphanBlock(check, inodes, (bytes, view) => {
    if (view.getUint32(bytes.length - ORPHAN_TAIL_BYTES, true) !== ORPHAN_MAGIC) return;
    for (let slot = 0; slot < orphansPerBlock(bytes.length); slot++) {
      const ino = orphanInode(view, slot);
      if (ino === 0 || numbers.length >= MAX_ORPHANS) continue;
      if (!isPossible(check, ino)) check.findings.add("orphan_list", {}, ino);
      else if (!isTaken(check, ino)) numbers.push(ino);
    }
  });
  for (const ino of numbers) {
    const raw = inodes.read(ino);
    if (raw !== undefined) take(check, ino, raw.links, 1, found);
  }
}

function eachOrphanBlock(
  check: CheckContext,
  inodes: InodeReader,
  visit: (bytes: Uint8Array, view: DataView, diskBlock: number, fileBlock: number) => void,
): void {
  const { reader, superblock, findings, geometry } = check;
  const inode = superblock.orphanFileInode;
  const raw = inodes.read(inode);
  if (raw === undefined) return;
  if (raw.size % geometry.blockBytes !== 0) {
    findings.add("orphan_file_size", { inode }, raw.size);
    return;
  }
  const blocks = diskBlocksOf(
    reader,
    raw,
    Math.min(raw.size / geometry.blockBytes, MAX_FILE_BLOCKS),
  );
  const bytes = reader.buffer();
  const view = new DataView(bytes.buffer);
  for (const [fileBlock, diskBlock] of blocks.entries()) {
    if (diskBlock === 0) {
      findings.add("orphan_file_hole", { inode, fileBlock });
      return;
    }
    if (!check.inRange(diskBlock) || !reader.read(diskBlock, bytes)) return;
    visit(bytes, view, diskBlock, fileBlock);
  }
}

/** Checks the orphan file's blocks, which are empty while nobody has the file system mounted. */
export function checkOrphanFile(check: CheckContext, inodes: InodeReader): void {
  const { findings, superblock, options } = check;
  const present = superblock.hasRoCompat(RoCompat.ORPHAN_PRESENT);
  if (!superblock.hasCompat(Compat.ORPHAN_FILE)) {
    if (present) findings.add("orphan_present_no_file", {});
    return;
  }
  if (!superblock.hasCompat(Compat.HAS_JOURNAL)) findings.add("orphan_file_journal", {});
  const inode = superblock.orphanFileInode;
  const raw = inodes.read(inode);
  const seed = check.seed === undefined || raw === undefined ? undefined : raw.ownSeed(check.seed);
  let dirty = 0;
  eachOrphanBlock(check, inodes, (bytes, view, diskBlock, fileBlock) => {
    const tail = bytes.length - ORPHAN_TAIL_BYTES;
    const isEmpty = bytes.subarray(0, tail).every((byte) => byte === 0);
    const checksum = seed === undefined
      ? 0
      : crc32c(crc32cNumber64(seed, diskBlock), bytes, 0, tail);
    const isWhole = view.getUint32(tail, true) === ORPHAN_MAGIC &&
      view.getUint32(tail + 4, true) === checksum;
    if (isWhole && (isEmpty || (present && options.allowOrphans))) {
      if (!isEmpty) dirty++;
      return;
    }
    dirty++;
    findings.add("orphan_file_dirty", { inode, fileBlock });
  });
  if (present && dirty === 0) findings.add("orphan_present_clean", {});
}
