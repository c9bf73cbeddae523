/**
 * Setting and removing extended attributes in their stored form.
 *
 * An attribute goes into the inode's body when it fits, else into the attribute block; with the feature ea_inode a
 * value that is too large for the block goes into an inode of its own, and only its entry is kept in body or block.
 * It may so move from one place to another. Everything that can fail is done before the first change or undone.
 *
 * @module
 */

import type { Allocator } from "../alloc/allocator.ts";
import { EDQUOT, EEXIST, ENODATA, ENOSPC, ERANGE } from "../errno.ts";
import type { Handle } from "../journal/transaction.ts";
import { Compat } from "../layout/features.ts";
import { INLINE_XATTR_INDEX, INLINE_XATTR_NAME } from "../layout/inline_data.ts";
import {
  isLastXattr,
  nextXattr,
  xattrHash,
  xattrHasName,
  xattrValueBytes,
  xattrValueInode,
  xattrValueSize,
} from "../layout/xattr.ts";
import { xattrEntryHash, xattrEntryHashOfInode } from "../layout/xattr_hash.ts";
import type { Inode } from "../volume/inode.ts";
import { chargeSectors } from "../volume/usage.ts";
import {
  blockRegion,
  copyBlock,
  loadBlock,
  releaseBlock,
  storeBlock,
  tolerantReferences,
  valueInodeBound,
  type ValueReference,
} from "./block.ts";
import { editBody, finishBody, readBody } from "./body.ts";
import {
  chargedSectors,
  dropReference,
  openValueInode,
  storeValue,
  valueSectors,
} from "./ea_inode.ts";
import {
  findInRegion,
  fits,
  hasValue,
  lowestValue,
  putEntry,
  type Region,
  removeEntry,
  storedValueBytes,
} from "./region.ts";

/** Flags of `set`, as in setxattr(2). */
export const XATTR_CREATE = 1;
export const XATTR_REPLACE = 2;

/** Blocks that setting or removing one attribute may change, those of a value in an inode of its own included. */
export const XATTR_CREDITS = 128;

/** One request, with where the attribute is now. */
interface Change {
  readonly alloc: Allocator;
  readonly handle: Handle;
  readonly inode: Inode;
  readonly index: number;
  readonly name: Uint8Array;
  readonly privileged: boolean;
  /** Null when the inode has no room for attributes. */
  readonly body: Region | null;
  /** A private copy of the inode's block; null while it has none and none is needed. */
  block: Region | null;
  /** The attribute's entry in the body and in the block, 0: not there. */
  readonly bodyEntry: number;
  readonly blockEntry: number;
  /** The value inode that the entry in the body, or in the block, names now. */
  readonly bodyReference: ValueReference | null;
  readonly blockReference: ValueReference | null;
}

function prepare(
  alloc: Allocator,
  handle: Handle,
  inode: Inode,
  index: number,
  name: Uint8Array,
  privileged: boolean,
): Change {
  const body = editBody(inode, valueInodeBound(alloc));
  const block = inode.fileAcl === 0 ? null : copyBlock(alloc, inode);
  const bodyEntry = body === null ? 0 : findInRegion(body, index, name);
  const blockEntry = block === null ? 0 : findInRegion(block, index, name);
  return {
    alloc,
    handle,
    inode,
    index,
    name,
    privileged,
    body,
    block,
    bodyEntry,
    blockEntry,
    bodyReference: referenceOf(alloc, inode, body, bodyEntry),
    blockReference: referenceOf(alloc, inode, block, blockEntry),
  };
}

function referenceOf(
  alloc: Allocator,
  owner: Inode,
  region: Region | null,
  entry: number,
): ValueReference | null {
  if (region === null || entry === 0) return null;
  const ino = xattrValueInode(region.view, entry);
  if (ino === 0) return null;
  const inode = openValueInode(alloc, owner, ino, xattrValueSize(region.view, entry));
  return { inode, hash: xattrHash(region.view, entry) };
}

/**
 * Sets an attribute to a value in stored form.
 * @param name without prefix, up to 255 bytes; not a view of the inode's or a block's bytes, as `value`.
 * @param flags XATTR_CREATE, XATTR_REPLACE or 0.
 * @param privileged may use reserved blocks.
 * @returns 0; -EEXIST, -ENODATA as flags ask; -ENOSPC, -EDQUOT, NEEDS_COMMIT; -ERANGE for a name that is too long.
 * @throws Corrupt, DeviceError, with nothing changed.
 */
