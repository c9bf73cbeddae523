/**
 * Making room in a leaf of an extent tree: nodes are split, and the tree grows by moving the root down.
 *
 * @module
 */

import type { Allocator } from "../alloc/allocator.ts";
import type { Buffer } from "../device/cache.ts";
import { Corrupt } from "../errors.ts";
import type { Handle } from "../journal/transaction.ts";
import {
  EXTENT_ENTRY_BYTES,
  EXTENT_HEADER_BYTES,
  extentCapacity,
  extentDepth,
  INODE_EXTENT_ENTRIES,
  MAX_EXTENT_DEPTH,
  setExtentEntries,
  writeExtentHeader,
  writeExtentIndex,
} from "../layout/extent.ts";
import type { Inode } from "../volume/inode.ts";
import { dirtyNode, type ExtentPath, VERIFIED_EXTENT_NODE } from "./extent_path.ts";
import { nodeGoal } from "./node_goal.ts";

/** Blocks for new nodes, allocated before anything is changed. */
const newBlocks = new Float64Array(MAX_EXTENT_DEPTH + 1);

/**
 * Makes sure that the leaf for `fileBlock` has room for `slots` more entries, and leaves `path` there.
 *
 * @param path at `fileBlock`.
 * @param appending an entry for `fileBlock` is put in at once: a leaf may then stay full and the entry go to a new one.
 * @returns 0, or the allocator's negative answer; the tree is a good one either way.
 */
export function makeRoom(
  alloc: Allocator,
  handle: Handle,
  inode: Inode,
  path: ExtentPath,
  fileBlock: number,
  slots: number,
  appending = false,
): number {
  while (path.leaf.max - path.leaf.entries < slots) {
    let full = path.depth;
    while (full > 0 && path.level(full - 1).entries === path.level(full - 1).max) full--;
    // The root has no brother: when it is full, or is the leaf, it moves down.
    const result = full === 0
      ? grow(alloc, handle, inode, path)
      : split(alloc, handle, inode, path, full, appending ? fileBlock : -1);
    if (result < 0) return result;
    path.find(alloc, inode, fileBlock);
  }
  return 0;
}

/** Moves the root's entries down into a node of their own. */
function grow(alloc: Allocator, handle: Handle, inode: Inode, path: ExtentPath): number {
  const root = path.level(0);
  const depth = extentDepth(root.view, root.node);
  if (depth >= MAX_EXTENT_DEPTH) {
    throw new Corrupt("extent node", `inode ${inode.ino} i_block`, "eh_depth cannot grow");
  }
  const result = allocateNodes(alloc, handle, inode, 1);
  if (result < 0) return result;
  const buffer = freshNode(alloc, handle, inode, newBlocks[0] as number, depth);
  const { entries } = root;
  const key = root.key(0);
  copyEntries(root.view, root.at(0), buffer.view, EXTENT_HEADER_BYTES, entries);
  setExtentEntries(buffer.view, 0, entries);
  inode.raw.fill(0, root.at(0), root.at(INODE_EXTENT_ENTRIES));
  writeExtentHeader(root.view, root.node, 1, INODE_EXTENT_ENTRIES, depth + 1);
  writeExtentIndex(root.view, root.at(0), key, buffer.block);
  alloc.volume.dirtyInode(handle, inode);
  return 0;
}

/**
 * Splits the nodes of the path from level `top` (whose parent has room) down to the leaf.
 * @param appended the file block of an entry that will go behind a full leaf's last, or -1.
 */
function split(
  alloc: Allocator,
  handle: Handle,
  inode: Inode,
  path: ExtentPath,
  top: number,
  appended: number,
): number {
  const { depth } = path;
  const result = allocateNodes(alloc, handle, inode, depth - top + 1);
  if (result < 0) return result;
  let key = -1;
  let child: Buffer | null = null;
  for (let number = depth; number >= top; number--) {
    const level = path.level(number);
    const buffer = freshNode(
      alloc,
      handle,
      inode,
      newBlocks[number - top] as number,
      depth - number,
    );
    const { entries, index } = level;
    const alone = number < depth || (appended >= 0 && level.high === path.level(0).high);
    const at = splitPosition(entries, index + 1, alone);
    const split = at < entries ? level.key(at) : number < depth ? key : appended;
    copyEntries(level.view, level.at(at), buffer.view, EXTENT_HEADER_BYTES, entries - at);
    setExtentEntries(buffer.view, 0, entries - at);
    setExtentEntries(level.view, level.node, at);
    if (child !== null) {
      if (index + 1 > at || at === entries) {
        insertIndex(buffer.view, 0, entries - at, index + 1 - at, key, child.block);
      } else insertIndex(level.view, level.node, at, index + 1, key, child.block);
    }
    path.dirty(alloc, handle, inode, level);
    key = split;
    child = buffer;
  }
  const parent = path.level(top - 1);
  if (child !== null) {
    insertIndex(parent.view, parent.node, parent.entries, parent.index + 1, key, child.block);
  }
  path.dirty(alloc, handle, inode, parent);
  return 0;
}

/**
 * Where to split a full node that is to take an entry at `position`: near the ends there, so that what is written in
 * order leaves full nodes behind; else in the middle.
 *
 * @param alone the new node may begin with nothing but the new entry.
 */
function splitPosition(entries: number, position: number, alone: boolean): number {
  if (position === entries && alone) return entries;
  if (position * 4 > entries && position * 4 < entries * 3) return entries >>> 1;
  return Math.max(1, Math.min(position, entries - 1));
}

/** Puts an index entry into a node that has room. */
function insertIndex(
  view: DataView,
  node: number,
  entries: number,
  index: number,
  fileBlock: number,
  childBlock: number,
): void {
  const first = node + EXTENT_HEADER_BYTES;
  const at = first + index * EXTENT_ENTRY_BYTES;
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  bytes.copyWithin(at + EXTENT_ENTRY_BYTES, at, first + entries * EXTENT_ENTRY_BYTES);
  writeExtentIndex(view, at, fileBlock, childBlock);
  setExtentEntries(view, node, entries + 1);
}

/** Copies entries from one node to another and clears where they were. */
function copyEntries(
  from: DataView,
  fromOffset: number,
  to: DataView,
  toOffset: number,
  entries: number,
): void {
  const length = entries * EXTENT_ENTRY_BYTES;
  const source = new Uint8Array(from.buffer, from.byteOffset + fromOffset, length);
  new Uint8Array(to.buffer, to.byteOffset + toOffset, length).set(source);
  source.fill(0);
}

/** A buffer for a new node without entries. */
function freshNode(
  alloc: Allocator,
  handle: Handle,
  inode: Inode,
  block: number,
  depth: number,
): Buffer {
  const buffer = alloc.volume.cache.fresh(block);
  writeExtentHeader(buffer.view, 0, 0, extentCapacity(buffer.bytes.length), depth);
  buffer.verifiedAs = VERIFIED_EXTENT_NODE;
  dirtyNode(alloc, handle, inode, buffer);
  return buffer;
}

/** Allocates `count` blocks into `newBlocks`, or none. */
function allocateNodes(alloc: Allocator, handle: Handle, inode: Inode, count: number): number {
  for (let i = 0; i < count; i++) {
    const result = alloc.allocate(handle, inode, nodeGoal);
    if (result < 0) {
      while (--i >= 0) alloc.undo(handle, inode, newBlocks[i] as number, 1);
      return result;
    }
    newBlocks[i] = alloc.found.diskBlock;
  }
  return 0;
}
