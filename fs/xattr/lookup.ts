/**
 * Reading extended attributes in their stored form.
 *
 * @module
 */

import type { Allocator } from "../alloc/allocator.ts";
import { ENODATA, ERANGE } from "../errno.ts";
import {
  isLastXattr,
  nextXattr,
  XATTR_BLOCK_HEADER_BYTES,
  XATTR_ENTRY_BYTES,
  xattrHash,
  xattrIndex,
  xattrNameBytes,
  xattrValueInode,
  xattrValueOffset,
  xattrValueSize,
} from "../layout/xattr.ts";
import { XattrIndex, xattrPrefix } from "../layout/xattr_name.ts";
import type { Inode } from "../volume/inode.ts";
import { blockRegion, loadBlock, valueInodeBound } from "./block.ts";
import { firstBodyEntry, hasBodyXattrs, readBody } from "./body.ts";
import { readValueInode } from "./ea_inode.ts";
import { isVisibleIndex } from "./name.ts";
import { findEntry, type Region } from "./region.ts";

/** Whether the inode has no attributes at all. */
export function hasNoXattrs(inode: Inode): boolean {
  return inode.fileAcl === 0 && !hasBodyXattrs(inode);
}

/**
 * Reads a value as it is stored (an ACL in its on-disk form).
 * @param name without prefix.
 * @param out receives the value; empty to ask for the length only.
 * @returns the value's length in bytes; -ENODATA; -ERANGE when `out` is too short.
 * @throws Corrupt, DeviceError
 */
export function getStored(
  alloc: Allocator,
  inode: Inode,
  index: number,
  name: Uint8Array,
  out: Uint8Array,
): number {
  if (hasNoXattrs(inode)) return -ENODATA;
  const { raw, view } = inode;
  const first = firstBodyEntry(inode, valueInodeBound(alloc));
  if (first !== 0) {
    const entry = findEntry(raw, view, first, raw.length, index, name);
    if (entry !== 0) return readValue(alloc, inode, raw, view, first, entry, out);
  }
  if (inode.fileAcl === 0) return -ENODATA;
  const buffer = loadBlock(alloc, inode.fileAcl);
  const { bytes } = buffer;
  const entry = findEntry(
    bytes,
    buffer.view,
    XATTR_BLOCK_HEADER_BYTES,
    bytes.length,
    index,
    name,
  );
  if (entry === 0) return -ENODATA;
  return readValue(alloc, inode, bytes, buffer.view, 0, entry, out);
}

/** The stored value in memory of its own, or null. @throws Corrupt, DeviceError */
export function getStoredCopy(
  alloc: Allocator,
  inode: Inode,
  index: number,
  name: Uint8Array,
): Uint8Array | null {
  const length = getStored(alloc, inode, index, name, NOTHING);
  if (length < 0) return null;
  const value = new Uint8Array(length);
  if (length > 0) getStored(alloc, inode, index, name, value);
  return value;
}

/** How many of the inode's attributes have their value in an inode of its own. @throws Corrupt, DeviceError */
export function valueInodeCount(alloc: Allocator, inode: Inode): number {
  const bound = valueInodeBound(alloc);
  if (bound === 0) return 0;
  const body = readBody(inode, bound);
  let count = body === null ? 0 : valueInodesIn(body);
  if (inode.fileAcl !== 0) {
    const { bytes, view } = loadBlock(alloc, inode.fileAcl);
    count += valueInodesIn(blockRegion(bytes, view));
  }
  return count;
}

function valueInodesIn({ view, first, end }: Region): number {
  let count = 0;
  for (let entry = first; !isLastXattr(view, entry, end); entry = nextXattr(view, entry)) {
    if (xattrValueInode(view, entry) !== 0) count++;
  }
  return count;
}

const NOTHING = new Uint8Array(0);

function readValue(
  alloc: Allocator,
  inode: Inode,
  bytes: Uint8Array,
  view: DataView,
  base: number,
  entry: number,
  out: Uint8Array,
): number {
  const size = xattrValueSize(view, entry);
  if (out.length === 0) return size;
  if (size > out.length) return -ERANGE;
  const ino = xattrValueInode(view, entry);
  if (ino === 0) {
    const start = base + xattrValueOffset(view, entry);
    for (let i = 0; i < size; i++) out[i] = bytes[start + i] ?? 0;
    return size;
  }
  const nameStart = entry + XATTR_ENTRY_BYTES;
  const name = bytes.subarray(nameStart, nameStart + xattrNameBytes(view, entry));
  readValueInode(alloc, inode, ino, name, xattrHash(view, entry), out.subarray(0, size));
  return size;
}

/**
 * Lists full names, each ended by a NUL byte: first those in the inode, then those in its block. What programs do not
 * see (inline data, encryption contexts, unknown name indexes) is left out.
 * @param out receives the names; empty to ask for the length only.
 * @param privileged include the namespace "trusted.".
 * @returns bytes; -ERANGE when `out` is too short.
 * @throws Corrupt, DeviceError
 */
export function list(
  alloc: Allocator,
  inode: Inode,
  out: Uint8Array,
  privileged: boolean,
): number {
  let total = 0;
  if (hasNoXattrs(inode)) return total;
  const body = readBody(inode, valueInodeBound(alloc));
  if (body !== null) total = listRegion(body, out, total, privileged);
  if (inode.fileAcl !== 0) {
    const buffer = loadBlock(alloc, inode.fileAcl);
    total = listRegion(blockRegion(buffer.bytes, buffer.view), out, total, privileged);
  }
  return out.length > 0 && total > out.length ? -ERANGE : total;
}

function listRegion(region: Region, out: Uint8Array, start: number, privileged: boolean): number {
  const { bytes, view, end } = region;
  let at = start;
  for (let entry = region.first; !isLastXattr(view, entry, end); entry = nextXattr(view, entry)) {
    const index = xattrIndex(view, entry);
    if (!isVisibleIndex(index) || (index === XattrIndex.TRUSTED && !privileged)) continue;
    const prefix = xattrPrefix(index);
    if (prefix === undefined) continue;
    const nameBytes = xattrNameBytes(view, entry);
    const next = at + prefix.length + nameBytes + 1;
    if (next <= out.length) {
      const nameStart = entry + XATTR_ENTRY_BYTES;
      out.set(prefix, at);
      out.set(bytes.subarray(nameStart, nameStart + nameBytes), at + prefix.length);
      out[next - 1] = 0;
    }
    at = next;
  }
  return at;
}
