/**
 * Adding an entry to an indexed directory, and giving a directory an index.
 *
 * @module
 */

import type { Handle } from "../journal/transaction.ts";
import {
  direntBytes,
  direntInode,
  direntRecLen,
  MIN_DIRENT_BYTES,
  setDirentRecLen,
} from "../layout/dirent.ts";
import { corruptHtree, writeHtreeRoot } from "../layout/htree.ts";
import { InodeFlag } from "../layout/inode.ts";
import type { Inode } from "../volume/inode.ts";
import {
  appendBlock,
  dirtyFirst,
  dirtyLeaf,
  dotDotOffset,
  initialiseLeaf,
  loadLeaf,
  useLeaf,
} from "./blocks.ts";
import { type DirContext, VERIFIED_ROOT } from "./context.ts";
import { probeHash, probeName } from "./htree_path.ts";
import { growIndex, INDEX_NODE_FULL, makeRoomInLeaf } from "./htree_split.ts";

/** A leaf split after each level of the index was split or added: more tries do not help. */
const MOST_TRIES = 8;

/**
 * Adds an entry to the leaf of its hash.
 *
 * @returns 0, -ENOSPC (also when the index is full) or NEEDS_COMMIT.
 * @throws Corrupt
 */
export function addIndexed(
  context: DirContext,
  handle: Handle,
  dir: Inode,
  name: Uint8Array,
  ino: number,
  fileType: number,
  privileged: boolean,
): number {
  const hash = probeName(context, dir, name);
  const need = direntBytes(name.length);
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const leaf = loadLeaf(context, dir, context.leafBlock);
    const region = useLeaf(context, dir, context.leafBlock, leaf);
    const at = region.findRoom(need);
    if (at >= 0) {
      region.insert(at, name, ino, fileType);
      dirtyLeaf(context, handle, dir, leaf);
      return 0;
    }
    let result = makeRoomInLeaf(context, handle, dir, leaf, hash, need, privileged);
    if (result === INDEX_NODE_FULL) {
      result = growIndex(context, handle, dir, privileged);
      if (result === 0) probeHash(context, dir, hash);
    }
    if (result < 0) return result;
  }
  throw corruptHtree(dir.ino, 0, "splitting makes no room");
}

/**
 * Turns the only block of a directory into the root of an index, and moves its entries to a leaf.
 *
 * @returns 0, or, with nothing changed, -ENOSPC or NEEDS_COMMIT.
 * @throws Corrupt
 */
export function makeIndexed(
  context: DirContext,
  handle: Handle,
  dir: Inode,
  privileged: boolean,
): number {
  const first = loadLeaf(context, dir, 0);
  const dotDot = dotDotOffset(context, first);
  const parent = direntInode(first.view, dotDot);
  const start = dotDot + direntRecLen(first.view, dotDot, context.blockBytes);
  const diskBlock = appendBlock(context, handle, dir, privileged);
  if (diskBlock < 0) return diskBlock;
  const leaf = context.cache.fresh(diskBlock);
  initialiseLeaf(context, leaf);
  if (start < context.leafBytes) {
    leaf.bytes.set(first.bytes.subarray(start, context.leafBytes), 0);
    extendLastEntry(context, leaf.view, context.leafBytes - start);
  }
  dirtyLeaf(context, handle, dir, leaf);
  const { bytes, view } = first;
  const { newHashVersion, filetype, checksums } = context;
  writeHtreeRoot(bytes, view, dir.ino, parent, newHashVersion, filetype, checksums, 1);
  first.verifiedAs = VERIFIED_ROOT;
  dirtyFirst(context, handle, dir, first);
  dir.setFlag(InodeFlag.INDEX, true);
  context.generation++;
  return 0;
}

/** Lets the last of the entries in the first `usedBytes` of a leaf reach to the leaf's end. */
function extendLastEntry(context: DirContext, view: DataView, usedBytes: number): void {
  const { blockBytes, leafBytes } = context;
  let at = 0;
  let recLen = direntRecLen(view, 0, blockBytes);
  while (at + recLen < usedBytes && recLen >= MIN_DIRENT_BYTES) {
    at += recLen;
    recLen = direntRecLen(view, at, blockBytes);
  }
  setDirentRecLen(view, at, leafBytes - at, blockBytes);
}
