/**
 * Allocating blocks, and the indirect blocks on the way to them, for a file without extents.
 *
 * @module
 */

import type { AllocationGoal, Allocator } from "../alloc/allocator.ts";
import { EFBIG } from "../errno.ts";
import type { Handle } from "../journal/transaction.ts";
import type { Inode } from "../volume/inode.ts";
import { runLength } from "./block_map_lookup.ts";
import { BlockMapPath, checkPointers } from "./block_map_path.ts";
import { type AllocatedMapping, type AllocateOptions, recall, remember } from "./mapping.ts";
import { nodeGoal } from "./node_goal.ts";

const path = new BlockMapPath();
const before = new BlockMapPath();
/** New indirect blocks, by level. */
const newBlocks = new Float64Array(4);
const goal: AllocationGoal = {
  diskBlock: 0,
  fileBlock: 0,
  blocks: 0,
  metadata: false,
  privileged: false,
  append: false,
};

/** Maps the start of `blocks` blocks from `fileBlock` on; see `allocateRange`. */
export function allocateBlockMap(
  alloc: Allocator,
  handle: Handle,
  inode: Inode,
  fileBlock: number,
  blocks: number,
  options: AllocateOptions,
  out: AllocatedMapping,
): number {
  if (!path.find(alloc, inode, fileBlock)) return -EFBIG;
  const { depth } = path;
  const present = path.reached === depth;
  let run = Math.min(blocks, path.arraySlots(alloc, depth) - path.slot(depth));
  if (present) {
    run = runLength(alloc, path, blocks);
    const diskBlock = path.pointer(depth, path.slot(depth));
    if (diskBlock !== 0) {
      checkPointers(alloc, inode, diskBlock, run);
      remember(inode, fileBlock, diskBlock, run, false);
      recall(inode, fileBlock, blocks, out);
      out.fresh = false;
      return out.blocks;
    }
  }
  setGoal(alloc, inode, fileBlock, run, options);
  const count = allocateAll(alloc, handle, inode, true);
  if (count < 0) return count;
  const { diskBlock } = alloc.found;
  connect(alloc, handle, inode, diskBlock, count);
  remember(inode, fileBlock, diskBlock, count, false);
  out.diskBlock = diskBlock;
  out.blocks = count;
  out.unwritten = false;
  out.fresh = true;
  return count;
}

/**
 * Maps the start of a hole to blocks that the inode was charged for.
 * @returns how many of the blocks are mapped now; or the allocator's negative answer when an indirect block cannot be
 * had, -EFBIG: nothing is changed then.
 * @throws Corrupt, DeviceError
 */
export function placeBlocks(
  alloc: Allocator,
  handle: Handle,
  inode: Inode,
  fileBlock: number,
  blocks: number,
  diskBlock: number,
): number {
  if (!path.find(alloc, inode, fileBlock) || diskBlock + blocks > 2 ** 32) return -EFBIG;
  const { depth } = path;
  const count = Math.min(blocks, path.arraySlots(alloc, depth) - path.slot(depth));
  const result = allocateAll(alloc, handle, inode, false);
  if (result < 0) return result;
  connect(alloc, handle, inode, diskBlock, count);
  inode.forgetMapping();
  return count;
}

/** Enters the new indirect blocks, and the data behind them. */
function connect(
  alloc: Allocator,
  handle: Handle,
  inode: Inode,
  diskBlock: number,
  count: number,
): void {
  const { depth } = path;
  for (let level = path.reached + 1; level <= depth; level++) {
    const buffer = alloc.volume.cache.fresh(newBlocks[level] as number);
    handle.dirty(buffer);
    path.setPointer(alloc, handle, inode, level - 1, path.slot(level - 1), buffer.block);
    path.buffers[level] = buffer;
  }
  for (let i = 0; i < count; i++) {
    path.setPointer(alloc, handle, inode, depth, path.slot(depth) + i, diskBlock + i);
  }
}

/**
 * Allocates the missing indirect blocks, and the data if wanted; or nothing.
 * @returns data blocks, in `alloc.found`.
 */
function allocateAll(alloc: Allocator, handle: Handle, inode: Inode, withData: boolean): number {
  const first = path.reached + 1;
  let level = first;
  let result = 0;
  for (; level <= path.depth && result >= 0; level++) {
    result = alloc.allocate(handle, inode, nodeGoal);
    newBlocks[level] = alloc.found.diskBlock;
  }
  if (result >= 0) {
    result = withData ? alloc.allocate(handle, inode, goal) : 0;
    if (result >= 0) return result;
  } else level--;
  while (--level >= first) alloc.undo(handle, inode, newBlocks[level] as number, 1);
  return result;
}

/** Asks for what continues the block before `fileBlock`. */
function setGoal(
  alloc: Allocator,
  inode: Inode,
  fileBlock: number,
  blocks: number,
  options: AllocateOptions,
): void {
  goal.diskBlock = 0;
  if (fileBlock > 0 && before.find(alloc, inode, fileBlock - 1)) {
    const { depth } = before;
    const last = before.reached === depth ? before.pointer(depth, before.slot(depth)) : 0;
    if (last !== 0) goal.diskBlock = last + 1;
  }
  goal.fileBlock = fileBlock;
  goal.blocks = blocks;
  goal.privileged = options.privileged;
  goal.append = options.append && !options.metadata;
}
