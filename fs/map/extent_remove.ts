/**
 * Taking a range of file blocks out of an extent tree and freeing their clusters, from the end backwards.
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
import { checkRemoveEntry, collapseRoot, removeEntry } from "./extent_collapse.ts";
import { openEntry } from "./extent_insert.ts";
import { anyExtentIn } from "./extent_lookup.ts";
import { mergeNeighbors } from "./extent_merge.ts";
import { ExtentPath } from "./extent_path.ts";
import { holdsMetadata } from "./mapping.ts";
import { makeRoom } from "./extent_split.ts";

const path = new ExtentPath();

/** Disk blocks to free. */
const doomed = { diskBlock: 0, blocks: 0 };

/**
 * Unmaps `[fileBlock, endFileBlock)`, working from the end, about `maxFrees` extents.
 *
 * @returns the file block from which on all of the range is unmapped (`fileBlock`: done), or the allocator's negative
 * answer when an extent must be cut in two and no node can be had for it.
 */
export function removeExtents(
  alloc: Allocator,
  handle: Handle,
  inode: Inode,
  fileBlock: number,
  endFileBlock: number,
  maxFrees: number,
): number {
  let end = endFileBlock;
  inode.forgetMapping();
  for (let frees = 0; end > fileBlock && frees < maxFrees;) {
    const leaf = path.find(alloc, inode, end - 1);
    if (leaf.index < 0) {
      // All of this leaf lies behind; go on before it, if there is anything.
      end = leaf.low >= end ? fileBlock : Math.max(fileBlock, leaf.low);
      continue;
    }
    const start = leaf.key(leaf.index);
    const stop = start + extentBlocks(leaf.view, leaf.at(leaf.index));
    if (stop <= fileBlock) {
      end = fileBlock;
      break;
    }
    const from = Math.max(start, fileBlock);
    const result = removePart(alloc, handle, inode, from, Math.min(stop, end));
    if (result < 0) return result;
    end = from;
    frees++;
  }
  collapseRoot(alloc, handle, inode);
  return end;
}

/** Unmaps `[from, to)`, a part of the extent at the path. */
function removePart(
  alloc: Allocator,
  handle: Handle,
  inode: Inode,
  from: number,
  to: number,
): number {
  let { leaf } = path;
  let entry = leaf.at(leaf.index);
  const start = leaf.key(leaf.index);
  const stop = start + extentBlocks(leaf.view, entry);
  const diskBlock = extentDiskBlock(leaf.view, entry);
  const unwritten = extentIsUnwritten(leaf.view, entry);
  chooseDoomed(alloc, inode, from, to, diskBlock + from - start);
  if (doomed.blocks > 0) alloc.checkFree(doomed.diskBlock, doomed.blocks);
  if (from === start && to === stop) checkRemoveEntry(alloc, path);
  if (from > start && to < stop) {
    const result = makeRoom(alloc, handle, inode, path, from, 1);
    if (result < 0) return result;
    leaf = path.leaf;
    entry = leaf.at(leaf.index);
  }
  if (doomed.blocks > 0) {
    alloc.free(handle, inode, doomed.diskBlock, doomed.blocks, holdsMetadata(inode));
  }
  if (from === start && to === stop) {
    const survives = leaf.entries > 1;
    removeEntry(alloc, handle, inode, path);
    if (survives) mergeNeighbors(alloc, handle, inode, path);
    return 0;
  }
  const { view } = leaf;
  if (from > start) setExtentBlocks(view, entry, from - start, unwritten);
  if (to < stop) {
    if (from > start) openEntry(leaf, leaf.index + 1);
    const at = leaf.at(from > start ? leaf.index + 1 : leaf.index);
    writeExtent(view, at, to, stop - to, diskBlock + to - start, unwritten);
  }
  path.dirty(alloc, handle, inode, leaf);
  if (from === start && leaf.index === 0) path.updateKeys(alloc, handle, inode);
  return 0;
}

/**
 * Puts into `doomed` the whole clusters of `[from, to)`, which begins at `diskBlock`: a cluster at either end is left
 * out while other blocks of the file are mapped to it.
 */
function chooseDoomed(
  alloc: Allocator,
  inode: Inode,
  from: number,
  to: number,
  diskBlock: number,
): void {
  const { clusterBlocks } = alloc.volume.geometry;
  doomed.diskBlock = diskBlock;
  doomed.blocks = to - from;
  if (clusterBlocks === 1) return;
  const before = from % clusterBlocks;
  const after = (clusterBlocks - to % clusterBlocks) % clusterBlocks;
  let low = from - before;
  let high = to + after;
  if (before > 0 && anyExtentIn(alloc, inode, low, from)) low += clusterBlocks;
  if (after > 0 && anyExtentIn(alloc, inode, to, high)) high -= clusterBlocks;
  doomed.diskBlock = diskBlock + low - from;
  doomed.blocks = Math.max(0, high - low);
}
