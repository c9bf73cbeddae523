/**
 * The way from the root of an inode's extent tree to a leaf. Every node is validated before it is used: once when it
 * is read, and each time that it fits below its parent, so that a tree which runs in circles or shares nodes ends in
 * an error, not in a loop.
 *
 * @module
 */

import type { Allocator } from "../alloc/allocator.ts";
import type { Buffer, Sealer } from "../device/cache.ts";
import type { Handle } from "../journal/transaction.ts";
import {
  corruptExtentNode,
  entryFileBlock,
  EXTENT_ENTRY_BYTES,
  extentBlocks,
  extentDepth,
  extentDiskBlock,
  extentEntries,
  extentEntriesProblem,
  extentEntryOffset,
  extentHeaderProblem,
  extentMax,
  indexChildBlock,
  MAX_EXTENT_DEPTH,
  MAX_FILE_BLOCKS,
  setEntryFileBlock,
  setExtentBlockChecksum,
  validateExtentBlock,
} from "../layout/extent.ts";
import { I_BLOCK_BYTES, I_BLOCK_OFFSET } from "../layout/inode.ts";
import { RESIZE_INODE } from "../layout/superblock.ts";
import type { Inode } from "../volume/inode.ts";

/** `Buffer.verifiedAs` of extent nodes. */
export const VERIFIED_EXTENT_NODE = 3;
/** A node in a block must have room for so many entries, or it could not be split. */
const LEAST_MAX = 4;

const sealer: Sealer = {
  seal(buffer: Buffer, seed: number): void {
    setExtentBlockChecksum(buffer.bytes, buffer.view, seed);
  },
};

/** One node on the way. */
export class PathLevel {
  view: DataView = new DataView(new ArrayBuffer(0));
  /** The bytes that `view` shows. */
  bytes: Uint8Array = new Uint8Array(0);
  /** Byte offset of the node in `view`. */
  node = 0;
  /** The node's buffer, null for the root. */
  buffer: Buffer | null = null;
  /** The entry followed; in the leaf the last one that begins at or before the file block sought, or -1. */
  index = 0;
  /** File blocks in this node are at or above this one … */
  low = 0;
  /** … and below this one. */
  high = 0;

  get entries(): number {
    return extentEntries(this.view, this.node);
  }
  get max(): number {
    return extentMax(this.view, this.node);
  }
  /** Byte offset of an entry in `view`. */
  at(index: number): number {
    return extentEntryOffset(this.node, index);
  }
  /** First file block of an entry. */
  key(index: number): number {
    return entryFileBlock(this.view, extentEntryOffset(this.node, index));
  }
}

/** A way through an extent tree; an object that is used again and again. */
export class ExtentPath {
  /** Level 0 is the root; the leaf is level `depth`. */
  readonly levels: readonly PathLevel[] = Array.from(
    { length: MAX_EXTENT_DEPTH + 1 },
    () => new PathLevel(),
  );
  depth = 0;
  leaf: PathLevel = this.level(0);

  level(number: number): PathLevel {
    return this.levels[number] as PathLevel;
  }

  /**
   * Goes to the leaf that holds `fileBlock`, or would.
   * @throws Corrupt "extent node"; DeviceError.
   */
  find(alloc: Allocator, inode: Inode, fileBlock: number): PathLevel {
    let level = this.level(0);
    level.view = inode.view;
    level.bytes = inode.raw;
    level.node = I_BLOCK_OFFSET;
    level.buffer = null;
    level.low = 0;
    level.high = MAX_FILE_BLOCKS;
    if (!inode.mapChecked) checkRoot(alloc, inode);
    const depth = extentDepth(level.view, level.node);
    this.depth = depth;
    for (let number = 0; number < depth; number++) {
      level.index = Math.max(0, search(level, fileBlock));
      const child = this.level(number + 1);
      this.child(alloc, inode, level, level.index, child, depth - number - 1);
      level = child;
    }
    level.index = search(level, fileBlock);
    this.leaf = level;
    return level;
  }

  /**
   * Steps from index entry `index` of a node to the node below it, which has depth `depth`.
   * @throws Corrupt "extent node"; DeviceError.
   */
  child(
    alloc: Allocator,
    inode: Inode,
    parent: PathLevel,
    index: number,
    child: PathLevel,
    depth: number,
  ): void {
    child.low = parent.key(index);
    child.high = index + 1 < parent.entries ? parent.key(index + 1) : parent.high;
    const block = indexChildBlock(parent.view, parent.at(index));
    const buffer = alloc.volume.cache.get(block);
    child.buffer = buffer;
    child.view = buffer.view;
    child.bytes = buffer.bytes;
    child.node = 0;
    if (buffer.verifiedAs === VERIFIED_EXTENT_NODE) checkFit(inode, child, depth);
    else checkNode(alloc, inode, child, depth);
  }

  /** Marks the node of a level as changed. */
  dirty(alloc: Allocator, handle: Handle, inode: Inode, level: PathLevel): void {
    if (level.buffer === null) alloc.volume.dirtyInode(handle, inode);
    else dirtyNode(alloc, handle, inode, level.buffer);
  }