export function setStored(
  alloc: Allocator,
  handle: Handle,
  inode: Inode,
  index: number,
  name: Uint8Array,
  value: Uint8Array,
  flags: number,
  privileged: boolean,
): number {
  if (name.length > 255) return -ERANGE;
  const change = prepare(alloc, handle, inode, index, name, privileged);
  const { body, block, bodyEntry, blockEntry } = change;
  const exists = bodyEntry !== 0 || blockEntry !== 0;
  if (!exists && (flags & XATTR_REPLACE) !== 0) return -ENODATA;
  if (exists && (flags & XATTR_CREATE) !== 0) return -EEXIST;
  if (bodyEntry !== 0 && body !== null && hasValue(body, bodyEntry, value)) return 0;
  if (bodyEntry === 0 && block !== null && blockEntry !== 0 && hasValue(block, blockEntry, value)) {
    return 0;
  }
  const freed = chargeOf(change);
  const references = referenceCount(change);
  const result = place(change, value);
  if (result !== 0) return result;
  charge(change, -freed, -references);
  markFeature(alloc);
  return 0;
}

/**
 * Removes an attribute.
 * @returns 0; -ENODATA; -ENOSPC or NEEDS_COMMIT when a shared block must be copied.
 * @throws Corrupt, DeviceError, with nothing changed.
 */
export function removeStored(
  alloc: Allocator,
  handle: Handle,
  inode: Inode,
  index: number,
  name: Uint8Array,
  privileged: boolean,
): number {
  const change = prepare(alloc, handle, inode, index, name, privileged);
  if (change.bodyEntry === 0 && change.blockEntry === 0) return -ENODATA;
  const freed = chargeOf(change);
  if (change.blockEntry !== 0) {
    const result = dropFromBlock(change);
    if (result !== 0) return result;
  }
  dropFromBody(change);
  charge(change, -freed, -referenceCount(change));
  return 0;
}

/** Sectors that the attribute's present value counts in its owner, having an inode of its own. */
function chargeOf({ alloc, inode, bodyReference, blockReference }: Change): number {
  let sectors = 0;
  for (const reference of [bodyReference, blockReference]) {
    if (reference === null) continue;
    sectors += chargedSectors(alloc, inode, reference.inode, reference.hash);
  }
  return sectors;
}

/** Values of the attribute in inodes of their own. */
function referenceCount({ bodyReference, blockReference }: Change): number {
  return (bodyReference === null ? 0 : 1) + (blockReference === null ? 0 : 1);
}

/** Counts values in inodes of their own more or less: their space and, for quotas, the inodes. */
function charge({ alloc, handle, inode }: Change, sectors: number, references: number): void {
  if (sectors === 0 && references === 0) return;
  chargeSectors(alloc.volume, handle, inode, sectors, references);
}

/** Whether quotas leave room for a value of `bytes` bytes in an inode of its own. */
function hasRoom({ alloc, inode }: Change, bytes: number): boolean {
  const { usage } = alloc.volume;
  if (usage === null) return true;
  return usage.room(inode) >= valueSectors(alloc, bytes) && usage.inodeRoom(inode) >= 1;
}

/** Finds the place for the value, trying them in the order in which Linux does. */
function place(change: Change, value: Uint8Array): number {
  const { body, bodyEntry, blockEntry, name } = change;
  const { geometry } = change.alloc.volume;
  const outside = valueInodeBound(change.alloc) !== 0;
  // Beside a value of this size an entry with a short name still fits into a block.
  const large = outside && xattrValueBytes(value.length) > geometry.blockBytes - 56;
  for (const inOwnInode of large ? [true] : outside && value.length > 0 ? [false, true] : [false]) {
    const stored = inOwnInode ? 0 : value.length;
    if (body !== null && fits(body, bodyEntry, name.length, stored)) {
      return put(change, value, inOwnInode, true);
    }
    const block = change.block ??= copyBlock(change.alloc, change.inode);
    if (!fits(block, blockEntry, name.length, stored)) continue;
    if (!outside || !leavesNoReserve(block, blockEntry, stored)) {
      return put(change, value, inOwnInode, false);
    }
  }
  return -ENOSPC;
}

/** Whether a value would take the room that is kept in a block for entries whose values are elsewhere. */
function leavesNoReserve(block: Region, replaced: number, valueBytes: number): boolean {
  if (valueBytes === 0) return false;
  const freed = replaced === 0 ? 0 : storedValueBytes(block.view, replaced);
  const reserve = Math.min(block.end >> 3, 1024);
  return lowestValue(block) + freed - xattrValueBytes(valueBytes) < reserve;
}

