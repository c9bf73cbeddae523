/**
 * Turning unwritten extents into written ones, whole or in part.
 *
 * @module
 */

import type { Allocator } from "../alloc/allocator.ts";
import type { Handle } from "../journal/transaction.ts";
import {
  extentBlocks,
  extentDiskBlock,
  extentIsUnwritten,
  setExtentBlocks,
  writeExtent,
} from "../layout/extent.ts";
import type { Inode } from "../volume/inode.ts";
import { collapseRoot } from "./extent_collapse.ts";
import { joinLeft, joinNext, joinRight, openEntry } from "./extent_insert.ts";
import { mergeNeighbors } from "./extent_merge.ts";
import { ExtentPath } from "./extent_path.ts";
import { makeRoom } from "./extent_split.ts";

const path = new ExtentPath();

/**
 * Makes what is unwritten in `[fileBlock, endFileBlock)` written. Holes and written blocks are passed over.
 * @returns 0, or the allocator's negative answer; what was converted by then stays so.
 */
export function convertExtents(
  alloc: Allocator,
  handle: Handle,
  inode: Inode,
  fileBlock: number,
  endFileBlock: number,
): number {
  inode.forgetMapping();
  for (let at = fileBlock; at < endFileBlock;) {
    const leaf = path.find(alloc, inode, at);
    const entry = leaf.at(leaf.index);
    const stop = leaf.index < 0 ? 0 : leaf.key(leaf.index) + extentBlocks(leaf.view, entry);
    if (stop <= at) {
      at = leaf.index + 1 < leaf.entries ? leaf.key(leaf.index + 1) : leaf.high;
      continue;
    }
    const to = Math.min(stop, endFileBlock);
    if (extentIsUnwritten(leaf.view, entry)) {
      const result = convertPart(alloc, handle, inode, at, to);
      if (result < 0) return result;
    }
    at = to;
  }
  collapseRoot(alloc, handle, inode);
  return 0;
}

/** Converts `[from, to)`, a part of the unwritten extent at the path. */
function convertPart(
  alloc: Allocator,
  handle: Handle,
  inode: Inode,
  from: number,
  to: number,
): number {
  const { leaf } = path;
  const start = leaf.key(leaf.index);
  const stop = start + extentBlocks(leaf.view, leaf.at(leaf.index));
  if (from === start && to === stop) {
    setExtentBlocks(leaf.view, leaf.at(leaf.index), stop - start, false);
    const joined = joinNext(leaf, leaf.index);
    const joinedBefore = joinNext(leaf, leaf.index - 1);
    path.dirty(alloc, handle, inode, leaf);
    if (joined || joinedBefore) mergeNeighbors(alloc, handle, inode, path);
    return 0;
  }
  if (from === start && moveToLeft(alloc, handle, inode, to, stop)) return 0;
  if (to === stop && moveToRight(alloc, handle, inode, from)) return 0;
  const slots = from === start || to === stop ? 1 : 2;
  const result = makeRoom(alloc, handle, inode, path, from, slots);
  if (result < 0) return result;
  cut(alloc, handle, inode, from, to);
  return 0;
}

/** Lets the written extent before the path's take over the path's first blocks, up to `to`. */
function moveToLeft(
  alloc: Allocator,
  handle: Handle,
  inode: Inode,
  to: number,
  stop: number,
): boolean {
  const { leaf } = path;
  const { view, index } = leaf;
  const start = leaf.key(index);
  const diskBlock = extentDiskBlock(view, leaf.at(index));
  if (!joinLeft(leaf, index - 1, start, to - start, diskBlock, false)) return false;
  writeExtent(view, leaf.at(index), to, stop - to, diskBlock + to - start, true);
  path.dirty(alloc, handle, inode, leaf);
  return true;
}

/** Lets the written extent behind the path's take over the path's last blocks, from `from` on. */
function moveToRight(alloc: Allocator, handle: Handle, inode: Inode, from: number): boolean {
  const { leaf } = path;
  const { view, index } = leaf;
  const start = leaf.key(index);
  const entry = leaf.at(index);
  const blocks = start + extentBlocks(view, entry) - from;
  const diskBlock = extentDiskBlock(view, entry) + from - start;
  if (!joinRight(leaf, index + 1, from, blocks, diskBlock, false)) return false;
  setExtentBlocks(view, entry, from - start, true);
  path.dirty(alloc, handle, inode, leaf);
  return true;
}

/** Cuts the unwritten extent at the path in two or three, of which `[from, to)` is written. The leaf has room. */
function cut(alloc: Allocator, handle: Handle, inode: Inode, from: number, to: number): void {
  const { leaf } = path;
  const { view } = leaf;
  let { index } = leaf;
  const start = leaf.key(index);
  const stop = start + extentBlocks(view, leaf.at(index));
  const diskBlock = extentDiskBlock(view, leaf.at(index));
  if (from > start) {
    setExtentBlocks(view, leaf.at(index), from - start, true);
    openEntry(leaf, ++index);
  }
  writeExtent(view, leaf.at(index), from, to - from, diskBlock + from - start, false);
  if (to < stop) {
    openEntry(leaf, index + 1);
    writeExtent(view, leaf.at(index + 1), to, stop - to, diskBlock + to - start, true);
  }
  path.dirty(alloc, handle, inode, leaf);
}
