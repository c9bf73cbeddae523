/**
 * Attribute blocks (i_file_acl): one for an inode, or one shared by inodes with equal attributes (h_refcount).
 *
 * A change is made in a copy and then stored: in place when the block is the inode's own, else (or when an equal
 * block is known) in another block. Kernel documentation: filesystems/ext4/attributes.
 *
 * @module
 */

import type { Allocator } from "../alloc/allocator.ts";
import type { Buffer, Sealer } from "../device/cache.ts";
import { EDQUOT } from "../errno.ts";
import { Corrupt } from "../errors.ts";
import type { Handle } from "../journal/transaction.ts";
import { Incompat } from "../layout/features.ts";
import {
  isLastXattr,
  nextXattr,
  setXattrBlockChecksum,
  setXattrBlockHash,
  setXattrRefcount,
  storedXattrBlockHash,
  validateXattrBlock,
  writeXattrBlockHeader,
  XATTR_BLOCK_HEADER_BYTES,
  XATTR_REFCOUNT_MAX,
  xattrHash,
  xattrRefcount,
  xattrValueInode,
  xattrValueSize,
} from "../layout/xattr.ts";
import { xattrBlockHash } from "../layout/xattr_hash.ts";
import type { Inode } from "../volume/inode.ts";
import { chargeSectors } from "../volume/usage.ts";
import { addReference, dropReference, openValueInode } from "./ea_inode.ts";
import { isRegionEmpty, overlapProblem, type Region } from "./region.ts";
import { xattrState } from "./state.ts";

/** `Buffer.verifiedAs` of attribute blocks. */
const VERIFIED_XATTR_BLOCK = 4;

const SEALER: Sealer = {
  seal(buffer: Buffer, seed: number): void {
    setXattrBlockChecksum(buffer.bytes, buffer.view, buffer.block, seed);
  },
};

/** Bound of e_value_inum: the number of inodes, or 0 without the feature ea_inode. */
export function valueInodeBound(alloc: Allocator): number {
  const { superblock, geometry } = alloc.volume;
  return superblock.hasIncompat(Incompat.EA_INODE) ? geometry.inodesCount : 0;
}

/** An attribute block, verified when it was not yet. @throws Corrupt, DeviceError */
export function loadBlock(alloc: Allocator, diskBlock: number): Buffer {
  const { cache, inodes } = alloc.volume;
  const buffer = cache.get(diskBlock);
  if (buffer.verifiedAs !== VERIFIED_XATTR_BLOCK) {
    const seed = inodes.format.checksumSeed;
    validateXattrBlock(buffer.bytes, buffer.view, diskBlock, seed, valueInodeBound(alloc));
    buffer.verifiedAs = VERIFIED_XATTR_BLOCK;
  }
  return buffer;
}

/** The entries of an attribute block. */
export function blockRegion(bytes: Uint8Array, view: DataView): Region {
  return {
    bytes,
    view,
    first: XATTR_BLOCK_HEADER_BYTES,
    end: bytes.length,
    base: 0,
    sorted: true,
  };
}

/** A copy of the inode's attribute block to make a change in, or of an empty one. @throws Corrupt */
export function copyBlock(alloc: Allocator, inode: Inode): Region {
  const bytes = new Uint8Array(alloc.volume.geometry.blockBytes);
  const view = new DataView(bytes.buffer);
  const region = blockRegion(bytes, view);
  if (inode.fileAcl === 0) {
    writeXattrBlockHeader(bytes, view);
    return region;
  }
  bytes.set(loadBlock(alloc, inode.fileAcl).bytes);
  const problem = overlapProblem(region);
  if (problem !== undefined) {
    throw new Corrupt("xattr block", `block 0x${inode.fileAcl.toString(16)}`, problem);
  }
  return region;
}

/** A reference that an entry of a block has to a value inode. */
export interface ValueReference {
  readonly inode: Inode;
  /** e_hash of the entry. */
  readonly hash: number;
}

