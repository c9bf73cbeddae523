/**
 * Allocating what a hole of an extent-mapped file needs, and putting it into the tree.
 *
 * @module
 */

import type { AllocationGoal, Allocator } from "../alloc/allocator.ts";
import type { Handle } from "../journal/transaction.ts";
import { extentBlocks, extentDiskBlock } from "../layout/extent.ts";
import type { Inode } from "../volume/inode.ts";
import { insertExtent, longestExtent } from "./extent_insert.ts";
import { rememberAt } from "./extent_lookup.ts";
import { ExtentPath, type PathLevel } from "./extent_path.ts";
import { type AllocatedMapping, type AllocateOptions, recall } from "./mapping.ts";

const path = new ExtentPath();
const neighbors = new ExtentPath();
/** Where a new extent goes. */
const placed = {
  diskBlock: 0,
  /** In a cluster that the file had already. */
  shared: false,
};
const goal: AllocationGoal = {
  diskBlock: 0,
  fileBlock: 0,
  blocks: 0,
  metadata: false,
  privileged: false,
  append: false,
};

/** Maps the start of `blocks` blocks from `fileBlock` on; see `allocateRange`. */
export function allocateExtent(
  alloc: Allocator,
  handle: Handle,
  inode: Inode,
  fileBlock: number,
  blocks: number,
  options: AllocateOptions,
  out: AllocatedMapping,
): number {
  const leaf = path.find(alloc, inode, fileBlock);
  if (rememberAt(inode, leaf, fileBlock)) {
    recall(inode, fileBlock, blocks, out);
    out.fresh = false;
    return out.blocks;
  }
  const count = place(alloc, handle, inode, leaf, fileBlock, blocks, options);
  if (count < 0) return count;
  const { diskBlock, shared } = placed;
  const { unwritten } = options;
  const result = insertExtent(
    alloc,
    handle,
    inode,
    path,
    fileBlock,
    count,
    diskBlock,
    unwritten,
  );
  if (result < 0) {
    if (!shared) alloc.undo(handle, inode, diskBlock, count);
    return result;
  }
  rememberAt(inode, path.leaf, fileBlock);
  out.diskBlock = diskBlock;
  out.blocks = count;
  out.unwritten = unwritten;
  out.fresh = true;
  return count;
}

/**
 * Maps a hole to blocks that the inode was charged for.
 * @param blocks 1 to the longest extent of the kind; all of them a hole.
 * @returns 0; or the allocator's negative answer when a new node is needed and cannot be had: nothing is changed then.
 * @throws Corrupt, DeviceError
 */
export function placeExtent(
  alloc: Allocator,
  handle: Handle,
  inode: Inode,
  fileBlock: number,
  blocks: number,
  diskBlock: number,
  unwritten: boolean,
): number {
  path.find(alloc, inode, fileBlock);
  inode.forgetMapping();
  return insertExtent(alloc, handle, inode, path, fileBlock, blocks, diskBlock, unwritten);
}

/**
 * Finds disk blocks for the hole at `fileBlock`, which the inode remembers, and puts them into `placed`.
 * @returns how many, or the allocator's negative answer.
 */
function place(
  alloc: Allocator,
  handle: Handle,
  inode: Inode,
  leaf: PathLevel,
  fileBlock: number,
  blocks: number,
  options: AllocateOptions,
): number {
  const { clusterBlocks } = alloc.volume.geometry;
  const end = inode.mapFileBlock + inode.mapBlocks;
  const wanted = Math.min(blocks, end - fileBlock, longestExtent(options.unwritten));
  placed.diskBlock = clusterBlockOf(alloc, inode, fileBlock);
  placed.shared = placed.diskBlock !== 0;
  if (placed.shared) return Math.min(wanted, clusterBlocks - fileBlock % clusterBlocks);
  // A cluster at the hole's end belongs to the extent behind it.
  const whole = end - end % clusterBlocks - fileBlock;
  setGoal(leaf, fileBlock, whole > 0 ? Math.min(wanted, whole) : wanted, options);
  const count = alloc.allocate(handle, inode, goal);
  placed.diskBlock = alloc.found.diskBlock;
  return count;
}

/** Asks for what continues the extent before `fileBlock`, or leads up to the one behind. */
function setGoal(
  leaf: PathLevel,
  fileBlock: number,
  blocks: number,
  options: AllocateOptions,
): void {
  const index = Math.max(0, leaf.index);
  goal.diskBlock = leaf.entries === 0
    ? 0
    : Math.max(0, extentDiskBlock(leaf.view, leaf.at(index)) + fileBlock - leaf.key(index));
  goal.fileBlock = fileBlock;
  goal.blocks = blocks;
  goal.privileged = options.privileged;
  goal.append = options.append && !options.metadata;
}

/**
 * The disk block for `fileBlock` in a cluster that the file has already, because a neighboring extent reaches into the
 * same logical cluster; 0: none.
 */
export function clusterBlockOf(alloc: Allocator, inode: Inode, fileBlock: number): number {
  const { clusterBlocks } = alloc.volume.geometry;
  if (clusterBlocks === 1) return 0;
  const within = fileBlock % clusterBlocks;
  const start = fileBlock - within;
  const end = start + clusterBlocks;
  let leaf = neighbors.find(alloc, inode, fileBlock);
  const { high } = leaf;
  if (leaf.index >= 0) {
    const entry = leaf.at(leaf.index);
    const length = extentBlocks(leaf.view, entry);
    if (leaf.key(leaf.index) + length > start) {
      const last = extentDiskBlock(leaf.view, entry) + length - 1;
      return last - last % clusterBlocks + within;
    }
  }
  if (leaf.index + 1 >= leaf.entries) {
    if (high >= end) return 0;
    leaf = neighbors.find(alloc, inode, high);
    leaf.index--;
  }
  const next = leaf.index + 1;
  if (next < 0 || next >= leaf.entries || leaf.key(next) >= end) return 0;
  const first = extentDiskBlock(leaf.view, leaf.at(next));
  return first - first % clusterBlocks + within;
}
