/**
 * Putting an extent into an extent tree: joined to its neighbours where they meet, else as an entry of its own.
 *
 * @module
 */

import type { Allocator } from "../alloc/allocator.ts";
import type { Handle } from "../journal/transaction.ts";
import {
  extentBlocks,
  extentDiskBlock,
  extentIsUnwritten,
  MAX_UNWRITTEN_BLOCKS,
  MAX_WRITTEN_BLOCKS,
  setEntryFileBlock,
  setExtentBlocks,
  setExtentDiskBlock,
  setExtentEntries,
  writeExtent,
} from "../layout/extent.ts";
import type { Inode } from "../volume/inode.ts";
import type { ExtentPath, PathLevel } from "./extent_path.ts";
import { makeRoom } from "./extent_split.ts";

/** The longest extent of a kind, in blocks. */
export function longestExtent(unwritten: boolean): number {
  return unwritten ? MAX_UNWRITTEN_BLOCKS : MAX_WRITTEN_BLOCKS;
}

/**
 * Puts an extent into a hole. The path is then at the entry that covers it.
 *
 * @param path at `fileBlock`.
 * @param blocks 1 to the longest extent of the kind.
 * @returns 0; or the allocator's negative answer when a new node is needed and cannot be had: nothing is changed then.
 */
export function insertExtent(
  alloc: Allocator,
  handle: Handle,
  inode: Inode,
  path: ExtentPath,
  fileBlock: number,
  blocks: number,
  diskBlock: number,
  unwritten: boolean,
): number {
  let { leaf } = path;
  const joined = joinLeft(leaf, leaf.index, fileBlock, blocks, diskBlock, unwritten);
  if (joined) {
    joinNext(leaf, leaf.index);
    path.dirty(alloc, handle, inode, leaf);
    return 0;
  }
  if (joinRight(leaf, leaf.index + 1, fileBlock, blocks, diskBlock, unwritten)) {
    path.dirty(alloc, handle, inode, leaf);
    if (++leaf.index === 0) path.updateKeys(alloc, handle, inode);
    return 0;
  }
  if (leaf.entries === leaf.max) {
    const result = makeRoom(alloc, handle, inode, path, fileBlock, 1, true);
    if (result < 0) return result;
    leaf = path.leaf;
  }
  openEntry(leaf, ++leaf.index);
  writeExtent(leaf.view, leaf.at(leaf.index), fileBlock, blocks, diskBlock, unwritten);
  path.dirty(alloc, handle, inode, leaf);
  if (leaf.index === 0) path.updateKeys(alloc, handle, inode);
  return 0;
}

/** Makes room for an entry at `index`; the leaf must have some. What the entry holds is left to the caller. */
export function openEntry(leaf: PathLevel, index: number): void {
  const { entries } = leaf;
  if (index < entries) leaf.bytes.copyWithin(leaf.at(index + 1), leaf.at(index), leaf.at(entries));
  setExtentEntries(leaf.view, leaf.node, entries + 1);
}

/** Takes the entry at `index` out. */
export function closeEntry(level: PathLevel, index: number): void {
  const { entries } = level;
  const last = level.at(entries - 1);
  if (index < entries - 1) {
    level.bytes.copyWithin(level.at(index), level.at(index + 1), level.at(entries));
  }
  writeExtent(level.view, last, 0, 0, 0, false);
  setExtentEntries(level.view, level.node, entries - 1);
}

/** Joins the entries at `index` and `index + 1` if they meet. @returns whether */
export function joinNext(leaf: PathLevel, index: number): boolean {
  const next = index + 1;
  if (index < 0 || next >= leaf.entries) return false;
  const { view } = leaf;
  const entry = leaf.at(next);
  const joined = joinLeft(
    leaf,
    index,
    leaf.key(next),
    extentBlocks(view, entry),
    extentDiskBlock(view, entry),
    extentIsUnwritten(view, entry),
  );
  if (joined) closeEntry(leaf, next);
  return joined;
}

/** Makes the entry at `index` longer by a run that continues it. @returns whether it does */
export function joinLeft(
  leaf: PathLevel,
  index: number,
  fileBlock: number,
  blocks: number,
  diskBlock: number,
  unwritten: boolean,
): boolean {
  if (index < 0) return false;
  const { view } = leaf;
  const entry = leaf.at(index);
  const length = extentBlocks(view, entry);
  if (
    leaf.key(index) + length !== fileBlock || extentDiskBlock(view, entry) + length !== diskBlock ||
    extentIsUnwritten(view, entry) !== unwritten || length + blocks > longestExtent(unwritten)
  ) return false;
  setExtentBlocks(view, entry, length + blocks, unwritten);
  return true;
}

/** Makes the entry at `index` begin earlier, with a run that it continues. @returns whether it does */
export function joinRight(
  leaf: PathLevel,
  index: number,
  fileBlock: number,
  blocks: number,
  diskBlock: number,
  unwritten: boolean,
): boolean {
  if (index >= leaf.entries) return false;
  const { view } = leaf;
  const entry = leaf.at(index);
  const length = extentBlocks(view, entry);
  if (
    leaf.key(index) !== fileBlock + blocks ||
    extentDiskBlock(view, entry) !== diskBlock + blocks ||
    extentIsUnwritten(view, entry) !== unwritten || length + blocks > longestExtent(unwritten)
  ) return false;
  setEntryFileBlock(view, entry, fileBlock);
  setExtentBlocks(view, entry, length + blocks, unwritten);
  setExtentDiskBlock(view, entry, diskBlock);
  return true;
}
