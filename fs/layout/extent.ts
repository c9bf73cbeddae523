/**
 * Nodes of the extent tree: in the inode's i_block (60 bytes: a header and 4 entries) or filling a block.
 * All functions work in place on a `DataView`, at a byte offset, with plain numbers.
 *
 * Node header `ext4_extent_header` (12 bytes): 0x0 eh_magic (16 bits, 0xf30a), 0x2 eh_entries (16), 0x4 eh_max (16),
 * 0x6 eh_depth (16, 0 for a leaf), 0x8 eh_generation (32, unused).
 *
 * Leaf entry `ext4_extent` (12 bytes): 0x0 ee_block (32, first file block), 0x4 ee_len (16), 0x6 ee_start_hi (16),
 * 0x8 ee_start_lo (32). ee_len up to 32768 is a written extent of that many blocks; above, an unwritten one of
 * ee_len - 32768 blocks.
 *
 * Index entry `ext4_extent_idx` (12 bytes): 0x0 ei_block (32, first file block below it), 0x4 ei_leaf_lo (32),
 * 0x8 ei_leaf_hi (16), 0xa ei_unused (16).
 *
 * Tail `ext4_extent_tail` (4 bytes) behind the eh_max entries of a node that fills a block: 0x0 et_checksum, the crc32c
 * continued from the inode's checksum seed over all bytes of the node before the tail. The node in the inode has
 * none; the inode's own checksum covers it.
 *
 * Kernel documentation: Documentation/filesystems/ext4/ifork.rst, "Extent Tree".
 *
 * @module
 */

import { Corrupt } from "../errors.ts";
import { crc32c } from "./crc32c.ts";

export const EXTENT_MAGIC = 0xf30a;
export const EXTENT_HEADER_BYTES = 12;
export const EXTENT_ENTRY_BYTES = 12;
export const EXTENT_TAIL_BYTES = 4;
/** The deepest root (eh_depth) that 2^32 file blocks can need. */
export const MAX_EXTENT_DEPTH = 5;
/** Entries that fit in the inode's i_block. */
export const INODE_EXTENT_ENTRIES = 4;
/** Longest written extent, in blocks. */
export const MAX_WRITTEN_BLOCKS = 0x8000;
/** Longest unwritten extent, in blocks. */
export const MAX_UNWRITTEN_BLOCKS = 0x7fff;
/** One more than the last file block that an extent may map (EXT_MAX_BLOCKS). */
export const MAX_FILE_BLOCKS = 0xffffffff;

/** eh_entries of the node at `node`. */
export function extentEntries(view: DataView, node: number): number {
  return view.getUint16(node + 0x2, true);
}

export function setExtentEntries(view: DataView, node: number, entries: number): void {
  view.setUint16(node + 0x2, entries, true);
}

/** eh_max of the node at `node`: how many entries it has room for. */
export function extentMax(view: DataView, node: number): number {
  return view.getUint16(node + 0x4, true);
}

/** eh_depth of the node at `node`: 0 for a leaf. */
export function extentDepth(view: DataView, node: number): number {
  return view.getUint16(node + 0x6, true);
}

/** Entries that fit in a node of `nodeBytes` (60 in the inode, else the block size); the tail needs no entry's room. */
export function extentCapacity(nodeBytes: number): number {
  return Math.floor((nodeBytes - EXTENT_HEADER_BYTES) / EXTENT_ENTRY_BYTES);
}

/** Writes a node's header. */
export function writeExtentHeader(
  view: DataView,
  node: number,
  entries: number,
  max: number,
  depth: number,
): void {
  view.setUint16(node, EXTENT_MAGIC, true);
  view.setUint16(node + 0x2, entries, true);
  view.setUint16(node + 0x4, max, true);
  view.setUint16(node + 0x6, depth, true);
  view.setUint32(node + 0x8, 0, true);
}

/** Byte offset of entry `index` of the node at `node`. */
export function extentEntryOffset(node: number, index: number): number {
  return node + EXTENT_HEADER_BYTES + index * EXTENT_ENTRY_BYTES;
}

/** First file block of the leaf or index entry at `entry` (ee_block, ei_block). */
export function entryFileBlock(view: DataView, entry: number): number {
  return view.getUint32(entry, true);
}

