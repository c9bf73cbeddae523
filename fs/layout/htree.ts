/**
 * Index blocks of a hash-tree directory, read and written in place on a `DataView`. Old readers see directory
 * blocks with nothing in them.
 *
 * Root `dx_root` (file block 0): 0x0 the entry "." (12 bytes), 0xc the entry ".." with a rec_len to the block's end,
 * 0x18 `dx_root_info`: 0x18 reserved_zero (32 bits), 0x1c hash_version (8), 0x1d info_length (8, 8),
 * 0x1e indirect_levels (8, levels of `dx_node` below the root), 0x1f unused_flags (8), 0x20 the entries.
 *
 * Inner node `dx_node`: 0x0 an unused entry (8 bytes: inode 0, rec_len of the whole block, no name), 0x8 the entries.
 *
 * Entries (8 bytes): 0x0 hash (32), 0x4 block (32, a file block; the upper 4 bits are reserved). Instead of a hash, the
 * first entry has `dx_countlimit`: 0x0 limit (16, room for entries, this one included), 0x2 count (16, entries in use,
 * this one included); it stands for all hashes below the second entry's. Major hashes are even: an odd one says that
 * the entry's leaf goes on with names of the same hash as the end of the leaf before.
 *
 * Tail `dx_tail` with metadata_csum, behind the `limit` entries: 0x0 dt_reserved (32), 0x4 dt_checksum (32). The
 * crc32c, continued from the directory inode's checksum seed, covers the block up to the end of the `count` entries,
 * then dt_reserved, then four zero bytes.
 *
 * Kernel documentation: Documentation/filesystems/ext4/directory.rst, "Hash Tree Directories".
 *
 * @module
 */

import { Corrupt } from "../errors.ts";
import { crc32c, crc32cZeros } from "./crc32c.ts";
import { HashVersion } from "./dir_hash.ts";
import { direntInode, direntNameLen, direntRecLen, FileType, writeDirent } from "./dirent.ts";

/** Byte offset of the entries in the root, and in inner nodes. */
export const ROOT_ENTRIES_OFFSET = 0x20;
export const NODE_ENTRIES_OFFSET = 0x8;
export const HTREE_ENTRY_BYTES = 8;
export const HTREE_TAIL_BYTES = 8;
/** Byte offset of dx_root_info, and its length as info_length says it. */
export const ROOT_INFO_OFFSET = 0x18;
export const ROOT_INFO_BYTES = 8;
/** Largest indirect_levels: without and with the large_dir feature. */
export const MAX_INDIRECT_LEVELS = 1;
export const MAX_INDIRECT_LEVELS_LARGE_DIR = 2;

const BLOCK_MASK = 0x0fffffff;
const DOT_BYTES = 12;
const DOT = Uint8Array.of(0x2e);
const DOT_DOT = Uint8Array.of(0x2e, 0x2e);

/** Entries (the first one included) that fit in a root block. */
export function rootLimit(blockBytes: number, metadataChecksums: boolean): number {
  return limitFrom(ROOT_ENTRIES_OFFSET, blockBytes, metadataChecksums);
}

/** Entries (the first one included) that fit in an inner node. */
export function nodeLimit(blockBytes: number, metadataChecksums: boolean): number {
  return limitFrom(NODE_ENTRIES_OFFSET, blockBytes, metadataChecksums);
}

function limitFrom(entries: number, blockBytes: number, metadataChecksums: boolean): number {
  const room = blockBytes - entries - (metadataChecksums ? HTREE_TAIL_BYTES : 0);
  return Math.floor(room / HTREE_ENTRY_BYTES);
}

/** hash_version of a root: 0 to 2, before the superblock's signedness is applied. */
export function rootHashVersion(view: DataView): number {
  return view.getUint8(0x1c);
}

/** indirect_levels of a root: 0 when its entries point to leaves. */
export function rootIndirectLevels(view: DataView): number {
  return view.getUint8(0x1e);
}

export function setRootIndirectLevels(view: DataView, levels: number): void {
  view.setUint8(0x1e, levels);
}

/** limit of the entries at byte offset `entries`. */
export function htreeLimit(view: DataView, entries: number): number {
  return view.getUint16(entries, true);
}

