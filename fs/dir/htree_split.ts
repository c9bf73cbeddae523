/**
 * Making room in an index: leaves are compacted or split, index nodes are split, and the tree grows by a level.
 *
 * Kernel documentation: Documentation/filesystems/ext4/directory.rst, "Hash Tree Directories".
 *
 * @module
 */

import type { Buffer } from "../device/cache.ts";
import { ENOSPC } from "../errno.ts";
import type { Handle } from "../journal/transaction.ts";
import { direntBytes, direntNameLen, writeDirentTail } from "../layout/dirent.ts";
import {
  HTREE_ENTRY_BYTES,
  htreeBlock,
  htreeHash,
  NODE_ENTRIES_OFFSET,
  setHtreeBlock,
  setHtreeCount,
  setHtreeEntry,
  setRootIndirectLevels,
  writeHtreeNode,
} from "../layout/htree.ts";
import type { Inode } from "../volume/inode.ts";
import { appendBlock, dirtyFirst, dirtyLeaf, dirtyNode, useLeaf } from "./blocks.ts";
import { type DirContext, type HtreeFrame, VERIFIED_LEAF, VERIFIED_NODE } from "./context.ts";
import type { EntryRegion } from "./entry_region.ts";
import { frameAt, leafHighHash, leafLowHash } from "./htree_path.ts";
import type { LeafOrder } from "./leaf_order.ts";

/** Share of a leaf up to which it is compacted rather than split, so that a compaction pays for some insertions. */
const COMPACT_SHARE = 0.75;

/** Answer of `makeRoomInLeaf`: the leaf's index node has no room for another leaf. */
export const INDEX_NODE_FULL = 1;

/**
 * Makes room for an entry of `needBytes` and this hash in the frames' leaf. Afterwards `context.leafBlock` is the leaf
 * to use.
 *
 * @returns 0, or, with nothing changed, INDEX_NODE_FULL, -ENOSPC or NEEDS_COMMIT.
 * @throws Corrupt
 */
export function makeRoomInLeaf(
  context: DirContext,
  handle: Handle,
  dir: Inode,
  leaf: Buffer,
  hash: number,
  needBytes: number,
  privileged: boolean,
): number {
  const { order } = context;
  const region = useLeaf(context, dir, context.leafBlock, leaf);
  const low = leafLowHash(context);
  const high = leafHighHash(context);
  order.gather(region, 0, context.hasher, context.hashVersion, low, high);
  context.copy.bytes.set(leaf.bytes);
  if (order.count < 2 || order.bytes + needBytes <= context.leafBytes * COMPACT_SHARE) {
    order.pack(context.copy.view, 0, order.count, region);
    context.generation++;
    dirtyLeaf(context, handle, dir, leaf);
    return 0;
  }
  if (isFull(frameAt(context, context.depth - 1))) return INDEX_NODE_FULL;
  const newBlock = dir.size / context.blockBytes;
  const diskBlock = appendBlock(context, handle, dir, privileged);
  if (diskBlock < 0) return diskBlock;
  const split = splitPoint(order, context.copy.view, context.blockBytes);
  const splitHash = order.hash(split);
  const continued = order.hash(split - 1) === splitHash ? 1 : 0;
  const other = context.cache.fresh(diskBlock);
  fillNewLeaf(context, handle, dir, other, newBlock, split);
  order.pack(context.copy.view, 0, split, region);
  dirtyLeaf(context, handle, dir, leaf);
  insertIndexEntry(context, handle, dir, context.depth - 1, splitHash + continued, newBlock);
  if (hash >= splitHash) context.leafBlock = newBlock;
  context.generation++;
  return 0;
}

/** Where in the order the second leaf begins: neither half is to be more than half full. At least 1. */
function splitPoint(order: LeafOrder, source: DataView, blockBytes: number): number {
  let size = 0;
  for (let index = order.count - 1; index > 0; index--) {
    const bytes = direntBytes(direntNameLen(source, order.offset(index)));
    if (size + bytes / 2 > blockBytes / 2) return index + 1;
    size += bytes;
  }
  return order.count >>> 1;
}

