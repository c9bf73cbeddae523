/**
 * Blocks of the orphan file (feature orphan_file, inode s_orphan_file_inum): an array of the 32-bit numbers of inodes to
 * delete or truncate at the next mount, 0 where a slot is free, closed by a tail.
 *
 * Tail `ext4_orphan_block_tail` (the last 8 bytes): 0x0 ob_magic (32 bits, 0x0b10ca04), 0x4 ob_checksum (32): the crc32c,
 * continued from the orphan file inode's checksum seed, over the block's disk block number (64 bits) and the array.
 *
 * Kernel documentation: Documentation/filesystems/ext4/orphan.rst.
 *
 * @module
 */

import { Corrupt } from "../errors.ts";
import { crc32c, crc32cNumber64 } from "./crc32c.ts";

export const ORPHAN_MAGIC = 0x0b10ca04;
export const ORPHAN_TAIL_BYTES = 8;

/** Inode numbers in a block. */
export function orphansPerBlock(blockBytes: number): number {
  return (blockBytes - ORPHAN_TAIL_BYTES) / 4;
}

/** The inode number in slot `slot`; 0 if it is free. */
export function orphanInode(view: DataView, slot: number): number {
  return view.getUint32(slot * 4, true);
}

export function setOrphanInode(view: DataView, slot: number, inode: number): void {
  view.setUint32(slot * 4, inode, true);
}

/** Writes a block without orphans; the checksum is not set. */
export function writeEmptyOrphanBlock(bytes: Uint8Array, view: DataView): void {
  bytes.fill(0);
  view.setUint32(bytes.length - ORPHAN_TAIL_BYTES, ORPHAN_MAGIC, true);
}

function orphanChecksum(bytes: Uint8Array, diskBlock: number, inodeSeed: number): number {
  const seed = crc32cNumber64(inodeSeed, diskBlock);
  return crc32c(seed, bytes, 0, bytes.length - ORPHAN_TAIL_BYTES);
}

/** Sets ob_checksum. `inodeSeed` is the orphan file inode's checksum seed. */
export function setOrphanBlockChecksum(
  bytes: Uint8Array,
  view: DataView,
  diskBlock: number,
  inodeSeed: number,
): void {
  view.setUint32(bytes.length - 4, orphanChecksum(bytes, diskBlock, inodeSeed), true);
}

/**
 * Checks a block before it is used: tail, checksum, inode numbers.
 *
 * @param inodeSeed the orphan file inode's checksum seed, or undefined without metadata_csum.
 * @throws {Corrupt} "orphan file block".
 */
export function validateOrphanBlock(
  bytes: Uint8Array,
  view: DataView,
  diskBlock: number,
  inodesCount: number,
  inodeSeed: number | undefined,
): void {
  const corrupt = (field: string) =>
    new Corrupt("orphan file block", `block 0x${diskBlock.toString(16)}`, field);
  const magic = view.getUint32(bytes.length - ORPHAN_TAIL_BYTES, true);
  if (magic !== ORPHAN_MAGIC) throw corrupt(`ob_magic 0x${magic.toString(16)}`);
  if (inodeSeed !== undefined) {
    const stored = view.getUint32(bytes.length - 4, true);
    if (stored !== orphanChecksum(bytes, diskBlock, inodeSeed)) throw corrupt("ob_checksum");
  }
  for (let slot = 0; slot < orphansPerBlock(bytes.length); slot++) {
    const inode = orphanInode(view, slot);
    if (inode > inodesCount) throw corrupt(`slot ${slot}: inode ${inode}`);
  }
}