/** count of the entries at byte offset `entries`, the first one included. */
export function htreeCount(view: DataView, entries: number): number {
  return view.getUint16(entries + 2, true);
}

export function setHtreeCount(view: DataView, entries: number, count: number): void {
  view.setUint16(entries + 2, count, true);
}

/** Smallest hash that entry `index` stands for. */
export function htreeHash(view: DataView, entries: number, index: number): number {
  return index === 0 ? 0 : view.getUint32(entries + index * HTREE_ENTRY_BYTES, true);
}

/** File block that entry `index` points to. */
export function htreeBlock(view: DataView, entries: number, index: number): number {
  return view.getUint32(entries + index * HTREE_ENTRY_BYTES + 4, true) & BLOCK_MASK;
}

export function setHtreeBlock(
  view: DataView,
  entries: number,
  index: number,
  fileBlock: number,
): void {
  view.setUint32(entries + index * HTREE_ENTRY_BYTES + 4, fileBlock, true);
}

/** Writes entry `index`, which must not be 0: the first entry has limit and count in place of a hash. */
export function setHtreeEntry(
  view: DataView,
  entries: number,
  index: number,
  hash: number,
  fileBlock: number,
): void {
  const at = entries + index * HTREE_ENTRY_BYTES;
  view.setUint32(at, hash, true);
  view.setUint32(at + 4, fileBlock, true);
}

/** Writes a root with one entry, which points to `childBlock`. The checksum is not set. */
export function writeHtreeRoot(
  bytes: Uint8Array,
  view: DataView,
  inode: number,
  parentInode: number,
  hashVersion: number,
  filetypeFeature: boolean,
  metadataChecksums: boolean,
  childBlock: number,
): void {
  const size = bytes.length;
  const type = filetypeFeature ? FileType.DIRECTORY : FileType.UNKNOWN;
  bytes.fill(0);
  writeDirent(bytes, view, 0, inode, DOT_BYTES, size, type, DOT);
  writeDirent(bytes, view, DOT_BYTES, parentInode, size - DOT_BYTES, size, type, DOT_DOT);
  view.setUint8(0x1c, hashVersion);
  view.setUint8(0x1d, ROOT_INFO_BYTES);
  view.setUint16(ROOT_ENTRIES_OFFSET, rootLimit(size, metadataChecksums), true);
  setHtreeCount(view, ROOT_ENTRIES_OFFSET, 1);
  setHtreeBlock(view, ROOT_ENTRIES_OFFSET, 0, childBlock);
}

/** Writes an inner node with one entry, which points to `childBlock`. The checksum is not set. */
export function writeHtreeNode(
  bytes: Uint8Array,
  view: DataView,
  metadataChecksums: boolean,
  childBlock: number,
): void {
  bytes.fill(0);
  writeDirent(bytes, view, 0, 0, bytes.length, bytes.length, 0, new Uint8Array(0));
  view.setUint16(NODE_ENTRIES_OFFSET, nodeLimit(bytes.length, metadataChecksums), true);
  setHtreeCount(view, NODE_ENTRIES_OFFSET, 1);
  setHtreeBlock(view, NODE_ENTRIES_OFFSET, 0, childBlock);
}

/**
 * Checks a root block before it is used: its two entries, dx_root_info, and the index entries.
 *
 * @param directoryBlocks blocks of the directory, which bound the file blocks that entries may name.
 * @returns what is wrong, or undefined.
 */
