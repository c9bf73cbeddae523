/**
 * Reading a directory in the order of name hashes: see `read_sequence.ts` for the cookies.
 *
 * @module
 */

import { direntRecLen } from "../layout/dirent.ts";
import { corruptHtree } from "../layout/htree.ts";
import { InodeFlag } from "../layout/inode.ts";
import { lookup, type Mapping } from "../map/map.ts";
import type { Inode } from "../volume/inode.ts";
import {
  directoryBlocks,
  dotDotOffset,
  isIndexed,
  loadLeaf,
  useLeaf,
  walkLimit,
} from "./blocks.ts";
import type { DirContext } from "./context.ts";
import { type EmitEntry, emitEntry } from "./emit_entry.ts";
import type { EntryRegion } from "./entry_region.ts";
import { HASH_END, leafHighHash, leafLowHash, nextLeafOfHash, probeHash } from "./htree_path.ts";
import { useHead, usePart, useRest } from "./inline_dir.ts";
import { FIRST_POSITION, hashOfPosition, NO_POSITION, positionOfHash } from "./read_sequence.ts";

/** Read by one call. */
const READ_AHEAD_BYTES = 128 * 1024;
const run: Mapping = { diskBlock: 0, blocks: 0, unwritten: false };

/** Names that may share one hash before the directory counts as corrupt. */
const MOST_OF_ONE_HASH = 0x40000;

/** See `read`; without "." and "..". */
export function readHashed(
  context: DirContext,
  dir: Inode,
  cookie: number,
  emit: EmitEntry,
): void {
  const { sequence } = context;
  const inline = dir.has(InodeFlag.INLINE_DATA);
  // What is inline may be moved by attributes without our knowing.
  if (inline) sequence.forget(dir.ino);
  let position = Math.max(cookie, FIRST_POSITION);
  let left = -1;
  while (position < NO_POSITION) {
    if (!sequence.covers(dir.ino, position)) {
      load(context, dir, position);
      if (left < 0) left = inline ? 1 : 2 * walkLimit(context, dir);
      if (left-- === 0) throw corruptHtree(dir.ino, 0, "leaves without end");
    }
    const { high } = sequence;
    if (!emitSequence(context, dir, position, emit)) return;
    position = high;
  }
}

function emitSequence(
  context: DirContext,
  dir: Inode,
  position: number,
  emit: EmitEntry,
): boolean {
  const { sequence, readRegion } = context;
  let current = Number.NaN;
  for (let index = sequence.indexFrom(position); index < sequence.count; index++) {
    const fileBlock = sequence.fileBlock(index);
    if (fileBlock !== current) {
      readRegion.copy(usePlace(context, dir, fileBlock));
      current = fileBlock;
    }
    const next = sequence.position(index) + 1;
    if (!emitEntry(context, readRegion, sequence.offset(index), next, emit)) return false;
  }
  return true;
}

/** Sets the region to a leaf or an inline part. */
function usePlace(context: DirContext, dir: Inode, fileBlock: number): EntryRegion {
  if (fileBlock < 0) return usePart(context, dir, fileBlock);
  return useLeaf(context, dir, fileBlock, loadLeaf(context, dir, fileBlock));
}

/** Fills the sequence with what contains `position`. */
function load(context: DirContext, dir: Inode, position: number): void {
  context.sequence.clear();
  if (!dir.has(InodeFlag.INLINE_DATA) && isIndexed(context, dir)) {
    loadIndexed(context, dir, hashOfPosition(position));
  } else {
    loadWhole(context, dir);
  }
}

/** All of a directory of one block, or an inline one. */
function loadWhole(context: DirContext, dir: Inode): void {
  context.useHash(dir, context.newHashVersion);
  if (dir.has(InodeFlag.INLINE_DATA)) {
    const head = useHead(context, dir);
    appendRegion(context, head, head.start, 0, HASH_END, 0, HASH_END);
    const rest = useRest(context, dir);
    appendRegion(context, rest, rest.start, 0, HASH_END, 0, HASH_END);
  } else {
    const first = loadLeaf(context, dir, 0);
    const dotDot = dotDotOffset(context, first);
    const start = dotDot + direntRecLen(first.view, dotDot, context.blockBytes);
    const region = useLeaf(context, dir, 0, first);
    appendRegion(context, region, start, 0, HASH_END, 0, HASH_END);
  }
  finish(context, dir, FIRST_POSITION, NO_POSITION);
}

/** The leaf for a hash; where names of one hash go on in the next leaves, all of those names too. */
function loadIndexed(context: DirContext, dir: Inode, hash: number): void {
  probeHash(context, dir, hash);
  readAhead(context, dir, context.leafBlock);
  const low = leafLowHash(context);
  const high = leafHighHash(context);
  // An odd low hash: the names of the hash below it began in an earlier leaf and are read from there.
  const from = low + (low & 1);
  const shared = high !== HASH_END && (high & 1) === 1 ? high - 1 : -1;
  const to = shared < 0 ? high : high + 1;
  appendLeaf(context, dir, low, high, from, to);
  let left = walkLimit(context, dir);
  while (shared >= 0 && nextLeafOfHash(context, dir, shared)) {
    if (left-- === 0 || context.sequence.count > MOST_OF_ONE_HASH) {
      throw corruptHtree(dir.ino, 0, "leaves of one hash without end");
    }
    appendLeaf(context, dir, leafLowHash(context), leafHighHash(context), shared, shared + 1);
  }
  const first = from === 0 ? FIRST_POSITION : positionOfHash(from);
  finish(context, dir, first, high === HASH_END ? NO_POSITION : positionOfHash(to));
}

/**
 * Reads a leaf together with its neighbours: leaves are wanted in the order of hashes, which is none on the disk, but
 * all of them will be. Not in a directory that the cache cannot hold.
 */
function readAhead(context: DirContext, dir: Inode, leafBlock: number): void {
  const { alloc, cache } = context;
  const blocks = directoryBlocks(context, dir);
  if (blocks > cache.limitBlocks / 2) return;
  lookup(alloc, dir, leafBlock, 1, run);
  if (run.diskBlock === 0 || cache.peek(run.diskBlock) !== undefined) return;
  const together = Math.ceil(READ_AHEAD_BYTES / context.blockBytes);
  const first = leafBlock - leafBlock % together;
  lookup(alloc, dir, first, Math.min(together, blocks - first), run);
  if (run.diskBlock !== 0) cache.prefetch(run.diskBlock, run.blocks);
}

function appendLeaf(
  context: DirContext,
  dir: Inode,
  low: number,
  high: number,
  from: number,
  to: number,
): void {
  const leaf = loadLeaf(context, dir, context.leafBlock);
  const region = useLeaf(context, dir, context.leafBlock, leaf);
  appendRegion(context, region, 0, low, high, from, to);
}

/** Appends a region's entries, whose hashes must lie in `[low, high)`, as far as they lie in `[from, to)`. */
function appendRegion(
  context: DirContext,
  region: EntryRegion,
  start: number,
  low: number,
  high: number,
  from: number,
  to: number,
): void {
  const { order, hasher, hashVersion, sequence } = context;
  order.gather(region, start, hasher, hashVersion, low, high);
  sequence.append(order, region, hashVersion, from, to);
}

function finish(context: DirContext, dir: Inode, low: number, high: number): void {
  context.sequence.finish(
    dir.ino,
    low,
    high,
    (fileBlock) => usePlace(context, dir, fileBlock).bytes,
  );
}
