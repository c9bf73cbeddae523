/**
 * Group descriptors, 32 bytes or s_desc_size with 64bit (kernel documentation:
 * filesystems/ext4/globals, "Block Group Descriptors").
 *
 * The checksum (bg_checksum, 0x1e, 16 bits) covers: with metadata_csum the low half of
 * crc32c(seed, group number le32, descriptor with the checksum field as zero); with uninit_bg
 * crc16(0xffff, UUID, group number le32, descriptor without the checksum field).
 *
 * @module
 */

import { crc16 } from "./crc16.ts";
import { crc32cNumber, crc32cWords } from "./crc32c.ts";

/** bg_flags bits. */
export const BG_INODE_UNINIT = 1;
export const BG_BLOCK_UNINIT = 2;
export const BG_INODE_ZEROED = 4;

/** One group descriptor, decoded; counts of blocks are in clusters with bigalloc. */
export interface GroupDescriptor {
  /** Disk block of the block bitmap (bg_block_bitmap 0x0, 0x20). */
  blockBitmap: number;
  /** Disk block of the inode bitmap (bg_inode_bitmap 0x4, 0x24). */
  inodeBitmap: number;
  /** First disk block of the inode table (bg_inode_table 0x8, 0x28). */
  inodeTable: number;
  /** bg_free_blocks_count 0xc, 0x2c: free clusters. */
  freeClusters: number;
  /** bg_free_inodes_count 0xe, 0x2e. */
  freeInodes: number;
  /** bg_used_dirs_count 0x10, 0x30. */
  usedDirectories: number;
  /** bg_flags 0x12: BG_* bits. */
  flags: number;
  /** bg_exclude_bitmap 0x14, 0x34. */
  excludeBitmap: number;
  /** bg_block_bitmap_csum 0x18, 0x38 (16 bits of it in a 32-byte descriptor). */
  blockBitmapChecksum: number;
  /** bg_inode_bitmap_csum 0x1a, 0x3a. */
  inodeBitmapChecksum: number;
  /** bg_itable_unused 0x1c, 0x32: inodes at the table's end that were never used. */
  unusedInodes: number;
  /** bg_checksum 0x1e. */
  checksum: number;
}

/** The block number whose low half is at `lo`; the high one, at `hi`, is there in wide descriptors only. */
function blockAt(view: DataView, lo: number, hi: number, wide: boolean): number {
  const low = view.getUint32(lo, true);
  return wide ? low + view.getUint32(hi, true) * 0x100000000 : low;
}

/** As `blockAt`, of halves of 16 bits. */
function countAt(view: DataView, lo: number, hi: number, wide: boolean): number {
  const low = view.getUint16(lo, true);
  return wide ? low + view.getUint16(hi, true) * 0x10000 : low;
}

/** Reads the descriptor of `size` bytes at `offset`. */
export function decodeGroupDescriptor(
  view: DataView,
  offset: number,
  size: number,
): GroupDescriptor {
  const wide = size >= 64;
  return {
    blockBitmap: blockAt(view, offset, offset + 0x20, wide),
    inodeBitmap: blockAt(view, offset + 0x4, offset + 0x24, wide),
    inodeTable: blockAt(view, offset + 0x8, offset + 0x28, wide),
    freeClusters: countAt(view, offset + 0xc, offset + 0x2c, wide),
    freeInodes: countAt(view, offset + 0xe, offset + 0x2e, wide),
    usedDirectories: countAt(view, offset + 0x10, offset + 0x30, wide),
    flags: view.getUint16(offset + 0x12, true),
    excludeBitmap: blockAt(view, offset + 0x14, offset + 0x34, wide),
    blockBitmapChecksum: countAt(view, offset + 0x18, offset + 0x38, wide),
    inodeBitmapChecksum: countAt(view, offset + 0x1a, offset + 0x3a, wide),
    unusedInodes: countAt(view, offset + 0x1c, offset + 0x32, wide),
    checksum: view.getUint16(offset + 0x1e, true),
  };
}

/** Fields of many descriptors, by group: see `GroupDescriptor`. */
export interface GroupColumns {
  readonly blockBitmap: Float64Array;
  readonly inodeBitmap: Float64Array;
  readonly inodeTable: Float64Array;
  readonly freeClusters: Uint32Array;
  readonly freeInodes: Uint32Array;
  readonly usedDirectories: Uint32Array;
  readonly unusedInodes: Uint32Array;
  readonly flags: Uint16Array;
  readonly blockBitmapChecksum: Uint32Array;
  readonly inodeBitmapChecksum: Uint32Array;
}