export function htreeRootProblem(
  view: DataView,
  largeDir: boolean,
  metadataChecksums: boolean,
  directoryBlocks: number,
): string | undefined {
  const size = view.byteLength;
  if (direntRecLen(view, 0, size) !== DOT_BYTES || direntNameLen(view, 0) !== 1) {
    return 'the entry "." is not 12 bytes long';
  }
  const rest = direntRecLen(view, DOT_BYTES, size);
  if (rest !== size - DOT_BYTES) return `rec_len ${rest} of ".." does not reach the block's end`;
  if (view.getUint32(ROOT_INFO_OFFSET, true) !== 0) return "reserved_zero is not 0";
  const version = rootHashVersion(view);
  if (version > HashVersion.TEA && version !== HashVersion.SIPHASH) {
    return `hash_version ${version} is not known`;
  }
  if (view.getUint8(0x1d) !== ROOT_INFO_BYTES) return `info_length ${view.getUint8(0x1d)} is not 8`;
  const levels = rootIndirectLevels(view);
  const maxLevels = largeDir ? MAX_INDIRECT_LEVELS_LARGE_DIR : MAX_INDIRECT_LEVELS;
  if (levels > maxLevels) return `indirect_levels ${levels} exceeds ${maxLevels}`;
  if ((view.getUint8(0x1f) & 1) !== 0) return `unused_flags ${view.getUint8(0x1f)}`;
  const limit = rootLimit(size, metadataChecksums);
  return entriesProblem(view, ROOT_ENTRIES_OFFSET, limit, directoryBlocks);
}

/** Checks an inner node before it is used. Returns what is wrong, or undefined. */
export function htreeNodeProblem(
  view: DataView,
  metadataChecksums: boolean,
  directoryBlocks: number,
): string | undefined {
  const size = view.byteLength;
  if (direntInode(view, 0) !== 0 || direntRecLen(view, 0, size) !== size) {
    return "does not begin with one unused entry";
  }
  const limit = nodeLimit(size, metadataChecksums);
  return entriesProblem(view, NODE_ENTRIES_OFFSET, limit, directoryBlocks);
}

function entriesProblem(
  view: DataView,
  entries: number,
  wantedLimit: number,
  directoryBlocks: number,
): string | undefined {
  const limit = htreeLimit(view, entries);
  const count = htreeCount(view, entries);
  if (limit !== wantedLimit) return `limit ${limit} is not ${wantedLimit}`;
  if (count === 0) return "count is 0";
  if (count > limit) return `count ${count} exceeds limit ${limit}`;
  let previous = 0;
  for (let index = 0; index < count; index++) {
    const hash = htreeHash(view, entries, index);
    const block = htreeBlock(view, entries, index);
    if (hash < previous) return `entry ${index}: hash 0x${hash.toString(16)} is out of order`;
    if (block === 0 || block >= directoryBlocks) return `entry ${index}: block ${block}`;
    previous = hash;
  }
  return undefined;
}

/** The error for a bad index block. */
export function corruptHtree(directory: number, fileBlock: number, problem: string): Corrupt {
  const structure = fileBlock === 0 ? "htree root" : "htree node";
  return new Corrupt(structure, `directory inode ${directory} block ${fileBlock}`, problem);
}

function htreeChecksum(
  bytes: Uint8Array,
  entries: number,
  count: number,
  tail: number,
  inodeSeed: number,
): number {
  const crc = crc32c(inodeSeed, bytes, 0, entries + count * HTREE_ENTRY_BYTES);
  return crc32cZeros(crc32c(crc, bytes, tail, tail + 4), 4);
}

/**
 * Whether dt_checksum of an index block is right; false also if limit or count leave no room for it.
 *
 * @param entries `ROOT_ENTRIES_OFFSET` or `NODE_ENTRIES_OFFSET`.
 * @param inodeSeed the directory's checksum seed.
 */
export function verifyHtreeBlock(
  bytes: Uint8Array,
  view: DataView,
  entries: number,
  inodeSeed: number,
): boolean {
  const count = htreeCount(view, entries);
  const limit = htreeLimit(view, entries);
  const tail = entries + limit * HTREE_ENTRY_BYTES;
  if (count > limit || tail + HTREE_TAIL_BYTES > bytes.length) return false;
  return view.getUint32(tail + 4, true) === htreeChecksum(bytes, entries, count, tail, inodeSeed);
}

/** Sets dt_checksum of an index block whose limit and count are good. */
export function setHtreeBlockChecksum(
  bytes: Uint8Array,
  view: DataView,
  entries: number,
  inodeSeed: number,
): void {
  const tail = entries + htreeLimit(view, entries) * HTREE_ENTRY_BYTES;
  const count = htreeCount(view, entries);
  view.setUint32(tail + 4, htreeChecksum(bytes, entries, count, tail, inodeSeed), true);
}
