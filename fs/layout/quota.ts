/**
 * Quota files (format vfsv1), the hidden inodes s_usr_quota_inum, s_grp_quota_inum and s_prj_quota_inum: a tree of
 * 1024-byte blocks, whatever the file system's block size. Little-endian; no checksums.
 *
 * Block 0, header `v2_disk_dqheader` (8 bytes): 0x0 dqh_magic (32 bits, by kind of quota), 0x4 dqh_version (32, 1); and
 * `v2_disk_dqinfo` (24 bytes): 0x8 dqi_bgrace (32, seconds), 0xc dqi_igrace (32, seconds), 0x10 dqi_flags (32),
 * 0x14 dqi_blocks (32, blocks of the file), 0x18 dqi_free_blk (32, first free block or 0), 0x1c dqi_free_entry (32, first
 * data block with room or 0).
 *
 * Block 1 is the tree's root. Four levels of tree blocks, each 256 block numbers (32), are indexed by the identifier's
 * bytes, the upper one first; the last level names data blocks; 0 is none.
 *
 * Data block: `qt_disk_dqdbheader` (16 bytes): 0x0 dqdh_next_free (32), 0x4 dqdh_prev_free (32), 0x8 dqdh_entries (16),
 * 0xa dqdh_pad1 (16), 0xc dqdh_pad2 (32); then 14 entries `v2r1_disk_dqblk` (72 bytes): 0x0 dqb_id (32),
 * 0x4 dqb_pad (32), 0x8 dqb_ihardlimit, 0x10 dqb_isoftlimit, 0x18 dqb_curinodes, 0x20 dqb_bhardlimit,
 * 0x28 dqb_bsoftlimit (KiB), 0x30 dqb_curspace (bytes), 0x38 dqb_btime, 0x40 dqb_itime (64 each, seconds). An entry of
 * zeros is free; the one of identifier 0, if it would be all zero, has dqb_itime 1.
 *
 * Kernel sources: fs/quota/quotaio_v2.h, fs/quota/quota_tree.c; the ext4 documentation names only the inodes
 * (Documentation/filesystems/ext4/special_inodes.rst).
 *
 * @module
 */

import { getUint64, setUint64 } from "../bytes/uint64.ts";
import { Corrupt } from "../errors.ts";

export const QUOTA_BLOCK_BYTES = 1024;
/** Block of the tree's root. */
export const QUOTA_ROOT_BLOCK = 1;
/** Levels of tree blocks between the header and data blocks. */
export const QUOTA_TREE_DEPTH = 4;
export const QUOTA_ENTRY_BYTES = 72;
export const QUOTA_DATA_HEADER_BYTES = 16;
/** Entries in a data block: 14. */
export const QUOTA_ENTRIES_PER_BLOCK = Math.floor(
  (QUOTA_BLOCK_BYTES - QUOTA_DATA_HEADER_BYTES) / QUOTA_ENTRY_BYTES,
);

/** dqh_magic by kind of quota. */
export const QuotaMagic = { USER: 0xd9c01f11, GROUP: 0xd9c01927, PROJECT: 0xd9c03f14 } as const;

const VERSION = 1;

/** The header block's fields. */
export interface QuotaHeader {
  /** How long a soft limit may be exceeded, seconds: for blocks and for inodes. */
  blockGrace: number;
  inodeGrace: number;
  flags: number;
  /** Blocks of 1024 bytes in the file. */
  blocks: number;
  /** First free block, 0 for none. */
  freeBlock: number;
  /** First data block with room for an entry, 0 for none. */
  freeEntryBlock: number;
}

/**
 * Decodes block 0.
 *
 * @param magic the `QuotaMagic` that this file should have.
 * @param fileBytes size of the quota file.
 * @throws {Corrupt} "quota header".
 */
export function decodeQuotaHeader(
  view: DataView,
  magic: number,
  inode: number,
  fileBytes: number,
): QuotaHeader {
  const corrupt = (field: string) => new Corrupt("quota header", `inode ${inode}`, field);
  const stored = view.getUint32(0x0, true);
  const version = view.getUint32(0x4, true);
  if (stored !== magic) {
    throw corrupt(`dqh_magic 0x${stored.toString(16)} is not 0x${magic.toString(16)}`);
  }
  if (version !== VERSION) throw corrupt(`dqh_version ${version} is not ${VERSION}`);
  const header = {
    blockGrace: view.getUint32(0x8, true),
    inodeGrace: view.getUint32(0xc, true),
    flags: view.getUint32(0x10, true),
    blocks: view.getUint32(0x14, true),
    freeBlock: view.getUint32(0x18, true),
    freeEntryBlock: view.getUint32(0x1c, true),
  };
  const { blocks, freeBlock, freeEntryBlock } = header;
  if (blocks <= QUOTA_ROOT_BLOCK || blocks * QUOTA_BLOCK_BYTES > fileBytes) {
    throw corrupt(`dqi_blocks ${blocks}`);
  }
  if (freeBlock >= blocks) throw corrupt(`dqi_free_blk ${freeBlock}`);
  if (freeEntryBlock >= blocks) throw corrupt(`dqi_free_entry ${freeEntryBlock}`);
  return header;
}

/** Encodes block 0. */
export function encodeQuotaHeader(view: DataView, magic: number, header: QuotaHeader): void {
  view.setUint32(0x0, magic, true);
  view.setUint32(0x4, VERSION, true);
  view.setUint32(0x8, header.blockGrace, true);
  view.setUint32(0xc, header.inodeGrace, true);
  view.setUint32(0x10, header.flags, true);
  view.setUint32(0x14, header.blocks, true);
  view.setUint32(0x18, header.freeBlock, true);
  view.setUint32(0x1c, header.freeEntryBlock, true);
}

