/**
 * File block → disk block: the front door to extent trees and block maps.
 *
 * File blocks count from 0 to 2^32 - 2. Functions that change a map take a handle of the running transaction; negative
 * results are errnos or `NEEDS_COMMIT`, and nothing is changed then unless a function says so.
 *
 * @module
 */

import type { Allocator } from "../alloc/allocator.ts";
import { EFBIG, EOPNOTSUPP } from "../errno.ts";
import type { Handle } from "../journal/transaction.ts";
import { extentDepth, MAX_FILE_BLOCKS } from "../layout/extent.ts";
import { maxMappedBlocks } from "../layout/indirect.ts";
import { I_BLOCK_BYTES, I_BLOCK_OFFSET, InodeFlag } from "../layout/inode.ts";
import type { Inode } from "../volume/inode.ts";
import { allocateBlockMap, placeBlocks } from "./block_map_allocate.ts";
import { lookupBlockMap } from "./block_map_lookup.ts";
import { removeBlocks } from "./block_map_remove.ts";
import { allocateExtent, clusterBlockOf, placeExtent } from "./extent_allocate.ts";
import { replaceBlocks } from "./block_map_replace.ts";
import { writeEmptyRoot } from "./extent_collapse.ts";
import { convertExtents } from "./extent_convert.ts";
import { lookupExtent } from "./extent_lookup.ts";
import { removeExtents } from "./extent_remove.ts";
import { replaceExtent } from "./extent_replace.ts";
import { shiftExtents } from "./extent_shift.ts";
import {
  type AllocatedMapping,
  type AllocateOptions,
  type Mapping,
  newMapping,
  recall,
} from "./mapping.ts";

export { type AllocatedMapping, type AllocateOptions, clusterBlockOf, type Mapping, newMapping };

const scratch = newMapping();

/** Makes i_block an empty map, and sets the inode's EXTENTS flag accordingly. */
export function initialiseMap(inode: Inode, useExtents: boolean): void {
  inode.setFlag(InodeFlag.EXTENTS, useExtents);
  if (useExtents) {
    writeEmptyRoot(inode);
    return;
  }
  inode.raw.fill(0, I_BLOCK_OFFSET, I_BLOCK_OFFSET + I_BLOCK_BYTES);
  inode.forgetMapping();
}

/** The first file block that the inode's kind of map cannot address. */
export function maxFileBlocks(alloc: Allocator, inode: Inode): number {
  if (inode.has(InodeFlag.EXTENTS)) return MAX_FILE_BLOCKS;
  return maxMappedBlocks(alloc.volume.geometry.blockBytes);
}

/**
 * Finds the run that holds `fileBlock`.
 *
 * @param maxBlocks the longest run of interest, at least 1.
 * @param out filled: the run from `fileBlock` on, 1 to `maxBlocks` blocks; a hole has `diskBlock` 0. The run may end
 * before the extent or hole does.
 * @throws Corrupt "extent node", "block map"; DeviceError.
 */
export function lookup(
  alloc: Allocator,
  inode: Inode,
  fileBlock: number,
  maxBlocks: number,
  out: Mapping,
): void {
  if (recall(inode, fileBlock, maxBlocks, out)) return;
  if (inode.has(InodeFlag.EXTENTS)) lookupExtent(alloc, inode, fileBlock);
  else lookupBlockMap(alloc, inode, fileBlock, maxBlocks);
  recall(inode, fileBlock, maxBlocks, out);
}

/** The disk block of one file block; 0 for a hole. Unwritten blocks have one. @throws Corrupt, DeviceError */
export function blockOf(alloc: Allocator, inode: Inode, fileBlock: number): number {
  lookup(alloc, inode, fileBlock, 1, scratch);
  return scratch.diskBlock;
}

/**
 * Maps the start of a range: finds the run at `fileBlock` or, in a hole, allocates one. Existing mappings are returned
 * as they are, unwritten ones too.
 *
 * @param blocks blocks of the range, at least 1.
 * @param out filled when the result is positive; `fresh`: allocated now, the blocks' content is anything.
 * @returns blocks mapped, 1 to `blocks`; -ENOSPC; NEEDS_COMMIT; -EFBIG.
 * @throws Corrupt, DeviceError
 */
export function allocateRange(
  alloc: Allocator,
  handle: Handle,
  inode: Inode,
  fileBlock: number,
  blocks: number,
  options: AllocateOptions,
  out: AllocatedMapping,
): number {
  if (recall(inode, fileBlock, blocks, out) && out.diskBlock !== 0) {
    out.fresh = false;
    return out.blocks;
  }
  const limit = maxFileBlocks(alloc, inode);
  if (fileBlock >= limit) return -EFBIG;
  const wanted = Math.min(blocks, limit - fileBlock);
  const allocate = inode.has(InodeFlag.EXTENTS) ? allocateExtent : allocateBlockMap;
  return allocate(alloc, handle, inode, fileBlock, wanted, options, out);
}

/**
 * Maps the start of a hole to blocks that the inode was charged for.
 * @returns how many of the blocks are mapped now; or the allocator's negative answer when a new node is needed and
 * cannot be had, -EFBIG: nothing is changed then.
 * @throws Corrupt, DeviceError
 */
