/**
 * Attribute values in inodes of their own (feature ea_inode).
 *
 * Such an inode has the EA_INODE flag and fields with other meanings: i_atime is the hash of the value, i_ctime and
 * i_version (its low 32 bits) the upper and lower half of the reference count: one for each entry, in an inode's body
 * or an attribute block, that names it. An inode of the older style has no hash and one user, to which its i_mtime
 * (inode number) and i_generation point back. Values are journaled: they are read and written through the buffer cache.
 *
 * Kernel documentation: filesystems/ext4/attributes.
 *
 * @module
 */

import type { Allocator } from "../alloc/allocator.ts";
import { ENOSPC } from "../errno.ts";
import { Corrupt } from "../errors.ts";
import type { Handle } from "../journal/transaction.ts";
import { Incompat } from "../layout/features.ts";
import { EXTRA_OFFSET, InodeFlag, S_IFREG } from "../layout/inode.ts";
import { xattrEntryHashOfInode, xattrValueHash } from "../layout/xattr_hash.ts";
import { allocateRange, initialiseMap, lookup, removeRange } from "../map/map.ts";
import { newMapping } from "../map/mapping.ts";
import type { Inode } from "../volume/inode.ts";
import { xattrState } from "./state.ts";

/** Frees that one call of `removeRange` may do. */
const FREES_AT_ONCE = 256;

function corrupt(inode: Inode, problem: string): Corrupt {
  return new Corrupt("attribute value inode", `inode ${inode.ino}`, problem);
}

/**
 * The inode that holds a value of `valueBytes` for an entry of `owner`.
 * @throws Corrupt when it is no such inode; DeviceError.
 */
export function openValueInode(
  alloc: Allocator,
  owner: Inode,
  ino: number,
  valueBytes: number,
): Inode {
  const place = `inode ${owner.ino}`;
  if (ino === owner.ino) throw new Corrupt("xattr entry", place, `e_value_inum ${ino} is itself`);
  const inode = alloc.volume.inodes.load(ino);
  if (!inode.has(InodeFlag.EA_INODE)) throw corrupt(inode, "i_flags: not marked EA_INODE");
  if (!inode.isRegular || inode.links === 0) throw corrupt(inode, "i_mode or i_links_count");
  if (inode.has(InodeFlag.INLINE_DATA)) throw corrupt(inode, "i_flags: inline data");
  if (inode.size !== valueBytes) {
    throw corrupt(inode, `i_size ${inode.size} is not the entry's e_value_size ${valueBytes}`);
  }
  return inode;
}

function storedHash(inode: Inode): number {
  return inode.atime >>> 0;
}

/** Whether the inode belongs to `owner` alone and is of the older style, without a reference count. */
function isOldStyle(inode: Inode, owner: Inode, entryHash: number): boolean {
  return entryHash !== storedHash(inode) && inode.mtime >>> 0 === owner.ino &&
    inode.generation === owner.generation;
}

/**
 * Reads and verifies a value.
 * @param name the entry's name without prefix, and `entryHash` its e_hash: both are checked.
 * @param target exactly as long as the value.
 * @throws Corrupt, DeviceError
 */
export function readValueInode(
  alloc: Allocator,
  owner: Inode,
  ino: number,
  name: Uint8Array,
  entryHash: number,
  target: Uint8Array,
): void {
  const inode = openValueInode(alloc, owner, ino, target.length);
  readBlocks(alloc, inode, target);
  if (isOldStyle(inode, owner, entryHash)) return;
  const hash = xattrValueHash(target, alloc.volume.superblock.checksumSeed);
  if (hash !== storedHash(inode)) throw corrupt(inode, "i_atime is not the value's hash");
  if (
    xattrEntryHashOfInode(name, hash) !== entryHash &&
    xattrEntryHashOfInode(name, hash, true) !== entryHash
  ) {
    throw new Corrupt("xattr entry", `inode ${owner.ino}`, `e_hash of the value in inode ${ino}`);
  }
}

