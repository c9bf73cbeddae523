/**
 * Looking up file blocks in the block map of a file without extents.
 *
 * @module
 */

import type { Allocator } from "../alloc/allocator.ts";
import type { Inode } from "../volume/inode.ts";
import { BlockMapPath, checkPointers } from "./block_map_path.ts";
import { remember } from "./mapping.ts";

/** A run is followed at least so far, for lookups to come. */
const LOOK_AHEAD = 64;

const path = new BlockMapPath();

/** Finds the run that begins at `fileBlock`, blocks or a hole, and remembers it in the inode. */
export function lookupBlockMap(
  alloc: Allocator,
  inode: Inode,
  fileBlock: number,
  maxBlocks: number,
): void {
  if (!path.find(alloc, inode, fileBlock)) {
    remember(inode, fileBlock, 0, maxBlocks, false);
    return;
  }
  const level = path.reached;
  if (level < path.depth) {
    const left = path.slotBlocks(alloc, level) - path.offsetInSlot(alloc, level);
    remember(inode, fileBlock, 0, left, false);
    return;
  }
  const blocks = runLength(alloc, path, Math.max(maxBlocks, LOOK_AHEAD));
  const diskBlock = path.pointer(level, path.slot(level));
  if (diskBlock !== 0) checkPointers(alloc, inode, diskBlock, blocks);
  remember(inode, fileBlock, diskBlock, blocks, false);
}

/** How many slots from the path's on continue its block, or its hole; at most `limit`. */
export function runLength(alloc: Allocator, path: BlockMapPath, limit: number): number {
  const level = path.depth;
  const slot = path.slot(level);
  const most = Math.min(limit, path.arraySlots(alloc, level) - slot);
  const first = path.pointer(level, slot);
  let length = 1;
  if (first === 0) {
    while (length < most && path.pointer(level, slot + length) === 0) length++;
  } else {
    while (length < most && path.pointer(level, slot + length) === first + length) length++;
  }
  return length;
}
