/**
 * Names in directories that disregard case (flag CASEFOLD): found and hashed by their folded form, kept as they were
 * given.
 *
 * Kernel documentation: Documentation/admin-guide/ext4.rst, "case-insensitive file name lookups".
 *
 * @module
 */

import { foldName, MAX_FOLDED_BYTES } from "../layout/casefold.ts";
import { DirHasher } from "../layout/dir_hash.ts";
import {
  DIRENT_HEADER_BYTES,
  direntInode,
  direntNameLen,
  direntRecLen,
  MIN_DIRENT_BYTES,
} from "../layout/dirent.ts";
import type { EntryRegion } from "./entry_region.ts";

const DOT = 0x2e;

/** Hashes folded names; one that cannot be folded as it is. */
export class FoldingHasher extends DirHasher {
  readonly #folded = new Uint8Array(MAX_FOLDED_BYTES);

  override half(version: number, bytes: Uint8Array, start: number, end: number): number {
    const length = foldName(bytes, start, end, this.#folded);
    return length < 0
      ? super.half(version, bytes, start, end)
      : super.half(version, this.#folded, 0, length);
  }
}

/** Finds names without regard to case. */
export class FoldedNames {
  readonly #wanted = new Uint8Array(MAX_FOLDED_BYTES);
  readonly #entry = new Uint8Array(MAX_FOLDED_BYTES);
  /** Length of the wanted name's folded form, -1 when it is no UTF-8. */
  #length = 0;

  /**
   * As `EntryRegion.find`: the first entry whose name is this one, or folds to the same. "." and ".." never.
   * @throws Corrupt
   */
  find(region: EntryRegion, name: Uint8Array): number {
    const { view, end, blockBytes } = region;
    this.#length = foldName(name, 0, name.length, this.#wanted);
    for (let at = region.start; at < end;) {
      if (direntInode(view, at) !== 0 && this.#matches(region, at, name)) return at;
      const recLen = direntRecLen(view, at, blockBytes);
      if (recLen < MIN_DIRENT_BYTES) throw region.corrupt(at, `rec_len ${recLen}`);
      at += recLen;
    }
    return -1;
  }

  #matches({ bytes, view }: EntryRegion, at: number, name: Uint8Array): boolean {
    const start = at + DIRENT_HEADER_BYTES;
    const end = start + direntNameLen(view, at);
    if (isDots(bytes, start, end)) return false;
    if (end - start === name.length && isSame(bytes, start, name, name.length)) return true;
    if (this.#length < 0) return false;
    const length = foldName(bytes, start, end, this.#entry);
    return length === this.#length && isSame(this.#entry, 0, this.#wanted, length);
  }
}

function isDots(bytes: Uint8Array, start: number, end: number): boolean {
  return bytes[start] === DOT &&
    (end === start + 1 || (end === start + 2 && bytes[start + 1] === DOT));
}

function isSame(a: Uint8Array, start: number, b: Uint8Array, length: number): boolean {
  for (let i = 0; i < length; i++) {
    if (a[start + i] !== b[i]) return false;
  }
  return true;
}
