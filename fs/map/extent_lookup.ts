/**
 * Looking up file blocks in an extent tree.
 *
 * @module
 */

import type { Allocator } from "../alloc/allocator.ts";
import { extentBlocks, extentDiskBlock, extentIsUnwritten } from "../layout/extent.ts";
import type { Inode } from "../volume/inode.ts";
import { ExtentPath, type PathLevel } from "./extent_path.ts";
import { remember } from "./mapping.ts";

const path = new ExtentPath();

/** Finds the run that holds `fileBlock`, an extent or a hole, and remembers it in the inode. */
export function lookupExtent(alloc: Allocator, inode: Inode, fileBlock: number): void {
  rememberAt(inode, path.find(alloc, inode, fileBlock), fileBlock);
}

/** Remembers what a leaf says of `fileBlock`. @returns whether it is mapped */
export function rememberAt(inode: Inode, leaf: PathLevel, fileBlock: number): boolean {
  const { view, index } = leaf;
  let start = leaf.low;
  if (index >= 0) {
    const entry = leaf.at(index);
    const first = leaf.key(index);
    const blocks = extentBlocks(view, entry);
    if (fileBlock < first + blocks) {
      remember(inode, first, extentDiskBlock(view, entry), blocks, extentIsUnwritten(view, entry));
      return true;
    }
    start = first + blocks;
  }
  const end = index + 1 < leaf.entries ? leaf.key(index + 1) : leaf.high;
  // A file block below the tree's first key is led to the leftmost leaf.
  start = Math.min(start, fileBlock);
  remember(inode, start, 0, Math.max(end - start, 1), false);
  return false;
}

/** Whether any of `[fileBlock, endFileBlock)` is mapped. */
export function anyExtentIn(
  alloc: Allocator,
  inode: Inode,
  fileBlock: number,
  endFileBlock: number,
): boolean {
  if (fileBlock >= endFileBlock) return false;
  const leaf = path.find(alloc, inode, endFileBlock - 1);
  if (leaf.index >= 0) {
    return leaf.key(leaf.index) + extentBlocks(leaf.view, leaf.at(leaf.index)) > fileBlock;
  }
  if (leaf.low <= fileBlock || leaf.low >= endFileBlock) return false;
  return anyExtentIn(alloc, inode, fileBlock, leaf.low);
}
