/**
 * Moving everything behind a file block to other file blocks, for collapsing and inserting ranges: only the file
 * blocks in the tree change, nothing moves on disk.
 *
 * @module
 */

import type { Allocator } from "../alloc/allocator.ts";
import type { Buffer } from "../device/cache.ts";
import { EFBIG, EINVAL } from "../errno.ts";
import type { Handle } from "../journal/transaction.ts";
import {
  entryFileBlock,
  extentBlocks,
  extentDepth,
  extentDiskBlock,
  extentEntries,
  extentEntryOffset,
  extentIsUnwritten,
  indexChildBlock,
  MAX_FILE_BLOCKS,
  setEntryFileBlock,
  setExtentBlocks,
  writeExtent,
} from "../layout/extent.ts";
import { I_BLOCK_OFFSET } from "../layout/inode.ts";
import type { Inode } from "../volume/inode.ts";
import { collapseRoot } from "./extent_collapse.ts";
import { joinNext, openEntry } from "./extent_insert.ts";
import { anyExtentIn } from "./extent_lookup.ts";
import { dirtyNode, ExtentPath } from "./extent_path.ts";
import { makeRoom } from "./extent_split.ts";

const path = new ExtentPath();

/**
 * Moves what is mapped at or behind `fromFileBlock` by `delta` file blocks.
 *
 * @param delta below 0, `[fromFileBlock + delta, fromFileBlock)` must be a hole.
 * @returns 0; -EFBIG when an extent would lie too far, or the tree has more nodes than a transaction may change;
 * -EINVAL when something is in the way; or the allocator's negative answer.
 */
export function shiftExtents(
  alloc: Allocator,
  handle: Handle,
  inode: Inode,
  fromFileBlock: number,
  delta: number,
): number {
  inode.forgetMapping();
  if (delta === 0) return 0;
  if (delta < 0) {
    if (fromFileBlock + delta < 0) return -EINVAL;
    if (anyExtentIn(alloc, inode, fromFileBlock + delta, fromFileBlock)) return -EINVAL;
  } else if (anyExtentIn(alloc, inode, MAX_FILE_BLOCKS - delta, MAX_FILE_BLOCKS)) return -EFBIG;
  const result = cutAt(alloc, handle, inode, fromFileBlock);
  if (result < 0) return result;
  // All nodes to change are read and checked first: from then on nothing can fail.
  let leaves = 0;
  for (let at = fromFileBlock; at < MAX_FILE_BLOCKS; at = path.leaf.high) {
    path.find(alloc, inode, at);
    if (++leaves > alloc.volume.transactions.store.capacityBlocks / 2) return -EFBIG;
  }
  shiftNode(alloc, handle, inode, inode.view, I_BLOCK_OFFSET, fromFileBlock, delta);
  alloc.volume.dirtyInode(handle, inode);
  joinAt(alloc, handle, inode, fromFileBlock + Math.min(delta, 0));
  collapseRoot(alloc, handle, inode);
  return 0;
}

/** Cuts the extent that covers both `fileBlock` and the block before it in two. */
function cutAt(alloc: Allocator, handle: Handle, inode: Inode, fileBlock: number): number {
  let leaf = path.find(alloc, inode, fileBlock);
  if (leaf.index < 0) return 0;
  const start = leaf.key(leaf.index);
  const stop = start + extentBlocks(leaf.view, leaf.at(leaf.index));
  if (start === fileBlock || stop <= fileBlock) return 0;
  const result = makeRoom(alloc, handle, inode, path, fileBlock, 1);
  if (result < 0) return result;
  leaf = path.leaf;
  const { view, index } = leaf;
  const entry = leaf.at(index);
  const diskBlock = extentDiskBlock(view, entry);
  const unwritten = extentIsUnwritten(view, entry);
  setExtentBlocks(view, entry, fileBlock - start, unwritten);
  openEntry(leaf, index + 1);
  writeExtent(
    view,
    leaf.at(index + 1),
    fileBlock,
    stop - fileBlock,
    diskBlock + fileBlock - start,
    unwritten,
  );
  path.dirty(alloc, handle, inode, leaf);
  return 0;
}

/** Moves the entries of a node and of what is below it, from the last down to those before `from`. */
function shiftNode(
  alloc: Allocator,
  handle: Handle,
  inode: Inode,
  view: DataView,
  node: number,
  from: number,
  delta: number,
): void {
  const leaf = extentDepth(view, node) === 0;
  for (let index = extentEntries(view, node) - 1; index >= 0; index--) {
    const entry = extentEntryOffset(node, index);
    const key = entryFileBlock(view, entry);
    if (!leaf) {
      const child: Buffer = alloc.volume.cache.get(indexChildBlock(view, entry));
      shiftNode(alloc, handle, inode, child.view, 0, from, delta);
      dirtyNode(alloc, handle, inode, child);
    }
    if (key < from) return;
    setEntryFileBlock(view, entry, key + delta);
  }
}

/** Joins the extent that begins at `fileBlock` to the one before it, if they meet and share a leaf. */
function joinAt(alloc: Allocator, handle: Handle, inode: Inode, fileBlock: number): void {
  const leaf = path.find(alloc, inode, fileBlock);
  if (leaf.index < 1 || leaf.key(leaf.index) !== fileBlock) return;
  if (joinNext(leaf, leaf.index - 1)) path.dirty(alloc, handle, inode, leaf);
}