function readBlocks(alloc: Allocator, inode: Inode, target: Uint8Array): void {
  const { cache, geometry } = alloc.volume;
  const { blockBytes } = geometry;
  const blocks = Math.ceil(target.length / blockBytes);
  const mapping = newMapping();
  for (let fileBlock = 0; fileBlock < blocks; fileBlock += mapping.blocks) {
    lookup(alloc, inode, fileBlock, blocks - fileBlock, mapping);
    if (mapping.diskBlock === 0 || mapping.unwritten) {
      throw corrupt(inode, `block ${fileBlock} is a hole`);
    }
    for (let i = 0; i < mapping.blocks; i++) {
      const at = (fileBlock + i) * blockBytes;
      const bytes = cache.get(mapping.diskBlock + i).bytes;
      const part = Math.min(blockBytes, target.length - at);
      target.set(part === blockBytes ? bytes : bytes.subarray(0, part), at);
    }
  }
}

/** A value's inode, ready to be named by one more entry, and the hash of the value. */
export interface StoredValue {
  readonly inode: Inode;
  /** Of the value, for the entry's hash. */
  readonly hash: number;
}

/**
 * Stores a value in an inode of its own; an inode that holds the same value already gets one more reference.
 * @returns the inode with this reference counted, or -ENOSPC or NEEDS_COMMIT with nothing changed.
 */
export function storeValue(
  alloc: Allocator,
  handle: Handle,
  owner: Inode,
  value: Uint8Array,
  privileged: boolean,
): StoredValue | number {
  const hash = xattrValueHash(value, alloc.volume.superblock.checksumSeed);
  const shared = findEqual(alloc, owner, hash, value);
  if (shared !== null) {
    setReferences(alloc, handle, shared, references(shared) + 1);
    return { inode: shared, hash };
  }
  const ino = alloc.allocateInode(handle, owner, S_IFREG | 0o600);
  if (ino < 0) return ino;
  const inode = freshValueInode(alloc, owner, ino, hash);
  let result = -ENOSPC;
  try {
    result = writeBlocks(alloc, handle, inode, value, privileged);
  } finally {
    if (result < 0) {
      destroy(alloc, handle, inode, Math.ceil(value.length / alloc.volume.geometry.blockBytes));
    }
  }
  if (result < 0) return result;
  inode.size = value.length;
  alloc.discardPreallocation(inode);
  alloc.volume.dirtyInode(handle, inode);
  xattrState(alloc.volume).valueInodes.add(hash, ino);
  return { inode, hash };
}

function freshValueInode(alloc: Allocator, owner: Inode, ino: number, hash: number): Inode {
  const { inodes, superblock, options } = alloc.volume;
  const inode = inodes.fresh(ino);
  const { clock } = options;
  clock.read();
  inode.mode = S_IFREG | 0o600;
  inode.uid = owner.uid;
  inode.gid = owner.gid;
  inode.links = 1;
  inode.flags = InodeFlag.EA_INODE;
  // Of no use but to differ from what the number was used for before; the same for the same content.
  inode.generation = (hash ^ Math.imul(ino, 0x9e3779b1)) >>> 0;
  const room = inode.raw.length - EXTRA_OFFSET;
  const wantedExtra = Math.max(32, superblock.wantExtraIsize & ~3);
  inode.extraBytes = wantedExtra <= room ? wantedExtra : Math.min(32, room);
  inode.updateChecksumSeed();
  inode.mtime = inode.crtime = clock.seconds;
  inode.mtimeNsec = inode.crtimeNsec = clock.nanoseconds;
  inode.atime = hash;
  inode.ctime = 0;
  inode.version = 1;
  initialiseMap(inode, superblock.hasIncompat(Incompat.EXTENTS));
  return inode;
}

function writeBlocks(
  alloc: Allocator,
  handle: Handle,
  inode: Inode,
  value: Uint8Array,
  privileged: boolean,
): number {
  const { cache, geometry } = alloc.volume;
  const { blockBytes } = geometry;
  const blocks = Math.ceil(value.length / blockBytes);
  const options = { unwritten: false, privileged, append: false, metadata: false };
  const out = newMapping();
  for (let fileBlock = 0; fileBlock < blocks; fileBlock += out.blocks) {
    const left = blocks - fileBlock;
    const mapped = allocateRange(alloc, handle, inode, fileBlock, left, options, out);
    if (mapped < 0) return mapped;
    out.blocks = Math.min(out.blocks, left);
    for (let i = 0; i < out.blocks; i++) {
      const buffer = cache.fresh(out.diskBlock + i);
      const at = (fileBlock + i) * blockBytes;
      buffer.bytes.set(value.subarray(at, at + blockBytes));
      handle.dirty(buffer);
    }
  }
  return 0;
}