/** The value inodes that a region's entries name. @throws Corrupt */
function valueReferences(alloc: Allocator, owner: Inode, region: Region): ValueReference[] {
  const { view, end } = region;
  const found: ValueReference[] = [];
  for (let entry = region.first; !isLastXattr(view, entry, end); entry = nextXattr(view, entry)) {
    const ino = xattrValueInode(view, entry);
    if (ino === 0) continue;
    const inode = openValueInode(alloc, owner, ino, xattrValueSize(view, entry));
    found.push({ inode, hash: xattrHash(view, entry) });
  }
  return found;
}

/**
 * Makes the changed copy the inode's attributes; without entries the inode has no block any more.
 * References to value inodes are counted: `added` has one that is counted already, `removed` had one in the old block.
 * @returns 0, or -ENOSPC, -EDQUOT or NEEDS_COMMIT with nothing changed.
 * @throws Corrupt, DeviceError, before anything is changed.
 */
export function storeBlock(
  alloc: Allocator,
  handle: Handle,
  inode: Inode,
  copy: Region,
  added: ValueReference | null,
  removed: ValueReference | null,
  privileged: boolean,
): number {
  if (isRegionEmpty(copy)) {
    releaseBlock(alloc, handle, inode);
    return 0;
  }
  const old = inode.fileAcl === 0 ? null : loadBlock(alloc, inode.fileAcl);
  copy.view.setUint32(4, 1, true);
  setXattrBlockHash(copy.view, xattrBlockHash(copy.view, copy.first, copy.end));
  const equal = findEqualBlock(alloc, inode, copy);
  if (equal !== null) {
    const { usage } = alloc.volume;
    if (usage !== null && old === null && usage.room(inode) < blockSectors(alloc)) return -EDQUOT;
    releaseBlock(alloc, handle, inode);
    shareBlock(alloc, handle, inode, equal);
    if (added !== null) dropReference(alloc, handle, inode, added.inode, added.hash);
    return 0;
  }
  if (old !== null && xattrRefcount(old.view) === 1) {
    xattrState(alloc.volume).blocks.drop(storedXattrBlockHash(old.view), old.block);
    writeBlock(alloc, handle, old, copy);
    if (removed !== null) dropReference(alloc, handle, inode, removed.inode, removed.hash);
    return 0;
  }
  return storeNewBlock(alloc, handle, inode, copy, added, privileged);
}

/** Stores the copy in a block of the inode's own. */
function storeNewBlock(
  alloc: Allocator,
  handle: Handle,
  inode: Inode,
  copy: Region,
  added: ValueReference | null,
  privileged: boolean,
): number {
  const kept = valueReferences(alloc, inode, copy);
  const goal = {
    diskBlock: 0,
    fileBlock: 0,
    blocks: 1,
    metadata: true,
    privileged,
    append: false,
  };
  const allocated = alloc.allocate(handle, inode, goal);
  if (allocated < 0) return allocated;
  const { diskBlock } = alloc.found;
  if (inode.fileAcl !== 0) releaseBlock(alloc, handle, inode);
  let counted = added === null;
  for (const { inode: valueInode } of kept) {
    if (!counted && valueInode === added?.inode) counted = true;
    else addReference(alloc, handle, valueInode);
  }
  const buffer = alloc.volume.cache.fresh(diskBlock);
  buffer.verifiedAs = VERIFIED_XATTR_BLOCK;
  writeBlock(alloc, handle, buffer, copy);
  inode.fileAcl = diskBlock;
  alloc.volume.dirtyInode(handle, inode);
  return 0;
}

function writeBlock(alloc: Allocator, handle: Handle, buffer: Buffer, copy: Region): void {
  buffer.bytes.set(copy.bytes);
  dirtyBlock(alloc, handle, buffer);
  const hash = storedXattrBlockHash(buffer.view);
  if (hash !== 0) xattrState(alloc.volume).blocks.add(hash, buffer.block);
}

function dirtyBlock(alloc: Allocator, handle: Handle, buffer: Buffer): void {
  const seed = alloc.volume.inodes.format.checksumSeed;
  handle.dirty(buffer, seed === undefined ? null : SEALER, seed ?? 0);
}

