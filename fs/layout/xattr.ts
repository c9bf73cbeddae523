/**
 * Extended attributes: in the inode behind its extra fields, and in a block of their own (i_file_acl).
 *
 * In the inode, at byte 128 + i_extra_isize, `ext4_xattr_ibody_header` (4 bytes): 0x0 h_magic (32 bits, 0xea020000);
 * entries follow at once, and e_value_offs counts from the first entry.
 *
 * Block header `ext4_xattr_header` (32 bytes): 0x0 h_magic (32), 0x4 h_refcount (32, inodes that share the block),
 * 0x8 h_blocks (32, 1), 0xc h_hash (32), 0x10 h_checksum (32), 0x14 h_reserved (3 × 32). Entries follow, and
 * e_value_offs counts from the block's start. Entries of a block are sorted by name index, name length, name bytes.
 * h_checksum is the crc32c, continued from the file system's checksum seed, over the block's number (64 bits), then
 * the whole block with h_checksum as zero.
 *
 * Entry `ext4_xattr_entry` (16 bytes and the name, padded to 4): 0x0 e_name_len (8), 0x1 e_name_index (8),
 * 0x2 e_value_offs (16), 0x4 e_value_inum (32, an inode that holds the value, or 0), 0x8 e_value_size (32),
 * 0xc e_hash (32), 0x10 e_name. Four zero bytes end the list. Values, padded to 4, lie at the end of the region.
 *
 * Kernel documentation: Documentation/filesystems/ext4/attributes.rst.
 *
 * @module
 */

import { Corrupt } from "../errors.ts";
import { crc32c, crc32cNumber64, crc32cZeros } from "./crc32c.ts";

export const XATTR_MAGIC = 0xea020000;
export const XATTR_IBODY_HEADER_BYTES = 4;
export const XATTR_BLOCK_HEADER_BYTES = 32;
export const XATTR_ENTRY_BYTES = 16;
/** Most inodes that may share an attribute block. */
export const XATTR_REFCOUNT_MAX = 1024;
/** Largest value that Linux lets be set (XATTR_SIZE_MAX). */
export const XATTR_VALUE_MAX = 65536;
/** Largest e_value_size that is not corrupt (EXT4_XATTR_SIZE_MAX). */
const XATTR_STORED_VALUE_MAX = 1 << 24;

const CHECKSUM_OFFSET = 0x10;

/** Bytes that an entry with a name of `nameBytes` (without its prefix) takes. */
export function xattrEntryBytes(nameBytes: number): number {
  return (nameBytes + XATTR_ENTRY_BYTES + 3) & ~3;
}

/** Bytes that a value takes within a region. */
export function xattrValueBytes(valueBytes: number): number {
  return (valueBytes + 3) & ~3;
}

/** Byte offset of the first entry in an inode, behind the header. */
export function ibodyXattrStart(extraBytes: number): number {
  return 128 + extraBytes + XATTR_IBODY_HEADER_BYTES;
}

/** Whether an inode's bytes have in-inode attributes: room for header and end mark, and the magic. */
export function hasIbodyXattrs(view: DataView, inodeBytes: number, extraBytes: number): boolean {
  const start = ibodyXattrStart(extraBytes);
  return extraBytes >= 2 && start + 4 <= inodeBytes &&
    view.getUint32(start - XATTR_IBODY_HEADER_BYTES, true) === XATTR_MAGIC;
}

export function xattrNameBytes(view: DataView, entry: number): number {
  return view.getUint8(entry);
}

/** e_name_index: see `xattr_name.ts`. */
export function xattrIndex(view: DataView, entry: number): number {
  return view.getUint8(entry + 1);
}

/** e_value_offs, counted from the region's value base. */
export function xattrValueOffset(view: DataView, entry: number): number {
  return view.getUint16(entry + 2, true);
}

export function setXattrValueOffset(view: DataView, entry: number, offset: number): void {
  view.setUint16(entry + 2, offset, true);
}

/** e_value_inum: the inode that holds the value (ea_inode), or 0. */
export function xattrValueInode(view: DataView, entry: number): number {
  return view.getUint32(entry + 4, true);
}

export function xattrValueSize(view: DataView, entry: number): number {
  return view.getUint32(entry + 8, true);
}

