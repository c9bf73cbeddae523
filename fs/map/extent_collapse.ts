/**
 * Making an extent tree smaller: nodes that lost their last entry go, and a root with a single child takes the child's
 * entries in when they fit.
 *
 * @module
 */

import type { Allocator } from "../alloc/allocator.ts";
import type { Handle } from "../journal/transaction.ts";
import {
  EXTENT_ENTRY_BYTES,
  extentDepth,
  extentEntries,
  INODE_EXTENT_ENTRIES,
  writeExtentHeader,
} from "../layout/extent.ts";
import { I_BLOCK_BYTES, I_BLOCK_OFFSET } from "../layout/inode.ts";
import type { Inode } from "../volume/inode.ts";
import { closeEntry } from "./extent_insert.ts";
import { ExtentPath } from "./extent_path.ts";

const collapsePath = new ExtentPath();

/** Makes the extent tree of an inode an empty one; blocks are not freed. */
export function writeEmptyRoot(inode: Inode): void {
  inode.raw.fill(0, I_BLOCK_OFFSET, I_BLOCK_OFFSET + I_BLOCK_BYTES);
  writeExtentHeader(inode.view, I_BLOCK_OFFSET, 0, INODE_EXTENT_ENTRIES, 0);
  inode.mapChecked = true;
  inode.forgetMapping();
}

/**
 * Checks that the nodes which `removeEntry` would free can be freed.
 * @throws Corrupt
 */
export function checkRemoveEntry(alloc: Allocator, path: ExtentPath): void {
  for (let number = path.depth; number > 0; number--) {
    const level = path.level(number);
    if (level.entries > 1) return;
    if (level.buffer !== null) alloc.checkFree(level.buffer.block, 1);
  }
}

/** Takes the leaf's entry at the path's index out, and with it each node that becomes empty. */
export function removeEntry(
  alloc: Allocator,
  handle: Handle,
  inode: Inode,
  path: ExtentPath,
): void {
  let number = path.depth;
  while (number > 0 && path.level(number).entries === 1) {
    const { buffer } = path.level(number);
    if (buffer !== null) alloc.free(handle, inode, buffer.block, 1, true);
    number--;
  }
  const level = path.level(number);
  closeEntry(level, level.index);
  path.dirty(alloc, handle, inode, level);
  if (level.entries === 0) writeEmptyRoot(inode);
  else if (level.index === 0) path.updateKeys(alloc, handle, inode, number);
}

/** Lets the root take in the entries of its only child, as often as they fit. */
export function collapseRoot(alloc: Allocator, handle: Handle, inode: Inode): void {
  const { view } = inode;
  while (extentDepth(view, I_BLOCK_OFFSET) > 0 && extentEntries(view, I_BLOCK_OFFSET) === 1) {
    collapsePath.find(alloc, inode, 0);
    const root = collapsePath.level(0);
    const child = collapsePath.level(1);
    const { entries, buffer } = child;
    if (buffer === null || entries === 0 || entries > INODE_EXTENT_ENTRIES) return;
    alloc.free(handle, inode, buffer.block, 1, true);
    const depth = extentDepth(child.view, 0);
    inode.raw.fill(0, I_BLOCK_OFFSET, I_BLOCK_OFFSET + I_BLOCK_BYTES);
    inode.raw.set(
      buffer.bytes.subarray(child.at(0), child.at(0) + entries * EXTENT_ENTRY_BYTES),
      root.at(0),
    );
    writeExtentHeader(view, I_BLOCK_OFFSET, entries, INODE_EXTENT_ENTRIES, depth);
    alloc.volume.dirtyInode(handle, inode);
  }
}