/** Another block with the same entries that one more inode may share. */
function findEqualBlock(alloc: Allocator, inode: Inode, copy: Region): Buffer | null {
  const hash = storedXattrBlockHash(copy.view);
  if (hash === 0) return null;
  const diskBlock = xattrState(alloc.volume).blocks.find(hash);
  if (diskBlock === 0 || diskBlock === inode.fileAcl) return null;
  const buffer = loadBlock(alloc, diskBlock);
  if (xattrRefcount(buffer.view) >= XATTR_REFCOUNT_MAX) return null;
  for (let i = XATTR_BLOCK_HEADER_BYTES; i < copy.bytes.length; i++) {
    if (buffer.bytes[i] !== copy.bytes[i]) return null;
  }
  return buffer;
}

/** Units of 512 bytes that an attribute block counts in each inode that uses it. */
function blockSectors(alloc: Allocator): number {
  const { blockBytes, clusterBlocks } = alloc.volume.geometry;
  return (blockBytes / 512) * clusterBlocks;
}

function shareBlock(alloc: Allocator, handle: Handle, inode: Inode, buffer: Buffer): void {
  setXattrRefcount(buffer.view, xattrRefcount(buffer.view) + 1);
  dirtyBlock(alloc, handle, buffer);
  inode.fileAcl = buffer.block;
  chargeSectors(alloc.volume, handle, inode, blockSectors(alloc));
}

/**
 * Takes the inode's attribute block away: freed with its last user, who also drops the block's references to value
 * inodes. What these count in the inode's size on disk stays counted.
 * @param references the block's references, if the caller has them.
 * @throws Corrupt, DeviceError, before anything is changed.
 */
export function releaseBlock(
  alloc: Allocator,
  handle: Handle,
  inode: Inode,
  references: readonly ValueReference[] | null = null,
): void {
  if (inode.fileAcl === 0) return;
  const buffer = loadBlock(alloc, inode.fileAcl);
  const refcount = xattrRefcount(buffer.view);
  if (refcount > 1) {
    setXattrRefcount(buffer.view, refcount - 1);
    dirtyBlock(alloc, handle, buffer);
    chargeSectors(alloc.volume, handle, inode, -blockSectors(alloc));
    // Full blocks are not shared further; this one is not full any more.
    const hash = storedXattrBlockHash(buffer.view);
    if (hash !== 0) xattrState(alloc.volume).blocks.add(hash, buffer.block);
  } else {
    freeBlock(alloc, handle, inode, buffer, references);
  }
  inode.fileAcl = 0;
  alloc.volume.dirtyInode(handle, inode);
}

function freeBlock(
  alloc: Allocator,
  handle: Handle,
  inode: Inode,
  buffer: Buffer,
  given: readonly ValueReference[] | null,
): void {
  const region = blockRegion(buffer.bytes, buffer.view);
  const references = given ?? valueReferences(alloc, inode, region);
  const { block } = buffer;
  const hash = storedXattrBlockHash(buffer.view);
  alloc.free(handle, inode, block, 1, true);
  xattrState(alloc.volume).blocks.drop(hash, block);
  for (const reference of references) {
    dropReference(alloc, handle, inode, reference.inode, reference.hash);
  }
}

/** As `valueReferences`, but what is damaged is recorded with the volume and left out. */
export function tolerantReferences(
  alloc: Allocator,
  owner: Inode,
  region: Region,
): ValueReference[] {
  const { view, end } = region;
  const found: ValueReference[] = [];
  for (let entry = region.first; !isLastXattr(view, entry, end); entry = nextXattr(view, entry)) {
    const ino = xattrValueInode(view, entry);
    if (ino === 0) continue;
    try {
      const inode = openValueInode(alloc, owner, ino, xattrValueSize(view, entry));
      found.push({ inode, hash: xattrHash(view, entry) });
    } catch (error) {
      if (!(error instanceof Corrupt)) throw error;
      alloc.volume.fail(error, "freeing extended attributes");
    }
  }
  return found;
}