function findEqual(alloc: Allocator, owner: Inode, hash: number, value: Uint8Array): Inode | null {
  const ino = xattrState(alloc.volume).valueInodes.find(hash);
  if (ino === 0 || ino === owner.ino) return null;
  const inode = alloc.volume.inodes.load(ino);
  if (!inode.has(InodeFlag.EA_INODE) || inode.links === 0 || inode.size !== value.length) {
    return null;
  }
  if (storedHash(inode) !== hash || references(inode) === 0) return null;
  const stored = new Uint8Array(value.length);
  readBlocks(alloc, inode, stored);
  return stored.every((byte, i) => byte === value[i]) ? inode : null;
}

/** The reference count. */
export function references(inode: Inode): number {
  return (inode.ctime >>> 0) * 0x100000000 + inode.version;
}

function setReferences(alloc: Allocator, handle: Handle, inode: Inode, count: number): void {
  inode.ctime = Math.floor(count / 0x100000000);
  inode.ctimeNsec = 0;
  inode.version = count >>> 0;
  alloc.volume.dirtyInode(handle, inode);
}

/** Counts one more entry that names the inode. */
export function addReference(alloc: Allocator, handle: Handle, inode: Inode): void {
  setReferences(alloc, handle, inode, references(inode) + 1);
}

/**
 * Units of 512 bytes that a value in an inode of its own counts in the inode whose attribute it is: whole clusters, as
 * quotas count them; 0 for the older style.
 */
export function chargedSectors(
  alloc: Allocator,
  owner: Inode,
  inode: Inode,
  entryHash: number,
): number {
  if (isOldStyle(inode, owner, entryHash)) return 0;
  return valueSectors(alloc, inode.size);
}

/** As `chargedSectors`, for a value of `bytes` bytes. */
export function valueSectors(alloc: Allocator, bytes: number): number {
  const { blockBytes, clusterBlocks } = alloc.volume.geometry;
  const clusterBytes = blockBytes * clusterBlocks;
  return Math.ceil(bytes / clusterBytes) * (clusterBytes / 512);
}

/**
 * Counts one entry less; the inode is freed with the last. Damage found on the way is recorded with the volume, and
 * the inode left for e2fsck.
 * @param entryHash e_hash of the entry that named it.
 */
export function dropReference(
  alloc: Allocator,
  handle: Handle,
  owner: Inode,
  inode: Inode,
  entryHash: number,
): void {
  const count = isOldStyle(inode, owner, entryHash) ? 1 : references(inode);
  if (count > 1) {
    setReferences(alloc, handle, inode, count - 1);
    return;
  }
  try {
    if (count === 0) throw corrupt(inode, "the reference count is 0 already");
    const blocks = Math.ceil(inode.size / alloc.volume.geometry.blockBytes);
    xattrState(alloc.volume).valueInodes.drop(storedHash(inode), inode.ino);
    setReferences(alloc, handle, inode, 0);
    destroy(alloc, handle, inode, blocks);
  } catch (error) {
    if (!(error instanceof Corrupt)) throw error;
    alloc.volume.fail(error, "freeing an attribute value");
  }
}

/** Frees the inode and its first `blocks` file blocks. */
function destroy(alloc: Allocator, handle: Handle, inode: Inode, blocks: number): void {
  let end = blocks;
  while (end > 0) {
    const stopped = removeRange(alloc, handle, inode, 0, end, FREES_AT_ONCE);
    if (stopped < 0) throw corrupt(inode, "its blocks cannot be freed");
    if (stopped >= end) throw corrupt(inode, "freeing its blocks makes no progress");
    end = stopped;
  }
  alloc.discardPreallocation(inode);
  const { clock } = alloc.volume.options;
  clock.read();
  inode.size = 0;
  inode.links = 0;
  inode.dtime = clock.seconds >>> 0;
  alloc.volume.dirtyInode(handle, inode);
  alloc.freeInode(handle, inode.ino, false);
}