function put(change: Change, value: Uint8Array, inOwnInode: boolean, intoBody: boolean): number {
  const { alloc, handle, inode, name, privileged } = change;
  const putThere = intoBody ? putIntoBody : putIntoBlock;
  if (!inOwnInode) return putThere(change, value, null);
  if (!hasRoom(change, value.length)) return -EDQUOT;
  const stored = storeValue(alloc, handle, inode, value, privileged);
  if (typeof stored === "number") return stored;
  const added = { inode: stored.inode, hash: xattrEntryHashOfInode(name, stored.hash) };
  const sectors = chargedSectors(alloc, inode, added.inode, added.hash);
  let result = -ENOSPC;
  try {
    result = putThere(change, value, added);
  } finally {
    if (result !== 0) dropReference(alloc, handle, inode, added.inode, added.hash);
    else charge(change, sectors, 1);
  }
  return result;
}

function putIntoBody(change: Change, value: Uint8Array, added: ValueReference | null): number {
  const { alloc, handle, inode, index, name, body, bodyEntry, bodyReference } = change;
  if (change.blockEntry !== 0) {
    const result = dropFromBlock(change);
    if (result !== 0) return result;
  }
  if (body === null) return -ENOSPC;
  const valueInode = added?.inode.ino ?? 0;
  putEntry(body, bodyEntry, { index, name, value, valueInode, hash: added?.hash ?? 0 });
  finishBody(body);
  alloc.volume.dirtyInode(handle, inode);
  if (bodyReference !== null) {
    dropReference(alloc, handle, inode, bodyReference.inode, bodyReference.hash);
  }
  return 0;
}

function putIntoBlock(change: Change, value: Uint8Array, added: ValueReference | null): number {
  const { alloc, handle, inode, index, name, block, blockEntry, blockReference } = change;
  if (block === null) return -ENOSPC;
  const valueInode = added?.inode.ino ?? 0;
  const hash = added?.hash ?? xattrEntryHash(name, value);
  putEntry(block, blockEntry, { index, name, value, valueInode, hash });
  const { privileged } = change;
  const result = storeBlock(alloc, handle, inode, block, added, blockReference, privileged);
  if (result !== 0) return result;
  dropFromBody(change);
  return 0;
}

function dropFromBlock(change: Change): number {
  const { alloc, handle, inode, block, blockEntry, blockReference, privileged } = change;
  if (block === null) return 0;
  removeEntry(block, blockEntry);
  return storeBlock(alloc, handle, inode, block, null, blockReference, privileged);
}

function dropFromBody(change: Change): void {
  const { alloc, handle, inode, body, bodyEntry, bodyReference } = change;
  if (body === null || bodyEntry === 0) return;
  removeEntry(body, bodyEntry);
  finishBody(body);
  alloc.volume.dirtyInode(handle, inode);
  if (bodyReference !== null) {
    dropReference(alloc, handle, inode, bodyReference.inode, bodyReference.hash);
  }
}

/** Records in the superblock that attributes are in use. */
function markFeature(alloc: Allocator): void {
  const { volume } = alloc;
  const { superblock } = volume;
  if (superblock.hasCompat(Compat.EXT_ATTR)) return;
  superblock.featureCompat |= Compat.EXT_ATTR;
  volume.touchSuperblock();
}

/**
 * Removes all attributes of an inode that is being deleted; inline content stays. A value inode that is damaged is
 * recorded with the volume and left for e2fsck.
 * @throws Corrupt when the block or the body themselves are damaged, DeviceError, with nothing changed.
 */
export function removeAll(alloc: Allocator, handle: Handle, inode: Inode): void {
  const bound = valueInodeBound(alloc);
  const body = readBody(inode, bound);
  const inBody = body === null ? [] : tolerantReferences(alloc, inode, body);
  let inBlock: ValueReference[] = [];
  if (inode.fileAcl !== 0) {
    const { bytes, view } = loadBlock(alloc, inode.fileAcl);
    inBlock = tolerantReferences(alloc, inode, blockRegion(bytes, view));
  }
  let sectors = 0;
  for (const reference of [...inBody, ...inBlock]) {
    sectors += chargedSectors(alloc, inode, reference.inode, reference.hash);
  }
  releaseBlock(alloc, handle, inode, inBlock);
  if (body !== null) emptyBody(alloc, handle, inode, body);
  for (const reference of inBody) {
    dropReference(alloc, handle, inode, reference.inode, reference.hash);
  }
  chargeSectors(alloc.volume, handle, inode, -sectors, -(inBody.length + inBlock.length));
}

function emptyBody(alloc: Allocator, handle: Handle, inode: Inode, body: Region): void {
  const { view, end } = body;
  for (let entry = body.first; !isLastXattr(view, entry, end);) {
    if (xattrHasName(body.bytes, view, entry, INLINE_XATTR_INDEX, INLINE_XATTR_NAME)) {
      entry = nextXattr(view, entry);
    } else removeEntry(body, entry);
  }
  finishBody(body);
  alloc.volume.dirtyInode(handle, inode);
}