/** As `decodeGroupDescriptor`, into columns: nothing is allocated for each of a hundred thousand. */
export function decodeGroupColumns(
  view: DataView,
  offset: number,
  size: number,
  columns: GroupColumns,
  group: number,
): void {
  const wide = size >= 64;
  columns.blockBitmap[group] = blockAt(view, offset, offset + 0x20, wide);
  columns.inodeBitmap[group] = blockAt(view, offset + 0x4, offset + 0x24, wide);
  columns.inodeTable[group] = blockAt(view, offset + 0x8, offset + 0x28, wide);
  columns.freeClusters[group] = countAt(view, offset + 0xc, offset + 0x2c, wide);
  columns.freeInodes[group] = countAt(view, offset + 0xe, offset + 0x2e, wide);
  columns.usedDirectories[group] = countAt(view, offset + 0x10, offset + 0x30, wide);
  columns.flags[group] = view.getUint16(offset + 0x12, true);
  columns.blockBitmapChecksum[group] = countAt(view, offset + 0x18, offset + 0x38, wide);
  columns.inodeBitmapChecksum[group] = countAt(view, offset + 0x1a, offset + 0x3a, wide);
  columns.unusedInodes[group] = countAt(view, offset + 0x1c, offset + 0x32, wide);
}

function putBlock(view: DataView, lo: number, hi: number, wide: boolean, value: number): void {
  view.setUint32(lo, value >>> 0, true);
  if (wide) view.setUint32(hi, Math.floor(value / 0x100000000), true);
}

function putCount(view: DataView, lo: number, hi: number, wide: boolean, value: number): void {
  view.setUint16(lo, value & 0xffff, true);
  if (wide) view.setUint16(hi, value >>> 16, true);
}

/** Writes the descriptor's fields at `offset`; the checksum field is written as given. */
export function encodeGroupDescriptor(
  view: DataView,
  offset: number,
  size: number,
  descriptor: GroupDescriptor,
): void {
  const wide = size >= 64;
  putBlock(view, offset, offset + 0x20, wide, descriptor.blockBitmap);
  putBlock(view, offset + 0x4, offset + 0x24, wide, descriptor.inodeBitmap);
  putBlock(view, offset + 0x8, offset + 0x28, wide, descriptor.inodeTable);
  putCount(view, offset + 0xc, offset + 0x2c, wide, descriptor.freeClusters);
  putCount(view, offset + 0xe, offset + 0x2e, wide, descriptor.freeInodes);
  putCount(view, offset + 0x10, offset + 0x30, wide, descriptor.usedDirectories);
  view.setUint16(offset + 0x12, descriptor.flags, true);
  putBlock(view, offset + 0x14, offset + 0x34, wide, descriptor.excludeBitmap);
  putCount(view, offset + 0x18, offset + 0x38, wide, descriptor.blockBitmapChecksum);
  putCount(view, offset + 0x1a, offset + 0x3a, wide, descriptor.inodeBitmapChecksum);
  putCount(view, offset + 0x1c, offset + 0x32, wide, descriptor.unusedInodes);
  view.setUint16(offset + 0x1e, descriptor.checksum, true);
}

/** How group descriptors are checksummed in a file system. */
export type GroupChecksum =
  | { readonly kind: "none" }
  /** `seed` is the file system's checksum seed. */
  | { readonly kind: "crc32c"; readonly seed: number }
  | { readonly kind: "crc16"; readonly uuid: Uint8Array };

const groupNumberBytes = new Uint8Array(4);

/**
 * The checksum of the descriptor stored at `offset`, whatever its checksum field holds.
 * @returns 16 bits; 0 for kind "none".
 */
export function groupDescriptorChecksum(
  view: DataView,
  offset: number,
  size: number,
  group: number,
  method: GroupChecksum,
): number {
  if (method.kind === "none") return 0;
  const end = offset + size;
  if (method.kind === "crc32c") {
    let crc = crc32cWords(crc32cNumber(method.seed, group), view, offset, offset + 0x1c);
    // The word whose upper half is the checksum.
    crc = crc32cNumber(crc, view.getUint16(offset + 0x1c, true));
    return crc32cWords(crc, view, offset + 0x20, end) & 0xffff;
  }
  const field = offset + 0x1e;
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  new DataView(groupNumberBytes.buffer).setUint32(0, group, true);
  let crc = crc16(0xffff, method.uuid);
  crc = crc16(crc, groupNumberBytes);
  crc = crc16(crc, bytes, offset, field);
  return size > 0x20 ? crc16(crc, bytes, field + 2, end) : crc;
}