export function xattrHash(view: DataView, entry: number): number {
  return view.getUint32(entry + 12, true);
}

export function setXattrHash(view: DataView, entry: number, hash: number): void {
  view.setUint32(entry + 12, hash, true);
}

/** Whether `entry` is the mark that ends the list, or there is no room for another. */
export function isLastXattr(view: DataView, entry: number, end: number): boolean {
  return entry + 4 > end || view.getUint32(entry, true) === 0;
}

/** Byte offset of what follows the entry. */
export function nextXattr(view: DataView, entry: number): number {
  return entry + xattrEntryBytes(view.getUint8(entry));
}

/** Whether the entry has this name index and this name (without its prefix). */
export function xattrHasName(
  bytes: Uint8Array,
  view: DataView,
  entry: number,
  index: number,
  name: Uint8Array,
): boolean {
  const length = name.length;
  if (view.getUint8(entry) !== length || view.getUint8(entry + 1) !== index) return false;
  for (let i = 0; i < length; i++) {
    if (bytes[entry + XATTR_ENTRY_BYTES + i] !== name[i]) return false;
  }
  return true;
}

/**
 * The order of entries in a block: negative if the first name comes before the second. Names are without prefix.
 */
export function compareXattrNames(
  indexA: number,
  nameA: Uint8Array,
  indexB: number,
  nameB: Uint8Array,
): number {
  if (indexA !== indexB) return indexA - indexB;
  if (nameA.length !== nameB.length) return nameA.length - nameB.length;
  for (let i = 0; i < nameA.length; i++) {
    const difference = (nameA[i] ?? 0) - (nameB[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Writes an entry (with zero padding behind the name) and returns the byte offset behind it. */
export function writeXattrEntry(
  bytes: Uint8Array,
  view: DataView,
  entry: number,
  index: number,
  name: Uint8Array,
  valueOffset: number,
  valueInode: number,
  valueSize: number,
  hash: number,
): number {
  const next = entry + xattrEntryBytes(name.length);
  view.setUint8(entry, name.length);
  view.setUint8(entry + 1, index);
  view.setUint16(entry + 2, valueOffset, true);
  view.setUint32(entry + 4, valueInode, true);
  view.setUint32(entry + 8, valueSize, true);
  view.setUint32(entry + 12, hash, true);
  bytes.set(name, entry + XATTR_ENTRY_BYTES);
  bytes.fill(0, entry + XATTR_ENTRY_BYTES + name.length, next);
  return next;
}

/**
 * Checks all entries of a region before any is used: names and values lie within it, values behind the end mark, and all
 * of it together fits, so that the region can be written anew.
 *
 * @param first byte offset of the first entry.
 * @param end byte offset of the region's end.
 * @param valueBase byte offset that e_value_offs counts from: `first` in an inode, 0 in a block.
 * @param inodesCount bound of e_value_inum, or 0 without the ea_inode feature.
 * @returns what is wrong, or undefined.
 */
export function xattrRegionProblem(
  view: DataView,
  first: number,
  end: number,
  valueBase: number,
  inodesCount: number,
): string | undefined {
  let last = first;
  for (; last + 4 > end || view.getUint32(last, true) !== 0; last = nextXattr(view, last)) {
    if (last + XATTR_ENTRY_BYTES > end) return `entry 0x${last.toString(16)}: no end mark`;
    const length = view.getUint8(last);
    if (nextXattr(view, last) + 4 > end) {
      return `entry 0x${last.toString(16)}: e_name_len ${length} leaves the region`;
    }
    for (let i = 0; i < length; i++) {
      if (view.getUint8(last + XATTR_ENTRY_BYTES + i) === 0) {
        return `entry 0x${last.toString(16)}: NUL in e_name`;
      }
    }
  }
  let used = 0;
  for (let entry = first; entry < last; entry = nextXattr(view, entry)) {
    const problem = valueProblem(view, entry, last + 4, end, valueBase, inodesCount);
    if (problem !== undefined) return `entry 0x${entry.toString(16)}: ${problem}`;
    if (xattrValueInode(view, entry) === 0) used += xattrValueBytes(xattrValueSize(view, entry));
  }
  if (used > end - last - 4) return `values of ${used} bytes overlap`;
  return undefined;
}

function valueProblem(
  view: DataView,
  entry: number,
  floor: number,
  end: number,
  valueBase: number,
  inodesCount: number,
): string | undefined {
  const inode = xattrValueInode(view, entry);
  const size = xattrValueSize(view, entry);
  if (size > XATTR_STORED_VALUE_MAX) return `e_value_size ${size}`;
  if (inode !== 0) return inode > inodesCount ? `e_value_inum ${inode}` : undefined;
  if (size === 0) return undefined;
  const offset = xattrValueOffset(view, entry);
  const start = valueBase + offset;
  if (start < floor) return `e_value_offs ${offset} is within the entries`;
  if (start + xattrValueBytes(size) > end) return `e_value_size ${size} leaves the region`;
  return undefined;
}

/** h_refcount of an attribute block. */
export function xattrRefcount(view: DataView): number {
  return view.getUint32(4, true);
}

export function setXattrRefcount(view: DataView, refcount: number): void {
  view.setUint32(4, refcount, true);
}

/** h_hash of an attribute block: see `xattrBlockHash`. */
export function storedXattrBlockHash(view: DataView): number {
  return view.getUint32(12, true);
}

export function setXattrBlockHash(view: DataView, hash: number): void {
  view.setUint32(12, hash, true);
}

/** Writes the header of an attribute block that one inode uses. */
export function writeXattrBlockHeader(bytes: Uint8Array, view: DataView): void {
  bytes.fill(0, 0, XATTR_BLOCK_HEADER_BYTES);
  view.setUint32(0, XATTR_MAGIC, true);
  view.setUint32(4, 1, true);
  view.setUint32(8, 1, true);
}

/** The h_checksum that the block should have. `seed` is the file system's checksum seed. */
export function xattrBlockChecksum(bytes: Uint8Array, diskBlock: number, seed: number): number {
  const crc = crc32c(crc32cNumber64(seed, diskBlock), bytes, 0, CHECKSUM_OFFSET);
  return crc32c(crc32cZeros(crc, 4), bytes, CHECKSUM_OFFSET + 4);
}

export function setXattrBlockChecksum(
  bytes: Uint8Array,
  view: DataView,
  diskBlock: number,
  seed: number,
): void {
  view.setUint32(CHECKSUM_OFFSET, xattrBlockChecksum(bytes, diskBlock, seed), true);
}

/**
 * Checks an attribute block before it is used: header, checksum, entries.
 *
 * @param seed the file system's checksum seed, or undefined without metadata_csum.
 * @param inodesCount bound of e_value_inum, or 0 without the ea_inode feature.
 * @throws {Corrupt} "xattr block".
 */
export function validateXattrBlock(
  bytes: Uint8Array,
  view: DataView,
  diskBlock: number,
  seed: number | undefined,
  inodesCount: number,
): void {
  let problem: string | undefined;
  const magic = view.getUint32(0, true);
  const refcount = xattrRefcount(view);
  const blocks = view.getUint32(8, true);
  if (magic !== XATTR_MAGIC) problem = `h_magic 0x${magic.toString(16)} is not 0xea020000`;
  else if (blocks !== 1) problem = `h_blocks ${blocks} is not 1`;
  else if (refcount === 0 || refcount > XATTR_REFCOUNT_MAX) problem = `h_refcount ${refcount}`;
  else if (
    seed !== undefined &&
    view.getUint32(CHECKSUM_OFFSET, true) !== xattrBlockChecksum(bytes, diskBlock, seed)
  ) problem = "h_checksum";
  problem ??= xattrRegionProblem(view, XATTR_BLOCK_HEADER_BYTES, bytes.length, 0, inodesCount);
  if (problem !== undefined) {
    throw new Corrupt("xattr block", `block 0x${diskBlock.toString(16)}`, problem);
  }
}

/**
 * Checks the in-inode attributes of an inode that has them (`hasIbodyXattrs`).
 *
 * @throws {Corrupt} "in-inode xattrs".
 */
export function validateIbodyXattrs(
  view: DataView,
  inode: number,
  inodeBytes: number,
  extraBytes: number,
  inodesCount: number,
): void {
  const start = ibodyXattrStart(extraBytes);
  const problem = xattrRegionProblem(view, start, inodeBytes, start, inodesCount);
  if (problem !== undefined) throw new Corrupt("in-inode xattrs", `inode ${inode}`, problem);
}
