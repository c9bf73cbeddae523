/**
 * Mapping what a file has mapped already to other disk blocks: the swap at the heart of moving a file.
 *
 * @module
 */

import type { Allocator } from "../alloc/allocator.ts";
import { Corrupt } from "../errors.ts";
import type { Handle } from "../journal/transaction.ts";
import { InodeFlag } from "../layout/inode.ts";
import type { Inode } from "../volume/inode.ts";
import { BlockMapPath } from "./block_map_path.ts";
import { placeExtent } from "./extent_allocate.ts";
import { ExtentPath } from "./extent_path.ts";
import { removeExtents } from "./extent_remove.ts";
import { holdsMetadata } from "./mapping.ts";
import { nodeGoal } from "./node_goal.ts";

const extentPath = new ExtentPath();
const blockPath = new BlockMapPath();
/** More extents than a range that is replaced can have. */
const ALL_EXTENTS = 2 ** 32;

/** A run of file blocks as it is mapped: as `lookup` finds it. */
export interface MappedRun {
  readonly fileBlock: number;
  readonly diskBlock: number;
  readonly blocks: number;
  readonly unwritten: boolean;
}

/**
 * Maps everything in a range to other disk blocks, and frees those where it was. Size, times and content are the
 * caller's: what is read from the new blocks afterwards is the file's content.
 *
 * @param runs all that is mapped in `[fileBlock, endFileBlock)`, in order.
 * @param fileBlock, endFileBlock with clusters of several blocks, multiples of the cluster.
 * @param diskBlock where `fileBlock` goes; the blocks behind follow. Allocated, and the inode is charged for them.
 * @returns 0; or -ENOSPC, -EDQUOT, NEEDS_COMMIT: nothing is changed then.
 * @throws Corrupt before anything is changed.
 */
export function replaceRange(
  alloc: Allocator,
  handle: Handle,
  inode: Inode,
  runs: readonly MappedRun[],
  fileBlock: number,
  endFileBlock: number,
  diskBlock: number,
): number {
  for (const run of runs) alloc.checkFree(run.diskBlock, run.blocks);
  const target = (run: MappedRun): number => diskBlock + run.fileBlock - fileBlock;
  if (!inode.has(InodeFlag.EXTENTS)) {
    for (const run of runs) pointElsewhere(alloc, handle, inode, run, target(run));
    return 0;
  }
  checkNodes(alloc, inode, fileBlock, endFileBlock);
  const spared = spareNodes(alloc, handle, inode);
  if (spared < 0) return spared;
  must(removeExtents(alloc, handle, inode, fileBlock, endFileBlock, ALL_EXTENTS), inode);
  for (const run of runs) {
    const { blocks, unwritten } = run;
    const at = target(run);
    must(placeExtent(alloc, handle, inode, run.fileBlock, blocks, at, unwritten), inode);
  }
  return 0;
}

/** What cannot fail, because its room was seen to. */
function must(result: number, inode: Inode): void {
  if (result >= 0) return;
  throw new Corrupt("extent node", `inode ${inode.ino}`, `no room for a node (${result})`);
}

/** Checks that the nodes above a range can be freed, should they become empty. @throws Corrupt */
function checkNodes(alloc: Allocator, inode: Inode, from: number, to: number): void {
  for (let at = from; at < to; at = extentPath.leaf.high) {
    extentPath.find(alloc, inode, at);
    for (let number = 1; number <= extentPath.depth; number++) {
      const { buffer } = extentPath.level(number);
      if (buffer !== null) alloc.checkFree(buffer.block, 1);
    }
  }
}

/**
 * Makes sure that as many nodes as one insertion may need can be allocated until the operation's end.
 * @returns 0, or the allocator's negative answer.
 */
function spareNodes(alloc: Allocator, handle: Handle, inode: Inode): number {
  extentPath.find(alloc, inode, 0);
  const spare: number[] = [];
  let result = 0;
  while (spare.length < extentPath.depth + 2 && result >= 0) {
    result = alloc.allocate(handle, inode, nodeGoal);
    if (result >= 0) spare.push(alloc.found.diskBlock);
  }
  for (const block of spare) alloc.undo(handle, inode, block, 1);
  return Math.min(0, result);
}

/** Block-mapped files: only the numbers change. */
function pointElsewhere(
  alloc: Allocator,
  handle: Handle,
  inode: Inode,
  run: MappedRun,
  diskBlock: number,
): void {
  inode.forgetMapping();
  for (let index = 0; index < run.blocks; index++) {
    blockPath.find(alloc, inode, run.fileBlock + index);
    const { depth } = blockPath;
    const slot = blockPath.slot(depth);
    blockPath.setPointer(alloc, handle, inode, depth, slot, diskBlock + index);
  }
  alloc.free(handle, inode, run.diskBlock, run.blocks, holdsMetadata(inode));
}