  /** The first entry of the node at level `from` (the leaf) changed its file block: tells the nodes above. */
  updateKeys(alloc: Allocator, handle: Handle, inode: Inode, from = this.depth): void {
    const key = this.level(from).key(0);
    for (let number = from - 1; number >= 0; number--) {
      const level = this.level(number);
      if (level.key(level.index) === key) return;
      setEntryFileBlock(level.view, level.at(level.index), key);
      this.dirty(alloc, handle, inode, level);
      if (level.index > 0) return;
    }
  }
}

/** Marks a node that fills a block as changed. */
export function dirtyNode(alloc: Allocator, handle: Handle, inode: Inode, buffer: Buffer): void {
  const sealed = alloc.volume.superblock.hasMetadataChecksums;
  handle.dirty(buffer, sealed ? sealer : null, inode.checksumSeed);
}

/** The last entry of a node that begins at or before `fileBlock`, or -1. */
function search(level: PathLevel, fileBlock: number): number {
  const { view, node } = level;
  let high = extentEntries(view, node) - 1;
  // Appends come most often: look at the last entry first.
  if (high >= 0 && entryFileBlock(view, extentEntryOffset(node, high)) <= fileBlock) return high;
  let low = -1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (entryFileBlock(view, extentEntryOffset(node, middle)) <= fileBlock) low = middle;
    else high = middle;
  }
  return low;
}

/** Checks that a node known to be good belongs below its parent. */
function checkFit(inode: Inode, level: PathLevel, depth: number): void {
  const { entries, view } = level;
  let problem = "";
  if (extentDepth(view, 0) !== depth) problem = `eh_depth ${extentDepth(view, 0)} is not ${depth}`;
  else if (entries > 0) {
    const last = level.at(entries - 1);
    const end = entryFileBlock(view, last) + (depth === 0 ? extentBlocks(view, last) : 1);
    if (level.key(0) < level.low || end > level.high) {
      problem = `file blocks ${level.key(0)} to ${end - 1} are not in ${level.low}–${
        level.high - 1
      }`;
    }
  }
  if (problem !== "") throw corruptExtentNode(inode.ino, level.buffer?.block ?? 0, problem);
}

/** Checks a node that was read. */
function checkNode(alloc: Allocator, inode: Inode, level: PathLevel, depth: number): void {
  const { geometry, superblock } = alloc.volume;
  const { buffer, low, high } = level;
  if (buffer === null) return;
  validateExtentBlock(
    buffer.bytes,
    buffer.view,
    inode.ino,
    buffer.block,
    depth,
    low,
    high,
    geometry.firstDataBlock,
    geometry.blocksCount,
    superblock.hasMetadataChecksums ? inode.checksumSeed : undefined,
  );
  if (extentMax(level.view, 0) < LEAST_MAX) {
    throw corruptExtentNode(inode.ino, buffer.block, `eh_max ${extentMax(level.view, 0)}`);
  }
  checkZones(alloc, inode, level.view, 0, buffer.block);
  buffer.verifiedAs = VERIFIED_EXTENT_NODE;
}

/** Checks the root, which is in the inode. */
function checkRoot(alloc: Allocator, inode: Inode): void {
  const { geometry } = alloc.volume;
  const { view } = inode;
  let problem = extentHeaderProblem(view, I_BLOCK_OFFSET, I_BLOCK_BYTES, -1);
  problem ??= extentEntriesProblem(
    view,
    I_BLOCK_OFFSET,
    0,
    MAX_FILE_BLOCKS,
    geometry.firstDataBlock,
    geometry.blocksCount,
  );
  if (problem !== undefined) throw corruptExtentNode(inode.ino, 0, problem);
  checkZones(alloc, inode, view, I_BLOCK_OFFSET, 0);
  inode.mapChecked = true;
}

/** Checks that nothing in a node points to fixed metadata. */
function checkZones(
  alloc: Allocator,
  inode: Inode,
  view: DataView,
  node: number,
  place: number,
): void {
  if (mayMapSystemBlocks(alloc, inode)) return;
  const leaf = extentDepth(view, node) === 0;
  const end = extentEntryOffset(node, extentEntries(view, node));
  for (let entry = extentEntryOffset(node, 0); entry < end; entry += EXTENT_ENTRY_BYTES) {
    const block = leaf ? extentDiskBlock(view, entry) : indexChildBlock(view, entry);
    const blocks = leaf ? extentBlocks(view, entry) : 1;
    if (!alloc.isSystemBlock(block, blocks)) continue;
    throw corruptExtentNode(inode.ino, place, `disk blocks from ${block} on are fixed metadata`);
  }
}

/** Whether the inode's blocks are themselves fixed metadata: the journal, the room for group descriptors. */
export function mayMapSystemBlocks(alloc: Allocator, inode: Inode): boolean {
  return inode.ino === RESIZE_INODE || inode.ino === alloc.volume.superblock.journalInode;
}