function fillNewLeaf(
  context: DirContext,
  handle: Handle,
  dir: Inode,
  leaf: Buffer,
  fileBlock: number,
  split: number,
): void {
  const { order, blockBytes, leafBytes } = context;
  const region: EntryRegion = context.otherRegion;
  region.set(leaf.bytes, leaf.view, 0, leafBytes, blockBytes, dir.ino, fileBlock);
  order.pack(context.copy.view, split, order.count, region);
  if (context.checksums) writeDirentTail(leaf.view, blockBytes);
  leaf.verifiedAs = VERIFIED_LEAF;
  dirtyLeaf(context, handle, dir, leaf);
}

/** Puts an index entry behind the one that was followed in the frame of `level`, which must have room. */
function insertIndexEntry(
  context: DirContext,
  handle: Handle,
  dir: Inode,
  level: number,
  hash: number,
  fileBlock: number,
): void {
  const frame = frameAt(context, level);
  const { buffer, entries } = frame;
  const place = entries + (frame.at + 1) * HTREE_ENTRY_BYTES;
  const end = entries + frame.count * HTREE_ENTRY_BYTES;
  buffer.bytes.copyWithin(place + HTREE_ENTRY_BYTES, place, end);
  setHtreeEntry(buffer.view, entries, frame.at + 1, hash, fileBlock);
  frame.count++;
  setHtreeCount(buffer.view, entries, frame.count);
  dirtyIndex(context, handle, dir, level);
}

function dirtyIndex(context: DirContext, handle: Handle, dir: Inode, level: number): void {
  const { buffer } = frameAt(context, level);
  if (level === 0) dirtyFirst(context, handle, dir, buffer);
  else dirtyNode(context, handle, dir, buffer);
}

/**
 * Makes room for one index entry somewhere above a full index node that the frames lead through: splits the highest
 * node whose parent has room, or adds a level below the root. The way has to be found again afterwards.
 *
 * @returns 0, -ENOSPC (also when the index is full) or NEEDS_COMMIT; nothing has changed then.
 */
export function growIndex(
  context: DirContext,
  handle: Handle,
  dir: Inode,
  privileged: boolean,
): number {
  let level = context.depth - 1;
  while (level > 0 && isFull(frameAt(context, level - 1))) level--;
  if (level === 0 && context.depth > context.maxIndirectLevels) return -ENOSPC;
  const newBlock = dir.size / context.blockBytes;
  const diskBlock = appendBlock(context, handle, dir, privileged);
  if (diskBlock < 0) return diskBlock;
  const node = context.cache.fresh(diskBlock);
  const frame = frameAt(context, level);
  const half = level === 0 ? 0 : frame.count >>> 1;
  moveIndexEntries(context, frame, half, node);
  dirtyNode(context, handle, dir, node);
  if (level > 0) {
    const hash = htreeHash(frame.buffer.view, frame.entries, half);
    setHtreeCount(frame.buffer.view, frame.entries, half);
    dirtyIndex(context, handle, dir, level);
    insertIndexEntry(context, handle, dir, level - 1, hash, newBlock);
    return 0;
  }
  const { view } = frame.buffer;
  setHtreeCount(view, frame.entries, 1);
  setHtreeBlock(view, frame.entries, 0, newBlock);
  setRootIndirectLevels(view, context.depth);
  dirtyIndex(context, handle, dir, 0);
  return 0;
}

/** Whether a frame's node has no room for another entry. */
function isFull(frame: HtreeFrame): boolean {
  return frame.count >= frame.limit;
}

/** Makes an inner node of a block of zeros, with the frame's entries from index `from` on. */
function moveIndexEntries(
  context: DirContext,
  frame: HtreeFrame,
  from: number,
  node: Buffer,
): void {
  const { view } = frame.buffer;
  const count = frame.count - from;
  const first = htreeBlock(view, frame.entries, from);
  writeHtreeNode(node.bytes, node.view, context.checksums, first);
  for (let index = 1; index < count; index++) {
    const hash = htreeHash(view, frame.entries, from + index);
    const block = htreeBlock(view, frame.entries, from + index);
    setHtreeEntry(node.view, NODE_ENTRIES_OFFSET, index, hash, block);
  }
  setHtreeCount(node.view, NODE_ENTRIES_OFFSET, count);
  node.verifiedAs = VERIFIED_NODE;
}