export function setEntryFileBlock(view: DataView, entry: number, fileBlock: number): void {
  view.setUint32(entry, fileBlock, true);
}

/** Blocks that the leaf entry covers, 0 to 32768; 0 only in a corrupt image. */
export function extentBlocks(view: DataView, entry: number): number {
  const raw = view.getUint16(entry + 0x4, true);
  return raw <= MAX_WRITTEN_BLOCKS ? raw : raw - MAX_WRITTEN_BLOCKS;
}

/** Whether the leaf entry's blocks are allocated but read as zeros. */
export function extentIsUnwritten(view: DataView, entry: number): boolean {
  return view.getUint16(entry + 0x4, true) > MAX_WRITTEN_BLOCKS;
}

/** First disk block of the leaf entry, up to 2^48 - 1. */
export function extentDiskBlock(view: DataView, entry: number): number {
  return view.getUint16(entry + 0x6, true) * 0x1_0000_0000 + view.getUint32(entry + 0x8, true);
}

/** Writes ee_len. `blocks`: 1 to 32768, or to 32767 if unwritten. */
export function setExtentBlocks(
  view: DataView,
  entry: number,
  blocks: number,
  unwritten: boolean,
): void {
  view.setUint16(entry + 0x4, unwritten ? blocks + MAX_WRITTEN_BLOCKS : blocks, true);
}

export function setExtentDiskBlock(view: DataView, entry: number, diskBlock: number): void {
  view.setUint16(entry + 0x6, diskBlock / 0x1_0000_0000, true);
  view.setUint32(entry + 0x8, diskBlock, true);
}

/** Writes a leaf entry. `blocks`: 1 to 32768, or to 32767 if unwritten. */
export function writeExtent(
  view: DataView,
  entry: number,
  fileBlock: number,
  blocks: number,
  diskBlock: number,
  unwritten: boolean,
): void {
  setEntryFileBlock(view, entry, fileBlock);
  setExtentBlocks(view, entry, blocks, unwritten);
  setExtentDiskBlock(view, entry, diskBlock);
}

/** Disk block of the node below the index entry, up to 2^48 - 1. */
export function indexChildBlock(view: DataView, entry: number): number {
  return view.getUint16(entry + 0x8, true) * 0x1_0000_0000 + view.getUint32(entry + 0x4, true);
}

/** Writes an index entry. */
export function writeExtentIndex(
  view: DataView,
  entry: number,
  fileBlock: number,
  childBlock: number,
): void {
  setEntryFileBlock(view, entry, fileBlock);
  view.setUint32(entry + 0x4, childBlock, true);
  view.setUint16(entry + 0x8, childBlock / 0x1_0000_0000, true);
  view.setUint16(entry + 0xa, 0, true);
}

/**
 * Checks the header of the node of `nodeBytes` bytes at `node`. eh_max may be smaller than what fits, as other
 * implementations leave room; eh_generation is not looked at.
 *
 * @param expectedDepth one less than the parent's eh_depth; -1 for the root, which may have any depth to 5.
 * @returns what is wrong, or undefined.
 */
export function extentHeaderProblem(
  view: DataView,
  node: number,
  nodeBytes: number,
  expectedDepth: number,
): string | undefined {
  const magic = view.getUint16(node, true);
  if (magic !== EXTENT_MAGIC) return `eh_magic 0x${magic.toString(16)} is not 0xf30a`;
  const entries = extentEntries(view, node);
  const max = extentMax(view, node);
  const depth = extentDepth(view, node);
  if (max === 0) return "eh_max is 0";
  if (max > extentCapacity(nodeBytes)) {
    return `eh_max ${max} exceeds ${extentCapacity(nodeBytes)}`;
  }
  if (entries > max) return `eh_entries ${entries} exceeds eh_max ${max}`;
  if (depth > MAX_EXTENT_DEPTH) return `eh_depth ${depth} exceeds ${MAX_EXTENT_DEPTH}`;
  if (expectedDepth >= 0 && depth !== expectedDepth) {
    return `eh_depth ${depth} is not ${expectedDepth}`;
  }
  if (entries === 0 && depth > 0) return "eh_entries is 0 in an index node";
  return undefined;
}

