/**
 * Giving a part of an extent other disk blocks.
 *
 * @module
 */

import type { Allocator } from "../alloc/allocator.ts";
import { Corrupt } from "../errors.ts";
import type { Handle } from "../journal/transaction.ts";
import {
  extentBlocks,
  extentDiskBlock,
  extentIsUnwritten,
  setExtentBlocks,
  setExtentDiskBlock,
  writeExtent,
} from "../layout/extent.ts";
import type { Inode } from "../volume/inode.ts";
import { joinLeft, joinNext, joinRight, openEntry } from "./extent_insert.ts";
import { mergeNeighbors } from "./extent_merge.ts";
import { ExtentPath, type PathLevel } from "./extent_path.ts";
import { makeRoom } from "./extent_split.ts";

const path = new ExtentPath();

/**
 * Maps file blocks that lie within one written extent to `diskBlock` and what follows; whose the old blocks are is the
 * caller's affair.
 * @returns 0; or the allocator's negative answer when a node is needed and cannot be had: nothing is changed then.
 * @throws Corrupt when there is no such extent; DeviceError.
 */
export function replaceExtent(
  alloc: Allocator,
  handle: Handle,
  inode: Inode,
  fileBlock: number,
  blocks: number,
  diskBlock: number,
): number {
  inode.forgetMapping();
  const leaf = path.find(alloc, inode, fileBlock);
  const to = fileBlock + blocks;
  const entry = leaf.at(leaf.index);
  const start = leaf.index < 0 ? 0 : leaf.key(leaf.index);
  const stop = leaf.index < 0 ? 0 : start + extentBlocks(leaf.view, entry);
  if (stop < to || extentIsUnwritten(leaf.view, entry)) {
    throw new Corrupt("extent node", `inode ${inode.ino}`, `no extent for file block ${fileBlock}`);
  }
  if (fileBlock === start && to === stop) {
    replaceWhole(alloc, handle, inode, leaf, diskBlock);
    return 0;
  }
  if (fileBlock === start && replaceFirst(alloc, handle, inode, leaf, blocks, diskBlock)) return 0;
  if (to === stop && replaceLast(alloc, handle, inode, leaf, blocks, diskBlock)) return 0;
  const slots = fileBlock === start || to === stop ? 1 : 2;
  const result = makeRoom(alloc, handle, inode, path, fileBlock, slots);
  if (result < 0) return result;
  cut(alloc, handle, inode, fileBlock, to, diskBlock);
  return 0;
}

function replaceWhole(
  alloc: Allocator,
  handle: Handle,
  inode: Inode,
  leaf: PathLevel,
  diskBlock: number,
): void {
  setExtentDiskBlock(leaf.view, leaf.at(leaf.index), diskBlock);
  const joined = joinNext(leaf, leaf.index);
  const joinedBefore = joinNext(leaf, leaf.index - 1);
  path.dirty(alloc, handle, inode, leaf);
  if (joined || joinedBefore) mergeNeighbors(alloc, handle, inode, path);
}

/** Lets the extent before take over the path's first blocks. @returns whether it can */
function replaceFirst(
  alloc: Allocator,
  handle: Handle,
  inode: Inode,
  leaf: PathLevel,
  blocks: number,
  diskBlock: number,
): boolean {
  const { view, index } = leaf;
  const start = leaf.key(index);
  const left = extentBlocks(view, leaf.at(index)) - blocks;
  const old = extentDiskBlock(view, leaf.at(index));
  if (!joinLeft(leaf, index - 1, start, blocks, diskBlock, false)) return false;
  writeExtent(view, leaf.at(index), start + blocks, left, old + blocks, false);
  path.dirty(alloc, handle, inode, leaf);
  return true;
}

/** Lets the extent behind take over the path's last blocks. @returns whether it can */
function replaceLast(
  alloc: Allocator,
  handle: Handle,
  inode: Inode,
  leaf: PathLevel,
  blocks: number,
  diskBlock: number,
): boolean {
  const { view, index } = leaf;
  const entry = leaf.at(index);
  const left = extentBlocks(view, entry) - blocks;
  if (!joinRight(leaf, index + 1, leaf.key(index) + left, blocks, diskBlock, false)) return false;
  setExtentBlocks(view, entry, left, false);
  path.dirty(alloc, handle, inode, leaf);
  return true;
}

/** Cuts the extent at the path in two or three, of which `[from, to)` lies elsewhere. The leaf has room. */
function cut(
  alloc: Allocator,
  handle: Handle,
  inode: Inode,
  from: number,
  to: number,
  diskBlock: number,
): void {
  const { leaf } = path;
  const { view } = leaf;
  let { index } = leaf;
  const start = leaf.key(index);
  const stop = start + extentBlocks(view, leaf.at(index));
  const old = extentDiskBlock(view, leaf.at(index));
  if (from > start) {
    setExtentBlocks(view, leaf.at(index), from - start, false);
    openEntry(leaf, ++index);
  }
  writeExtent(view, leaf.at(index), from, to - from, diskBlock, false);
  if (to < stop) {
    openEntry(leaf, index + 1);
    writeExtent(view, leaf.at(index + 1), to, stop - to, old + to - start, false);
  }
  path.dirty(alloc, handle, inode, leaf);
}
