/**
 * Directory blocks: loaded and verified once, and appended.
 *
 * @module
 */

import type { Buffer } from "../device/cache.ts";
import { ENOSPC } from "../errno.ts";
import { Corrupt } from "../errors.ts";
import type { Handle } from "../journal/transaction.ts";
import { InodeFlag } from "../layout/inode.ts";
import {
  direntInode,
  direntNameLen,
  direntRecLen,
  hasDirentTail,
  setDirentInode,
  setDirentRecLen,
  verifyDirentBlock,
  writeDirentTail,
} from "../layout/dirent.ts";
import {
  corruptHtree,
  htreeNodeProblem,
  htreeRootProblem,
  NODE_ENTRIES_OFFSET,
  ROOT_ENTRIES_OFFSET,
  verifyHtreeBlock,
} from "../layout/htree.ts";
import { type AllocatedMapping, type AllocateOptions, allocateRange, blockOf } from "../map/map.ts";
import type { Inode } from "../volume/inode.ts";
import {
  type DirContext,
  VERIFIED_FIRST_LEAF,
  VERIFIED_LEAF,
  VERIFIED_NODE,
  VERIFIED_ROOT,
} from "./context.ts";
import type { EntryRegion } from "./entry_region.ts";

const DOT_BYTES = 12;

/** Whether the directory is read by hash, through an index. @throws Corrupt */
export function isIndexed(context: DirContext, dir: Inode): boolean {
  if ((dir.flags & InodeFlag.INDEX) === 0) return false;
  if (context.dirIndex) return true;
  // Index blocks pass for empty leaves, but not with checksums: those of index and leaf lie elsewhere.
  if (!context.checksums) return false;
  throw new Corrupt("directory", `inode ${dir.ino}`, "INDEX without the dir_index feature");
}

/** Blocks of a directory that is not inline. @throws Corrupt when i_size is not some whole blocks. */
export function directoryBlocks(context: DirContext, dir: Inode): number {
  const blocks = dir.size / context.blockBytes;
  if (blocks >= 1 && blocks <= context.maxBlocks && Number.isInteger(blocks)) return blocks;
  throw new Corrupt("directory", `inode ${dir.ino}`, `i_size ${dir.size}`);
}

/** Most blocks that a walk may meet, whatever i_size says. */
export function walkLimit(context: DirContext, dir: Inode): number {
  return Math.min(directoryBlocks(context, dir), context.volume.geometry.blocksCount);
}

/** Sets the region to the entries of a leaf block. */
export function useLeaf(
  context: DirContext,
  dir: Inode,
  fileBlock: number,
  buffer: Buffer,
): EntryRegion {
  const { region, leafBytes, blockBytes } = context;
  region.set(buffer.bytes, buffer.view, 0, leafBytes, blockBytes, dir.ino, fileBlock);
  return region;
}

/** A leaf block, verified; block 0 only of a directory without an index. @throws Corrupt for a hole too */
export function loadLeaf(context: DirContext, dir: Inode, fileBlock: number): Buffer {
  const diskBlock = blockOf(context.alloc, dir, fileBlock);
  if (diskBlock === 0) throw holeIn(dir, fileBlock);
  return verifiedLeaf(context, dir, fileBlock, diskBlock);
}

/** The verified leaf at a disk block that is known. @throws Corrupt */
export function verifiedLeaf(
  context: DirContext,
  dir: Inode,
  fileBlock: number,
  diskBlock: number,
): Buffer {
  const buffer = context.cache.get(diskBlock);
  const kind = fileBlock === 0 ? VERIFIED_FIRST_LEAF : VERIFIED_LEAF;
  if (buffer.verifiedAs !== kind) {
    verifyLeaf(context, dir, fileBlock, buffer);
    buffer.verifiedAs = kind;
  }
  return buffer;
}

/** The root of an index, verified. @throws Corrupt */
export function loadRoot(context: DirContext, dir: Inode): Buffer {
  const diskBlock = blockOf(context.alloc, dir, 0);
  if (diskBlock === 0) throw holeIn(dir, 0);
  const buffer = context.cache.get(diskBlock);
  if (buffer.verifiedAs !== VERIFIED_ROOT) {
    const { bytes, view } = buffer;
    const blocks = directoryBlocks(context, dir);
    const problem = dotsProblem(context, dir, buffer) ??
      htreeRootProblem(view, context.largeDir, context.checksums, blocks);
    if (problem !== undefined) throw corruptHtree(dir.ino, 0, problem);
    if (
      context.checksums && !verifyHtreeBlock(bytes, view, ROOT_ENTRIES_OFFSET, dir.checksumSeed)
    ) throw corruptHtree(dir.ino, 0, "checksum does not match");
    buffer.verifiedAs = VERIFIED_ROOT;
  }
  return buffer;
}

/** An inner node of an index, verified. @throws Corrupt */
export function loadNode(context: DirContext, dir: Inode, fileBlock: number): Buffer {
  const diskBlock = blockOf(context.alloc, dir, fileBlock);
  if (diskBlock === 0) throw holeIn(dir, fileBlock);
  const buffer = context.cache.get(diskBlock);
  if (buffer.verifiedAs !== VERIFIED_NODE) {
    const { bytes, view } = buffer;
    const problem = htreeNodeProblem(view, context.checksums, directoryBlocks(context, dir));
    if (problem !== undefined) throw corruptHtree(dir.ino, fileBlock, problem);
    if (
      context.checksums && !verifyHtreeBlock(bytes, view, NODE_ENTRIES_OFFSET, dir.checksumSeed)
    ) throw corruptHtree(dir.ino, fileBlock, "checksum does not match");
    buffer.verifiedAs = VERIFIED_NODE;
  }
  return buffer;
}

