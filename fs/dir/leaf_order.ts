/**
 * The entries of one leaf in the order of their hashes.
 *
 * @module
 */

import type { DirHasher } from "../layout/dir_hash.ts";
import {
  DIRENT_HEADER_BYTES,
  direntBytes,
  direntInode,
  direntNameLen,
  direntRecLen,
  MIN_DIRENT_BYTES,
  setDirentRecLen,
} from "../layout/dirent.ts";
import type { EntryRegion } from "./entry_region.ts";

/** Places of four bytes in a block of 64 KiB. */
const PLACES = 16384;

/** Names, hashed and sorted. One object is used for one leaf after the other. */
export class LeafOrder {
  /** Entries gathered. */
  count = 0;
  /** Bytes that they need, without slack. */
  bytes = 0;
  /** major hash × PLACES + byte offset ÷ 4, ascending. */
  readonly #keys: Float64Array;
  /** Minor hashes by byte offset ÷ 4. */
  readonly #minors: Int32Array;

  /** @param blockBytes bounds how many entries there are. */
  constructor(blockBytes: number) {
    this.#keys = new Float64Array(Math.ceil(blockBytes / MIN_DIRENT_BYTES));
    this.#minors = new Int32Array(blockBytes / 4);
  }

  /**
   * Gathers the used entries from `start` on.
   *
   * @param version the hash version.
   * @param low the leaf's lowest hash, odd when it goes on with the hash below.
   * @param high the next leaf's lowest hash.
   * @throws Corrupt when a name does not belong in this leaf.
   */
  gather(
    region: EntryRegion,
    start: number,
    hasher: DirHasher,
    version: number,
    low: number,
    high: number,
  ): void {
    const { bytes, view, end, blockBytes } = region;
    this.count = 0;
    this.bytes = 0;
    // An odd bound says that names of the hash below it lie on both sides.
    const lowKey = Math.floor(low * PLACES / (2 * PLACES)) * (2 * PLACES);
    const highKey = high * PLACES;
    let at = start;
    while (at < end) {
      const recLen = direntRecLen(view, at, blockBytes);
      if (recLen < MIN_DIRENT_BYTES) throw region.corrupt(at, `rec_len ${recLen}`);
      if (direntInode(view, at) !== 0) {
        const length = direntNameLen(view, at);
        const name = at + DIRENT_HEADER_BYTES;
        const key = hasher.half(version, bytes, name, name + length) * (2 * PLACES) + at / 4;
        if (key < lowKey || key >= highKey) {
          const hash = Math.floor(key / PLACES).toString(16);
          throw region.corrupt(at, `hash 0x${hash} is not one of this leaf's`);
        }
        this.#keys[this.count++] = key;
        this.#minors[at / 4] = hasher.minor;
        this.bytes += direntBytes(length);
      }
      at += recLen;
    }
    this.#keys.subarray(0, this.count).sort();
  }

  /** Major hash of the entry at `index` of the order. */
  hash(index: number): number {
    return Math.floor((this.#keys[index] ?? 0) / PLACES);
  }

  /** The first index whose hash is `hash` or more; `count` when there is none. */
  indexFrom(hash: number): number {
    const key = hash * PLACES;
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#keys[middle] as number) < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Half the major hash of the entry at `index` of the order: 31 bits. */
  halfHash(index: number): number {
    return Math.floor((this.#keys[index] ?? 0) / (2 * PLACES));
  }

  /** Minor hash of the entry at byte offset `entry`, as a signed word. */
  minor(entry: number): number {
    return this.#minors[entry / 4] ?? 0;
  }

  /** Byte offset of the entry at `index` of the order. */
  offset(index: number): number {
    const key = this.#keys[index] ?? 0;
    // Not %: of such large numbers that is a division in software.
    return (key - Math.floor(key / PLACES) * PLACES) * 4;
  }

  /**
   * Copies the entries of the order's `[from, to)` from `source` to the start of a leaf, without gaps; the last
   * one's rec_len goes to the end of the leaf. What is behind is zeroed.
   */
  pack(source: DataView, from: number, to: number, leaf: EntryRegion): void {
    const { bytes, view, end, blockBytes } = leaf;
    let at = leaf.start;
    let last = at;
    for (let index = from; index < to; index++) {
      const entry = this.offset(index);
      const length = direntBytes(direntNameLen(source, entry));
      for (let i = 0; i < length; i += 4) {
        view.setUint32(at + i, source.getUint32(entry + i, true), true);
      }
      setDirentRecLen(view, at, length, blockBytes);
      last = at;
      at += length;
    }
    bytes.fill(0, at, end);
    setDirentRecLen(view, last, end - last, blockBytes);
  }
}
