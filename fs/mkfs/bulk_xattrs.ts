/**
 * Extended attributes of a new inode: into the inode while there is room, the rest into one block.
 *
 * @module
 */

import { ENOSPC } from "../errno.ts";
import { aclToDisk } from "../layout/acl.ts";
import type { InodeRecord } from "../layout/inode.ts";
import {
  compareXattrNames,
  ibodyXattrStart,
  setXattrBlockChecksum,
  setXattrBlockHash,
  writeXattrBlockHeader,
  writeXattrEntry,
  XATTR_BLOCK_HEADER_BYTES,
  XATTR_IBODY_HEADER_BYTES,
  XATTR_MAGIC,
  xattrEntryBytes,
  xattrValueBytes,
} from "../layout/xattr.ts";
import { xattrBlockHash, xattrEntryHash } from "../layout/xattr_hash.ts";
import { isAclIndex, resolveName } from "../xattr/name.ts";
import type { Maker } from "./maker.ts";

const END_MARK_BYTES = 4;

/** An attribute as it is stored. */
export interface StoredXattr {
  readonly index: number;
  /** The name behind the prefix. */
  readonly name: Uint8Array;
  readonly value: Uint8Array;
}

/** Turns name and value into what is stored. @returns a negated errno for what cannot be. */
export function storedXattr(fullName: Uint8Array, value: Uint8Array): StoredXattr | number {
  const resolved = resolveName(fullName);
  if (typeof resolved === "number") return resolved;
  const { index, suffix } = resolved;
  if (!isAclIndex(index)) return { index, name: suffix, value };
  const disk = aclToDisk(value);
  return typeof disk === "number" ? disk : { index, name: suffix, value: disk };
}

function spaceOf({ name, value }: StoredXattr): number {
  return xattrEntryBytes(name.length) + xattrValueBytes(value.length);
}

/**
 * Stores all attributes of an inode.
 * @param goal where to look for a block first.
 * @returns 0, or -ENOSPC when they do not fit. @throws FsError ENOSPC when the file system is full.
 */
export function storeXattrs(
  maker: Maker,
  inode: InodeRecord,
  xattrs: readonly StoredXattr[],
  goal: number,
): number {
  let room = inode.extraBytes === 0
    ? 0
    : inode.raw.length - ibodyXattrStart(inode.extraBytes) - END_MARK_BYTES;
  const inside: StoredXattr[] = [];
  const outside: StoredXattr[] = [];
  for (const xattr of xattrs) {
    const space = spaceOf(xattr);
    if (space > room) outside.push(xattr);
    else {
      inside.push(xattr);
      room -= space;
    }
  }
  const needed = outside.reduce((sum, xattr) => sum + spaceOf(xattr), 0);
  if (needed + XATTR_BLOCK_HEADER_BYTES + END_MARK_BYTES > maker.blockBytes) return -ENOSPC;
  if (inside.length > 0) storeInside(inode, inside);
  if (outside.length > 0) storeInBlock(maker, inode, outside, goal);
  return 0;
}

function storeInside(inode: InodeRecord, xattrs: readonly StoredXattr[]): void {
  const { raw, view } = inode;
  const first = ibodyXattrStart(inode.extraBytes);
  view.setUint32(first - XATTR_IBODY_HEADER_BYTES, XATTR_MAGIC, true);
  putEntries(raw, view, first, first, xattrs, false);
}

function storeInBlock(
  maker: Maker,
  inode: InodeRecord,
  xattrs: readonly StoredXattr[],
  goal: number,
): void {
  const diskBlock = maker.space.allocate(goal);
  maker.charge(inode, 1);
  const block = maker.emptyBlock();
  const view = new DataView(block.buffer);
  writeXattrBlockHeader(block, view);
  const sorted = [...xattrs].sort((a, b) => compareXattrNames(a.index, a.name, b.index, b.name));
  putEntries(block, view, XATTR_BLOCK_HEADER_BYTES, 0, sorted, true);
  setXattrBlockHash(view, xattrBlockHash(view, XATTR_BLOCK_HEADER_BYTES, block.length));
  if (maker.seed !== undefined) setXattrBlockChecksum(block, view, diskBlock, maker.seed);
  maker.writer.put(diskBlock, block);
  inode.fileAcl = diskBlock;
}

/** Entries from `first` on, values from the end down. @param base offsets of values count from here. */
function putEntries(
  bytes: Uint8Array,
  view: DataView,
  first: number,
  base: number,
  xattrs: readonly StoredXattr[],
  hashed: boolean,
): void {
  let entry = first;
  let end = bytes.length;
  for (const { index, name, value } of xattrs) {
    end -= xattrValueBytes(value.length);
    bytes.set(value, end);
    const offset = value.length === 0 ? 0 : end - base;
    const hash = hashed ? xattrEntryHash(name, value) : 0;
    entry = writeXattrEntry(bytes, view, entry, index, name, offset, 0, value.length, hash);
  }
}
