/**
 * fallocate: allocating, punching holes, zeroing, collapsing and inserting ranges.
 *
 * @module
 */

import { EFBIG, EINVAL, ENODEV, EOPNOTSUPP, EPERM } from "../errno.ts";
import { InodeFlag } from "../layout/inode.ts";
import { allocateRange, newMapping, removeRange, shiftRange } from "../map/map.ts";
import type { Inode } from "../volume/inode.ts";
import { FREES_A_STEP } from "./delete_inode.ts";
import type { Engine } from "./engine.ts";
import { mayUseContent } from "./sealed_content.ts";
import { maxFileBytes } from "./limits.ts";
import { convertInline } from "./inline.ts";
import { zeroTail, zeroWithinBlock } from "./truncate.ts";

/** Bits of `mode`: the kernel's FALLOC_FL_*. */
export const KEEP_SIZE = 0x01;
export const PUNCH_HOLE = 0x02;
export const COLLAPSE_RANGE = 0x08;
export const ZERO_RANGE = 0x10;
export const INSERT_RANGE = 0x20;

const run = newMapping();
/** Blocks allocated under one handle. */
const BLOCKS_A_STEP = 32768;

type Action = (engine: Engine, inode: Inode, offset: number, length: number, how: How) => number;

interface How {
  readonly keepSize: boolean;
  readonly privileged: boolean;
}

const ACTIONS: ReadonlyMap<number, Action> = new Map([
  [0, allocate],
  [PUNCH_HOLE, punch],
  [ZERO_RANGE, zeroRange],
  [COLLAPSE_RANGE, collapse],
  [INSERT_RANGE, insert],
]);

/**
 * Allocates, frees or moves the range `offset`, `length` (bytes) of a regular file.
 * @param mode FALLOC_FL_* bits.
 * @returns 0 or a negated errno; EOPNOTSUPP for a mode that ext4 does not have or for a block-mapped file.
 */
export function fallocate(
  engine: Engine,
  ino: number,
  offset: number,
  length: number,
  mode: number,
  privileged: boolean,
): number {
  const inode = engine.inode(ino);
  const action = ACTIONS.get(mode & ~KEEP_SIZE);
  const shifts = (mode & (COLLAPSE_RANGE | INSERT_RANGE)) !== 0;
  if (action === undefined || (shifts && (mode & KEEP_SIZE) !== 0)) return -EOPNOTSUPP;
  if ((mode & PUNCH_HOLE) !== 0 && (mode & KEEP_SIZE) === 0) return -EOPNOTSUPP;
  if (!inode.isRegular) return -ENODEV;
  if (offset < 0 || length <= 0) return -EINVAL;
  if (inode.has(InodeFlag.IMMUTABLE)) return -EPERM;
  const sealed = mayUseContent(inode, true);
  if (sealed < 0) return sealed;
  if (inode.has(InodeFlag.APPEND) && (mode & ~KEEP_SIZE) !== 0) return -EPERM;
  if (offset + length > maxFileBytes(engine, inode)) return -EFBIG;
  if (inode.has(InodeFlag.INLINE_DATA)) {
    const converted = engine.change((handle) => convertInline(engine, handle, inode, privileged));
    if (converted < 0) return converted;
  }
  if (!inode.has(InodeFlag.EXTENTS) && (mode & ~KEEP_SIZE) !== PUNCH_HOLE) return -EOPNOTSUPP;
  engine.alloc.discardPreallocation(inode);
  const keepSize = (mode & KEEP_SIZE) !== 0;
  const result = action(engine, inode, offset, length, { keepSize, privileged });
  if (result >= 0) {
    engine.change((handle) => {
      engine.stamp(handle, inode, true);
      return 0;
    });
    if (engine.options.sync || inode.has(InodeFlag.SYNC)) engine.volume.commit(true);
  }
  return result;
}

/** Unwritten blocks wherever the range has none. */
function allocate(engine: Engine, inode: Inode, offset: number, length: number, how: How): number {
  const { blockBytes } = engine.volume.geometry;
  const endBlock = Math.ceil((offset + length) / blockBytes);
  const options = { unwritten: true, privileged: how.privileged, append: false, metadata: false };
  let block = Math.floor(offset / blockBytes);
  while (block < endBlock) {
    const wanted = Math.min(endBlock - block, BLOCKS_A_STEP);
    const result = engine.change((handle) => {
      const count = allocateRange(engine.alloc, handle, inode, block, wanted, options, run);
      if (count > 0) block += count;
      return count;
    });
    if (result < 0) return result;
  }
  return how.keepSize ? 0 : grow(engine, inode, offset + length);
}