/** Slot of an identifier in the tree block of level `level` (0 the root, 3 the last). */
export function quotaTreeSlot(id: number, level: number): number {
  return (id >>> (8 * (QUOTA_TREE_DEPTH - 1 - level))) & 0xff;
}

/** The block that a tree block's slot names; 0 for none. Check it against `QuotaHeader.blocks`. */
export function quotaTreeBlock(view: DataView, slot: number): number {
  return view.getUint32(slot * 4, true);
}

export function setQuotaTreeBlock(view: DataView, slot: number, block: number): void {
  view.setUint32(slot * 4, block, true);
}

/** The header of a data block. */
export interface QuotaDataHeader {
  /** Next and previous data block with room, 0 for none. */
  nextFree: number;
  previousFree: number;
  /** Entries in use. */
  entries: number;
}

/** Decodes a data block's header. @throws {Corrupt} "quota data block". */
export function decodeQuotaDataHeader(
  view: DataView,
  block: number,
  header: QuotaHeader,
): QuotaDataHeader {
  const data = {
    nextFree: view.getUint32(0, true),
    previousFree: view.getUint32(4, true),
    entries: view.getUint16(8, true),
  };
  const corrupt = (field: string) => new Corrupt("quota data block", `block ${block}`, field);
  if (data.entries > QUOTA_ENTRIES_PER_BLOCK) throw corrupt(`dqdh_entries ${data.entries}`);
  if (data.nextFree >= header.blocks) throw corrupt(`dqdh_next_free ${data.nextFree}`);
  if (data.previousFree >= header.blocks) throw corrupt(`dqdh_prev_free ${data.previousFree}`);
  return data;
}

export function encodeQuotaDataHeader(view: DataView, data: QuotaDataHeader): void {
  view.setUint32(0, data.nextFree, true);
  view.setUint32(4, data.previousFree, true);
  view.setUint16(8, data.entries, true);
  view.setUint16(0xa, 0, true);
  view.setUint32(0xc, 0, true);
}

/** Limits and usage of one identifier. A limit of 0 is none. */
export interface QuotaEntry {
  id: number;
  inodeHardLimit: number;
  inodeSoftLimit: number;
  inodes: number;
  /** Limits of space in KiB, usage in bytes. */
  blockHardLimit: number;
  blockSoftLimit: number;
  spaceBytes: number;
  /** When the grace times end, seconds since 1970; 0 if they do not run. */
  blockTime: number;
  inodeTime: number;
}

/** Byte offset of entry `index` (0 to 13) in a data block. */
export function quotaEntryOffset(index: number): number {
  return QUOTA_DATA_HEADER_BYTES + index * QUOTA_ENTRY_BYTES;
}

/** Whether the entry at `offset` is free: all zeros. */
export function isFreeQuotaEntry(view: DataView, offset: number): boolean {
  for (let at = offset; at < offset + QUOTA_ENTRY_BYTES; at += 4) {
    if (view.getUint32(at, true) !== 0) return false;
  }
  return true;
}

/** Decodes the entry at `offset`. @throws {Corrupt} "quota entry" if a number exceeds 2^53 - 1. */
export function decodeQuotaEntry(view: DataView, offset: number): QuotaEntry {
  const id = view.getUint32(offset, true);
  const field = (name: string, at: number): number => {
    const value = getUint64(view, offset + at);
    if (!Number.isSafeInteger(value)) throw new Corrupt("quota entry", `id ${id}`, name);
    return value;
  };
  const inodeTime = field("dqb_itime", 0x40);
  const entry = {
    id,
    inodeHardLimit: field("dqb_ihardlimit", 0x8),
    inodeSoftLimit: field("dqb_isoftlimit", 0x10),
    inodes: field("dqb_curinodes", 0x18),
    blockHardLimit: field("dqb_bhardlimit", 0x20),
    blockSoftLimit: field("dqb_bsoftlimit", 0x28),
    spaceBytes: field("dqb_curspace", 0x30),
    blockTime: field("dqb_btime", 0x38),
    inodeTime,
  };
  if (inodeTime === 1 && isOnlyInodeTime(entry)) entry.inodeTime = 0;
  return entry;
}

function isOnlyInodeTime(entry: QuotaEntry): boolean {
  return entry.id === 0 && entry.inodeHardLimit === 0 && entry.inodeSoftLimit === 0 &&
    entry.inodes === 0 && entry.blockHardLimit === 0 && entry.blockSoftLimit === 0 &&
    entry.spaceBytes === 0 && entry.blockTime === 0;
}

/** Encodes an entry at `offset`; that of identifier 0 never becomes a free one. */
export function encodeQuotaEntry(view: DataView, offset: number, entry: QuotaEntry): void {
  view.setUint32(offset, entry.id, true);
  view.setUint32(offset + 0x4, 0, true);
  setUint64(view, offset + 0x8, entry.inodeHardLimit);
  setUint64(view, offset + 0x10, entry.inodeSoftLimit);
  setUint64(view, offset + 0x18, entry.inodes);
  setUint64(view, offset + 0x20, entry.blockHardLimit);
  setUint64(view, offset + 0x28, entry.blockSoftLimit);
  setUint64(view, offset + 0x30, entry.spaceBytes);
  setUint64(view, offset + 0x38, entry.blockTime);
  const inodeTime = entry.inodeTime === 0 && isOnlyInodeTime(entry) ? 1 : entry.inodeTime;
  setUint64(view, offset + 0x40, inodeTime);
}
