/**
 * Hashes of extended attributes: of an entry (e_hash), of a block (h_hash), and of a value that has an inode of its own.
 *
 * e_hash mixes the name's bytes, then the value's 32-bit words; for a value in an inode of its own, that value's hash
 * stands for its words. Kernels before 6.2 on machines with signed chars sign-extended the name's bytes, so both
 * results are good in an image. Entries in the inode have e_hash 0, unless their value has an inode.
 *
 * Kernel documentation: Documentation/filesystems/ext4/attributes.rst.
 *
 * @module
 */

import { crc32c } from "./crc32c.ts";
import { isLastXattr, nextXattr, xattrHash } from "./xattr.ts";

const NAME_SHIFT = 5;
const WORD_SHIFT = 16;

function nameHash(name: Uint8Array, signedChars: boolean): number {
  let hash = 0;
  for (const byte of name) {
    const char = signedChars ? (byte << 24) >> 24 : byte;
    hash = (hash << NAME_SHIFT) ^ (hash >>> (32 - NAME_SHIFT)) ^ char;
  }
  return hash;
}

function mixWord(hash: number, word: number): number {
  return (hash << WORD_SHIFT) ^ (hash >>> WORD_SHIFT) ^ word;
}

/**
 * e_hash of an entry whose value lies beside it.
 *
 * @param name without prefix.
 * @param signedChars false for what is written; true to accept what older kernels wrote.
 */
export function xattrEntryHash(
  name: Uint8Array,
  value: Uint8Array,
  signedChars = false,
): number {
  let hash = nameHash(name, signedChars);
  for (let at = 0; at < value.length; at += 4) {
    const word = (value[at] ?? 0) | ((value[at + 1] ?? 0) << 8) | ((value[at + 2] ?? 0) << 16) |
      ((value[at + 3] ?? 0) << 24);
    hash = mixWord(hash, word);
  }
  return hash >>> 0;
}

/** e_hash of an entry whose value has an inode of its own, from that value's hash (`xattrValueHash`). */
export function xattrEntryHashOfInode(
  name: Uint8Array,
  valueHash: number,
  signedChars = false,
): number {
  return mixWord(nameHash(name, signedChars), valueHash) >>> 0;
}

/**
 * The hash of a value in an inode of its own, which that inode keeps in i_atime. (Its i_ctime and i_version are the
 * upper and lower half of its reference count.)
 *
 * @param seed the file system's checksum seed: crc32c of the UUID, or s_checksum_seed.
 */
export function xattrValueHash(value: Uint8Array, seed: number): number {
  return crc32c(seed, value);
}

/** h_hash of a block, from the entries' e_hash; 0 (the block must not be shared) if one of them is 0. */
export function xattrBlockHash(view: DataView, first: number, end: number): number {
  let hash = 0;
  for (let entry = first; !isLastXattr(view, entry, end); entry = nextXattr(view, entry)) {
    const entryHash = xattrHash(view, entry);
    if (entryHash === 0) return 0;
    hash = mixWord(hash, entryHash);
  }
  return hash >>> 0;
}