/**
 * Checks the entries of a node whose header is good: file blocks ascend within `[lowFileBlock, highFileBlock)`,
 * extents neither overlap nor have length 0, and disk blocks lie within `[firstDataBlock, blocksCount)`.
 *
 * @param lowFileBlock ei_block of the parent's entry; 0 for the root.
 * @param highFileBlock ei_block of the parent's next entry, or its own bound; MAX_FILE_BLOCKS for the root.
 * @returns what is wrong, or undefined.
 */
export function extentEntriesProblem(
  view: DataView,
  node: number,
  lowFileBlock: number,
  highFileBlock: number,
  firstDataBlock: number,
  blocksCount: number,
): string | undefined {
  const leaf = extentDepth(view, node) === 0;
  const end = extentEntryOffset(node, extentEntries(view, node));
  let floor = lowFileBlock;
  for (let entry = extentEntryOffset(node, 0); entry < end; entry += EXTENT_ENTRY_BYTES) {
    const fileBlock = entryFileBlock(view, entry);
    const blocks = leaf ? extentBlocks(view, entry) : 1;
    const diskBlock = leaf ? extentDiskBlock(view, entry) : indexChildBlock(view, entry);
    const problem = blocks === 0
      ? "ee_len is 0"
      : fileBlock < floor
      ? `file block ${fileBlock} is below ${floor}`
      : fileBlock + blocks > highFileBlock
      ? `file block ${fileBlock + blocks - 1} is not below ${highFileBlock}`
      : diskBlock < firstDataBlock || diskBlock + blocks > blocksCount
      ? `disk blocks ${diskBlock} to ${diskBlock + blocks - 1} are outside the file system`
      : undefined;
    if (problem !== undefined) {
      return `entry ${(entry - node) / EXTENT_ENTRY_BYTES - 1}: ${problem}`;
    }
    floor = fileBlock + blocks;
  }
  return undefined;
}

/** The crc32c that the tail of the node filling `bytes` (one block) should hold. The header must be good. */
export function extentBlockChecksum(bytes: Uint8Array, view: DataView, inodeSeed: number): number {
  return crc32c(inodeSeed, bytes, 0, extentEntryOffset(0, extentMax(view, 0)));
}

/** Whether the tail of the node filling `bytes` is right. The header must be good. */
export function verifyExtentBlock(bytes: Uint8Array, view: DataView, inodeSeed: number): boolean {
  const tail = extentEntryOffset(0, extentMax(view, 0));
  if (tail + EXTENT_TAIL_BYTES > bytes.length) return false;
  return view.getUint32(tail, true) === extentBlockChecksum(bytes, view, inodeSeed);
}

/** Sets the tail of the node filling `bytes` (one block). */
export function setExtentBlockChecksum(
  bytes: Uint8Array,
  view: DataView,
  inodeSeed: number,
): void {
  const tail = extentEntryOffset(0, extentMax(view, 0));
  view.setUint32(tail, extentBlockChecksum(bytes, view, inodeSeed), true);
}

/** The error for a bad node. `diskBlock` 0 is the node in the inode. */
export function corruptExtentNode(inode: number, diskBlock: number, problem: string): Corrupt {
  const place = diskBlock === 0
    ? `inode ${inode} i_block`
    : `inode ${inode} block 0x${diskBlock.toString(16)}`;
  return new Corrupt("extent node", place, problem);
}

/**
 * Checks a node read from `diskBlock` (header, checksum if `inodeSeed` is given, entries) before anything in it is used.
 *
 * @param inodeSeed the inode's checksum seed, or undefined without metadata_csum.
 * @throws {Corrupt} "extent node".
 */
export function validateExtentBlock(
  bytes: Uint8Array,
  view: DataView,
  inode: number,
  diskBlock: number,
  expectedDepth: number,
  lowFileBlock: number,
  highFileBlock: number,
  firstDataBlock: number,
  blocksCount: number,
  inodeSeed: number | undefined,
): void {
  let problem = extentHeaderProblem(view, 0, bytes.length, expectedDepth);
  if (problem === undefined && inodeSeed !== undefined) {
    if (!verifyExtentBlock(bytes, view, inodeSeed)) problem = "et_checksum";
  }
  problem ??= extentEntriesProblem(
    view,
    0,
    lowFileBlock,
    highFileBlock,
    firstDataBlock,
    blocksCount,
  );
  if (problem !== undefined) throw corruptExtentNode(inode, diskBlock, problem);
}
