/**
 * Uniting neighboring nodes of an extent tree that have become nearly empty.
 *
 * @module
 */

import type { Allocator } from "../alloc/allocator.ts";
import type { Handle } from "../journal/transaction.ts";
import { EXTENT_ENTRY_BYTES, setExtentEntries } from "../layout/extent.ts";
import type { Inode } from "../volume/inode.ts";
import { closeEntry, joinNext } from "./extent_insert.ts";
import { type ExtentPath, PathLevel } from "./extent_path.ts";

const neighbor = new PathLevel();

/**
 * Unites the leaf of the path, when it is a quarter full at most, with a neighbor below the same parent if that leaves
 * some room; likewise the nodes above. The path is not good any more afterwards.
 */
export function mergeNeighbors(
  alloc: Allocator,
  handle: Handle,
  inode: Inode,
  path: ExtentPath,
): void {
  for (let number = path.depth; number > 0; number--) {
    const level = path.level(number);
    if (level.entries === 0 || level.entries * 4 > level.max) return;
    const parent = path.level(number - 1);
    const merged = mergeAt(alloc, handle, inode, path, number, parent.index + 1) ||
      mergeAt(alloc, handle, inode, path, number, parent.index - 1);
    if (!merged) return;
  }
}

/** Unites the node of the path at level `number` with its parent's child `index`. @returns whether */
function mergeAt(
  alloc: Allocator,
  handle: Handle,
  inode: Inode,
  path: ExtentPath,
  number: number,
  index: number,
): boolean {
  const level = path.level(number);
  const parent = path.level(number - 1);
  if (index < 0 || index >= parent.entries) return false;
  path.child(alloc, inode, parent, index, neighbor, path.depth - number);
  const { entries } = neighbor;
  if (entries === 0 || (level.entries + entries) * 4 > level.max * 3) return false;
  const [left, right] = index > parent.index ? [level, neighbor] : [neighbor, level];
  if (left.buffer === null || right.buffer === null) return false;
  alloc.free(handle, inode, right.buffer.block, 1, true);
  const seam = left.entries;
  const bytes = right.entries * EXTENT_ENTRY_BYTES;
  left.bytes.set(right.bytes.subarray(right.at(0), right.at(0) + bytes), left.at(seam));
  setExtentEntries(left.view, left.node, seam + right.entries);
  if (number === path.depth) joinNext(left, seam - 1);
  path.dirty(alloc, handle, inode, left);
  closeEntry(parent, Math.max(index, parent.index));
  path.dirty(alloc, handle, inode, parent);
  return true;
}