export function placeRange(
  alloc: Allocator,
  handle: Handle,
  inode: Inode,
  fileBlock: number,
  blocks: number,
  diskBlock: number,
  unwritten: boolean,
): number {
  if (!inode.has(InodeFlag.EXTENTS)) {
    return placeBlocks(alloc, handle, inode, fileBlock, blocks, diskBlock);
  }
  const result = placeExtent(alloc, handle, inode, fileBlock, blocks, diskBlock, unwritten);
  return result < 0 ? result : blocks;
}

/**
 * Makes what is unwritten in a range written; holes stay.
 * @returns 0; or -ENOSPC, NEEDS_COMMIT: a part of the range may be converted then.
 */
export function convertToWritten(
  alloc: Allocator,
  handle: Handle,
  inode: Inode,
  fileBlock: number,
  blocks: number,
): number {
  if (!inode.has(InodeFlag.EXTENTS)) return 0;
  return convertExtents(alloc, handle, inode, fileBlock, fileBlock + blocks);
}

/**
 * Frees the blocks of `[fileBlock, endFileBlock)`, from the end backwards, so that a long range can be spread over
 * several transactions.
 *
 * @param maxFrees about how many runs to free at most; each changes a few metadata blocks.
 * @returns the file block from which on everything up to `endFileBlock` is a hole now: `fileBlock` when done, else
 * call again with it as the end; or -ENOSPC, NEEDS_COMMIT when an extent must be cut in two and cannot.
 * @throws Corrupt when a block is not in use or is fixed metadata: what was freed by then stays so.
 */
export function removeRange(
  alloc: Allocator,
  handle: Handle,
  inode: Inode,
  fileBlock: number,
  endFileBlock: number,
  maxFrees: number,
): number {
  if (endFileBlock <= fileBlock) return fileBlock;
  const remove = inode.has(InodeFlag.EXTENTS) ? removeExtents : removeBlocks;
  return remove(alloc, handle, inode, fileBlock, endFileBlock, maxFrees);
}

/**
 * Maps file blocks, which are written and lie in one run, to other disk blocks; whose the old ones are is the caller's
 * affair.
 * @returns 0; -ENOSPC; NEEDS_COMMIT.
 * @throws Corrupt, DeviceError
 */
export function remapRun(
  alloc: Allocator,
  handle: Handle,
  inode: Inode,
  fileBlock: number,
  blocks: number,
  diskBlock: number,
): number {
  const replace = inode.has(InodeFlag.EXTENTS) ? replaceExtent : replaceBlocks;
  return replace(alloc, handle, inode, fileBlock, blocks, diskBlock);
}

/**
 * Moves the mapping of everything at or after `fromFileBlock` by `delta` file blocks. With clusters of several blocks
 * both must be multiples of the cluster.
 *
 * @param delta below 0: `[fromFileBlock + delta, fromFileBlock)` must be a hole; above 0: a hole comes into being.
 * @returns 0; -EOPNOTSUPP for a block-mapped file; -EINVAL when something is in the way; -EFBIG when something would
 * lie too far or the map is too large for one transaction; -ENOSPC; NEEDS_COMMIT.
 */
export function shiftRange(
  alloc: Allocator,
  handle: Handle,
  inode: Inode,
  fromFileBlock: number,
  delta: number,
): number {
  if (!inode.has(InodeFlag.EXTENTS)) return -EOPNOTSUPP;
  return shiftExtents(alloc, handle, inode, fromFileBlock, delta);
}

/** The first file block at or after `fileBlock` that has data; `limit` when there is none before it. */
export function nextData(
  alloc: Allocator,
  inode: Inode,
  fileBlock: number,
  limit: number,
): number {
  return next(alloc, inode, fileBlock, limit, true);
}

/** The first file block at or after `fileBlock` that is a hole or unwritten; `limit` when there is none before it. */
export function nextHole(
  alloc: Allocator,
  inode: Inode,
  fileBlock: number,
  limit: number,
): number {
  return next(alloc, inode, fileBlock, limit, false);
}

function next(
  alloc: Allocator,
  inode: Inode,
  fileBlock: number,
  limit: number,
  data: boolean,
): number {
  for (let at = fileBlock; at < limit; at += scratch.blocks) {
    lookup(alloc, inode, at, limit - at, scratch);
    if ((scratch.diskBlock !== 0 && !scratch.unwritten) === data) return at;
  }
  return limit;
}

/** Metadata blocks that mapping or unmapping `runs` runs may change, beyond the inode: for `Volume.begin`. */
export function mapCredits(inode: Inode, runs: number): number {
  // Each level may be split; every new or freed node, and each run, may touch another group's bitmap and descriptor.
  const depth = inode.has(InodeFlag.EXTENTS) ? extentDepth(inode.view, I_BLOCK_OFFSET) + 1 : 3;
  return Math.min(runs, 64) * (2 * depth + 3) + 3 * depth;
}

/**
 * Protects the journal's blocks like other fixed metadata: no other file may map them from now on.
 * @throws Corrupt, DeviceError
 */
export function protectJournal(alloc: Allocator): void {
  const { inodes, superblock } = alloc.volume;
  if (superblock.journalInode === 0) return;
  const inode = inodes.load(superblock.journalInode);
  const { blockBytes } = alloc.volume.geometry;
  const limit = Math.min(Math.ceil(inode.size / blockBytes), maxFileBlocks(alloc, inode));
  for (let at = 0; at < limit; at += scratch.blocks) {
    lookup(alloc, inode, at, limit - at, scratch);
    if (scratch.diskBlock !== 0) alloc.zones.add(scratch.diskBlock, scratch.blocks);
  }
}
