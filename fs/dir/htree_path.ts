/**
 * The way from an index's root to the leaf for a hash, kept in the context's frames.
 *
 * @module
 */

import type { Buffer } from "../device/cache.ts";
import {
  corruptHtree,
  HTREE_ENTRY_BYTES,
  htreeBlock,
  htreeCount,
  htreeHash,
  NODE_ENTRIES_OFFSET,
  ROOT_ENTRIES_OFFSET,
  rootHashVersion,
  rootIndirectLevels,
} from "../layout/htree.ts";
import { decodeNoKeyName } from "../layout/no_key_name.ts";
import type { Inode } from "../volume/inode.ts";
import { loadNode, loadRoot } from "./blocks.ts";
import type { DirContext, HtreeFrame } from "./context.ts";

/** Above every hash: the end of the last leaf's range. */
export const HASH_END = 0x100000000;

/**
 * Hashes a name as the directory's index does, into `context.hasher`, and finds the way to the first leaf that can
 * hold it (`context.frames`, `depth`, `leafBlock`).
 *
 * @returns the major hash.
 * @throws Corrupt
 */
export function probeName(context: DirContext, dir: Inode, name: Uint8Array): number {
  const root = loadRoot(context, dir);
  context.useHash(dir, rootHashVersion(root.view));
  const hash = context.isEncrypted(dir)
    ? decodeNoKeyName(name)?.hash ?? 0
    : context.hasher.hash(context.hashVersion, name);
  descend(context, dir, root, hash);
  return hash;
}

/** Finds the way to the leaf for a hash; also sets the context's hash. @throws Corrupt */
export function probeHash(context: DirContext, dir: Inode, hash: number): void {
  const root = loadRoot(context, dir);
  context.useHash(dir, rootHashVersion(root.view));
  descend(context, dir, root, hash);
}

function descend(context: DirContext, dir: Inode, root: Buffer, hash: number): void {
  const levels = rootIndirectLevels(root.view);
  if (levels > context.maxIndirectLevels) {
    throw corruptHtree(dir.ino, 0, `indirect_levels ${levels}`);
  }
  let frame = context.frames[0];
  setFrame(frame, root, ROOT_ENTRIES_OFFSET, context.rootLimit, dir, 0);
  frame.at = search(frame, hash);
  let block = htreeBlock(root.view, ROOT_ENTRIES_OFFSET, frame.at);
  for (let level = 1; level <= levels; level++) {
    frame = level === 1 ? context.frames[1] : context.frames[2];
    const node = loadNode(context, dir, block);
    setFrame(frame, node, NODE_ENTRIES_OFFSET, context.nodeLimit, dir, block);
    frame.at = search(frame, hash);
    block = htreeBlock(node.view, NODE_ENTRIES_OFFSET, frame.at);
  }
  context.depth = levels + 1;
  context.leafBlock = block;
}

/** The frame of a level, 0 being the root's. */
export function frameAt(context: DirContext, level: number): HtreeFrame {
  const { frames } = context;
  return level === 0 ? frames[0] : level === 1 ? frames[1] : frames[2];
}

function setFrame(
  frame: HtreeFrame,
  buffer: Buffer,
  entries: number,
  limit: number,
  dir: Inode,
  fileBlock: number,
): void {
  const count = htreeCount(buffer.view, entries);
  // Verified when loaded; again because a hostile image can make one block serve as two structures.
  if (count === 0 || count > limit) throw corruptHtree(dir.ino, fileBlock, `count ${count}`);
  frame.buffer = buffer;
  frame.entries = entries;
  frame.count = count;
  frame.limit = limit;
}

/** Index of the last entry whose hash is not above `hash`. */
function search(frame: HtreeFrame, hash: number): number {
  const { view } = frame.buffer;
  const { entries } = frame;
  let low = 1;
  let high = frame.count - 1;
  while (low <= high) {
    const middle = (low + high) >>> 1;
    if (view.getUint32(entries + middle * HTREE_ENTRY_BYTES, true) > hash) high = middle - 1;
    else low = middle + 1;
  }
  return low - 1;
}

/**
 * Smallest hash that the frames' leaf stands for; odd when names of that hash less one go on in it. 0 in the first
 * leaf.
 */
export function leafLowHash(context: DirContext): number {
  for (let level = context.depth - 1; level >= 0; level--) {
    const frame = frameAt(context, level);
    if (frame.at > 0) return htreeHash(frame.buffer.view, frame.entries, frame.at);
  }
  return 0;
}

/** The low hash of the leaf that follows the frames' leaf, or HASH_END. */
export function leafHighHash(context: DirContext): number {
  for (let level = context.depth - 1; level >= 0; level--) {
    const frame = frameAt(context, level);
    if (frame.at + 1 < frame.count) {
      return htreeHash(frame.buffer.view, frame.entries, frame.at + 1);
    }
  }
  return HASH_END;
}

/** Moves on to the next leaf when names of this hash go on there. @throws Corrupt */
export function nextLeafOfHash(context: DirContext, dir: Inode, hash: number): boolean {
  return leafHighHash(context) === hash + 1 && nextLeaf(context, dir);
}

/** Moves on to the next leaf; false when there is none. @throws Corrupt */
export function nextLeaf(context: DirContext, dir: Inode): boolean {
  let level = context.depth - 1;
  let frame = frameAt(context, level);
  while (frame.at + 1 >= frame.count) {
    if (level === 0) return false;
    frame = frameAt(context, --level);
  }
  frame.at++;
  let block = htreeBlock(frame.buffer.view, frame.entries, frame.at);
  while (++level < context.depth) {
    frame = frameAt(context, level);
    const node = loadNode(context, dir, block);
    setFrame(frame, node, NODE_ENTRIES_OFFSET, context.nodeLimit, dir, block);
    frame.at = 0;
    block = htreeBlock(node.view, NODE_ENTRIES_OFFSET, 0);
  }
  context.leafBlock = block;
  return true;
}