/** Raises the size; the old last block's rest must read as zeros. */
function grow(engine: Engine, inode: Inode, size: number): number {
  if (size <= inode.size) return 0;
  return engine.change((handle) => {
    const zeroed = zeroTail(engine, handle, inode, inode.size);
    if (zeroed < 0) return zeroed;
    inode.size = size;
    engine.dirty(handle, inode);
    return 0;
  });
}

function punch(engine: Engine, inode: Inode, offset: number, length: number): number {
  const { blockBytes } = engine.volume.geometry;
  const end = offset + length;
  // Blocks beyond the end of the file are freed with the last one.
  const fileEnd = Math.ceil(inode.size / blockBytes) * blockBytes;
  const last = end >= inode.size ? Math.max(end, fileEnd) : end;
  const zeroed = zeroEdges(engine, inode, offset, last);
  if (zeroed < 0) return zeroed;
  const first = Math.ceil(offset / blockBytes);
  return free(engine, inode, first, Math.floor(last / blockBytes));
}

/** Overwrites the parts of blocks at both ends of a range that does not begin and end with a block. */
function zeroEdges(engine: Engine, inode: Inode, offset: number, end: number): number {
  const { blockBytes } = engine.volume.geometry;
  const head = offset % blockBytes;
  const tail = end % blockBytes;
  if (head === 0 && tail === 0) return 0;
  return engine.change((handle) => {
    if (Math.floor(offset / blockBytes) === Math.floor(end / blockBytes)) {
      return zeroWithinBlock(engine, handle, inode, offset, end - offset);
    }
    let result = 0;
    if (head !== 0) result = zeroWithinBlock(engine, handle, inode, offset, blockBytes - head);
    if (result < 0 || tail === 0) return result;
    return zeroWithinBlock(engine, handle, inode, end - tail, tail);
  });
}

/** Frees the blocks from `first` up to `end`, in steps. */
function free(engine: Engine, inode: Inode, first: number, end: number): number {
  let limit = end;
  while (limit > first) {
    const result = engine.change((handle) => {
      const stopped = removeRange(engine.alloc, handle, inode, first, limit, FREES_A_STEP);
      if (stopped >= 0) limit = stopped;
      engine.dirty(handle, inode);
      return stopped;
    });
    if (result < 0) return result;
  }
  return 0;
}

function zeroRange(engine: Engine, inode: Inode, offset: number, length: number, how: How): number {
  const { blockBytes } = engine.volume.geometry;
  const end = offset + length;
  const firstBlock = Math.ceil(offset / blockBytes);
  const endBlock = Math.floor(end / blockBytes);
  const zeroed = zeroEdges(engine, inode, offset, end);
  if (zeroed < 0) return zeroed;
  if (endBlock > firstBlock) {
    const freed = free(engine, inode, firstBlock, endBlock);
    if (freed < 0) return freed;
  }
  return allocate(engine, inode, offset, length, how);
}

/** Takes the range out: what follows moves down. */
function collapse(engine: Engine, inode: Inode, offset: number, length: number): number {
  const { blockBytes, clusterBlocks } = engine.volume.geometry;
  const unit = blockBytes * clusterBlocks;
  if (offset % unit !== 0 || length % unit !== 0) return -EINVAL;
  if (offset + length >= inode.size) return -EINVAL;
  const first = offset / blockBytes;
  const blocks = length / blockBytes;
  const freed = free(engine, inode, first, first + blocks);
  if (freed < 0) return freed;
  return engine.change((handle) => {
    const shifted = shiftRange(engine.alloc, handle, inode, first + blocks, -blocks);
    if (shifted < 0) return shifted;
    inode.size -= length;
    engine.dirty(handle, inode);
    return 0;
  });
}

/** Opens a hole of `length` at `offset`: what follows moves up. */
function insert(engine: Engine, inode: Inode, offset: number, length: number): number {
  const { blockBytes, clusterBlocks } = engine.volume.geometry;
  const unit = blockBytes * clusterBlocks;
  if (offset % unit !== 0 || length % unit !== 0 || offset >= inode.size) return -EINVAL;
  if (inode.size + length > maxFileBytes(engine, inode)) return -EFBIG;
  return engine.change((handle) => {
    const first = offset / blockBytes;
    const shifted = shiftRange(engine.alloc, handle, inode, first, length / blockBytes);
    if (shifted < 0) return shifted;
    inode.size += length;
    engine.dirty(handle, inode);
    return 0;
  });
}