/** Block 0 of a directory with or without an index. Its second entry is "..". @throws Corrupt */
export function loadFirst(context: DirContext, dir: Inode): Buffer {
  return isIndexed(context, dir) ? loadRoot(context, dir) : loadLeaf(context, dir, 0);
}

/** Byte offset of ".." in block 0. */
export function dotDotOffset(context: DirContext, first: Buffer): number {
  return direntRecLen(first.view, 0, context.blockBytes);
}

/** Marks a changed leaf. */
export function dirtyLeaf(context: DirContext, handle: Handle, dir: Inode, buffer: Buffer): void {
  handle.dirty(buffer, context.leafSealer, dir.checksumSeed);
}

/** Marks a changed inner node. */
export function dirtyNode(context: DirContext, handle: Handle, dir: Inode, buffer: Buffer): void {
  handle.dirty(buffer, context.nodeSealer, dir.checksumSeed);
}

/** Marks a changed block 0, which is a root or a leaf. */
export function dirtyFirst(context: DirContext, handle: Handle, dir: Inode, buffer: Buffer): void {
  const sealer = buffer.verifiedAs === VERIFIED_ROOT ? context.rootSealer : context.leafSealer;
  handle.dirty(buffer, sealer, dir.checksumSeed);
}

const ORDINARY: AllocateOptions = {
  unwritten: false,
  privileged: false,
  append: true,
  metadata: false,
};
const PRIVILEGED: AllocateOptions = { ...ORDINARY, privileged: true };
const mapped: AllocatedMapping = { diskBlock: 0, blocks: 0, unwritten: false, fresh: false };

/**
 * Adds a block of zeros to the directory's end. Its file block is the number of blocks before.
 *
 * @param privileged whether reserved blocks may be used.
 * @returns the disk block, -ENOSPC or NEEDS_COMMIT; nothing has changed then.
 */
export function appendBlock(
  context: DirContext,
  handle: Handle,
  dir: Inode,
  privileged: boolean,
): number {
  const fileBlock = dir.size / context.blockBytes;
  if (fileBlock >= context.maxBlocks) return -ENOSPC;
  const options = privileged ? PRIVILEGED : ORDINARY;
  const blocks = allocateRange(context.alloc, handle, dir, fileBlock, 1, options, mapped);
  if (blocks < 0) return blocks;
  if (!mapped.fresh) {
    throw new Corrupt(
      "directory",
      `inode ${dir.ino}`,
      `block ${fileBlock} beyond i_size is mapped`,
    );
  }
  dir.size += context.blockBytes;
  context.volume.dirtyInode(handle, dir);
  return mapped.diskBlock;
}

/** Makes a leaf without entries of a block of zeros. */
export function initialiseLeaf(context: DirContext, buffer: Buffer): void {
  setDirentInode(buffer.view, 0, 0);
  setDirentRecLen(buffer.view, 0, context.leafBytes, context.blockBytes);
  if (context.checksums) writeDirentTail(buffer.view, context.blockBytes);
  buffer.verifiedAs = VERIFIED_LEAF;
}

function verifyLeaf(context: DirContext, dir: Inode, fileBlock: number, buffer: Buffer): void {
  const { bytes, view } = buffer;
  const { region } = context;
  useLeaf(context, dir, fileBlock, buffer);
  if (context.checksums && !verifyDirentBlock(bytes, view, dir.checksumSeed)) {
    const tailed = hasDirentTail(view, bytes.length);
    throw region.corrupt(context.leafBytes, tailed ? "checksum does not match" : "no tail");
  }
  region.verify(context.inodesCount);
  if (fileBlock !== 0) return;
  const problem = dotsProblem(context, dir, buffer);
  if (problem !== undefined) throw region.corrupt(0, problem);
}

/** Checks that block 0 begins with "." and "..". */
function dotsProblem(context: DirContext, dir: Inode, first: Buffer): string | undefined {
  const { bytes, view } = first;
  if (direntNameLen(view, 0) !== 1 || bytes[8] !== 0x2e) return 'the first entry is not "."';
  const self = direntInode(view, 0);
  if (self !== dir.ino) return `"." is inode ${self}`;
  const at = direntRecLen(view, 0, context.blockBytes);
  if (at < DOT_BYTES || at > context.leafBytes - DOT_BYTES) return `rec_len ${at} of "."`;
  if (direntNameLen(view, at) !== 2 || bytes[at + 8] !== 0x2e || bytes[at + 9] !== 0x2e) {
    return 'the second entry is not ".."';
  }
  const parent = direntInode(view, at);
  return parent === 0 || parent > context.inodesCount ? `".." is inode ${parent}` : undefined;
}

function holeIn(dir: Inode, fileBlock: number): Corrupt {
  return new Corrupt("directory", `inode ${dir.ino}`, `block ${fileBlock} is a hole`);
}
