/**
 * Taking a range of file blocks out of the block map of a file without extents, from the end backwards, and freeing
 * them and the indirect blocks that nothing hangs on any more.
 *
 * @module
 */

import type { Allocator } from "../alloc/allocator.ts";
import type { Handle } from "../journal/transaction.ts";
import { maxMappedBlocks } from "../layout/indirect.ts";
import type { Inode } from "../volume/inode.ts";
import { BlockMapPath } from "./block_map_path.ts";
import { holdsMetadata } from "./mapping.ts";

const path = new BlockMapPath();

/**
 * Unmaps `[fileBlock, endFileBlock)`, working from the end, about `maxFrees` runs.
 * @returns the file block from which on all of the range is unmapped; `fileBlock`: done.
 */
export function removeBlocks(
  alloc: Allocator,
  handle: Handle,
  inode: Inode,
  fileBlock: number,
  endFileBlock: number,
  maxFrees: number,
): number {
  inode.forgetMapping();
  let end = Math.min(endFileBlock, maxMappedBlocks(alloc.volume.geometry.blockBytes));
  for (let frees = 0; end > fileBlock && frees < maxFrees;) {
    path.find(alloc, inode, end - 1);
    const level = path.reached;
    if (level < path.depth) {
      end = Math.max(fileBlock, end - 1 - path.offsetInSlot(alloc, level));
      continue;
    }
    if (path.pointer(level, path.slot(level)) === 0) {
      end = Math.max(fileBlock, end - holeBefore());
      continue;
    }
    end -= removeRun(alloc, handle, inode, end - fileBlock);
    frees++;
  }
  return Math.max(fileBlock, end);
}

/** How many slots up to and with the path's are empty. */
function holeBefore(): number {
  const { depth } = path;
  const slot = path.slot(depth);
  let length = 1;
  while (length <= slot && path.pointer(depth, slot - length) === 0) length++;
  return length;
}

/** Frees the run of at most `limit` consecutive blocks that ends at the path. @returns its length */
function removeRun(alloc: Allocator, handle: Handle, inode: Inode, limit: number): number {
  const { depth } = path;
  const slot = path.slot(depth);
  const last = path.pointer(depth, slot);
  let blocks = 1;
  while (blocks < limit && blocks <= slot && path.pointer(depth, slot - blocks) === last - blocks) {
    blocks++;
  }
  const first = slot - blocks + 1;
  alloc.checkFree(last - blocks + 1, blocks);
  let empty = depth;
  while (empty > 0 && isEmptyBut(alloc, empty, empty === depth ? first : path.slot(empty), slot)) {
    const { block } = path.buffers[empty] ?? { block: 0 };
    alloc.checkFree(block, 1);
    empty--;
  }
  alloc.free(handle, inode, last - blocks + 1, blocks, holdsMetadata(inode));
  for (let level = depth; level > empty; level--) {
    const block = path.buffers[level]?.block ?? 0;
    alloc.free(handle, inode, block, 1, true);
  }
  if (empty < depth) path.setPointer(alloc, handle, inode, empty, path.slot(empty), 0);
  else {
    for (let at = first; at <= slot; at++) path.setPointer(alloc, handle, inode, depth, at, 0);
  }
  return blocks;
}

/** Whether the array at a level has no block number but in `[first, last]`; above the lowest level, but in `first`. */
function isEmptyBut(alloc: Allocator, level: number, first: number, last: number): boolean {
  const end = level === path.depth ? last : first;
  const slots = path.arraySlots(alloc, level);
  for (let slot = 0; slot < slots; slot++) {
    if (slot === first) slot = end;
    else if (path.pointer(level, slot) !== 0) return false;
  }
  return true;
}
