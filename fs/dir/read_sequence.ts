/**
 * The order in which an indexed directory is read, and the cookies that say where in it a reader is.
 *
 * A position is made of the major hash's 31 bits and 20 bits of a second hash, so that it depends on the name alone: it
 * survives splits, and names added or removed elsewhere. Names that agree in all 51 bits (one pair in many
 * directories of a million) take positions one after the other. 0 and 1 are "." and "..".
 *
 * @module
 */

import { crc32c } from "../layout/crc32c.ts";
import { HashVersion } from "../layout/dir_hash.ts";
import { DIRENT_HEADER_BYTES, direntNameLen } from "../layout/dirent.ts";
import type { EntryRegion } from "./entry_region.ts";
import type { LeafOrder } from "./leaf_order.ts";

/** First position after "." and "..". */
export const FIRST_POSITION = 2;
/** Above every position: nothing follows. Small enough that positions are added as integers, not as floating point. */
export const NO_POSITION = 2 ** 51;
const MINOR_SPAN = 2 ** 20;
const MINOR_SHIFT = 12;

/** First position of names with this major hash (or the next even one). */
export function positionOfHash(hash: number): number {
  return Math.max(FIRST_POSITION, Math.ceil(hash / 2) * MINOR_SPAN);
}

/** Major hash of the names at a position. */
export function hashOfPosition(position: number): number {
  return Math.floor(position / MINOR_SPAN) * 2;
}

/** Gives the bytes of a block (or inline part) that the sequence has entries of. */
export type BytesOf = (fileBlock: number) => Uint8Array;

/** The entries of one leaf (or a few, where names of one hash fill more), in order. Kept from one call to the next. */
export class ReadSequence {
  /** The directory, 0: nothing is kept. */
  ino = 0;
  /** The sequence is complete from `low` up to, not including, `high`. */
  low = 0;
  high = 0;
  count = 0;
  #positions = new Float64Array(256);
  #blocks = new Int32Array(256);
  #offsets = new Int32Array(256);

  /** Drops what is kept of a directory: it changed. */
  forget(ino: number): void {
    if (this.ino === ino) this.ino = 0;
  }

  covers(ino: number, position: number): boolean {
    return this.ino === ino && position >= this.low && position < this.high;
  }

  clear(): void {
    this.ino = 0;
    this.count = 0;
  }

  /** Adds a leaf's entries with hashes in `[from, to)`. */
  append(
    order: LeafOrder,
    region: EntryRegion,
    version: number,
    from: number,
    to: number,
  ): void {
    const { bytes, view, fileBlock } = region;
    const legacy = version === HashVersion.LEGACY || version === HashVersion.LEGACY_UNSIGNED;
    const end = order.indexFrom(to);
    for (let index = order.indexFrom(from); index < end; index++) {
      const entry = order.offset(index);
      let minor = order.minor(entry);
      if (legacy) {
        const name = entry + DIRENT_HEADER_BYTES;
        minor = crc32c(0xffffffff, bytes, name, name + direntNameLen(view, entry));
      }
      this.#push(order.halfHash(index) * MINOR_SPAN + (minor >>> MINOR_SHIFT), fileBlock, entry);
    }
  }

  /** Orders what was appended and makes it what is kept: of directory `ino`, complete from `low` up to `high`. */
  finish(ino: number, low: number, high: number, bytesOf: BytesOf): void {
    if (!this.#isSorted()) this.#sort(bytesOf);
    let previous = FIRST_POSITION - 1;
    for (let index = 0; index < this.count; index++) {
      previous = Math.max(this.position(index), previous + 1);
      this.#positions[index] = previous;
    }
    this.ino = ino;
    this.low = low;
    this.high = Math.max(high, previous + 1);
  }

  /** Index of the first entry that is not before a position; `count` when there is none. */
  indexFrom(position: number): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.position(middle) < position) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  position(index: number): number {
    return this.#positions[index] ?? 0;
  }
  fileBlock(index: number): number {
    return this.#blocks[index] ?? 0;
  }
  offset(index: number): number {
    return this.#offsets[index] ?? 0;
  }

  #push(position: number, fileBlock: number, offset: number): void {
    const { count } = this;
    if (count === this.#positions.length) this.#grow();
    this.#positions[count] = position;
    this.#blocks[count] = fileBlock;
    this.#offsets[count] = offset;
    this.count++;
  }

  #grow(): void {
    const size = this.#positions.length * 2;
    const positions = new Float64Array(size);
    positions.set(this.#positions);
    this.#positions = positions;
    const blocks = new Int32Array(size);
    blocks.set(this.#blocks);
    this.#blocks = blocks;
    const offsets = new Int32Array(size);
    offsets.set(this.#offsets);
    this.#offsets = offsets;
  }

  #isSorted(): boolean {
    for (let index = 1; index < this.count; index++) {
      if (this.position(index) <= this.position(index - 1)) return false;
    }
    return true;
  }

  #sort(bytesOf: BytesOf): void {
    const { count } = this;
    const indexes = Array.from({ length: count }, (_, index) => index);
    indexes.sort((a, b) =>
      this.position(a) - this.position(b) || this.#compareNames(a, b, bytesOf)
    );
    const positions = indexes.map((index) => this.position(index));
    const blocks = indexes.map((index) => this.fileBlock(index));
    const offsets = indexes.map((index) => this.offset(index));
    this.#positions.set(positions);
    this.#blocks.set(blocks);
    this.#offsets.set(offsets);
  }

  #compareNames(a: number, b: number, bytesOf: BytesOf): number {
    const bytesA = bytesOf(this.fileBlock(a));
    const bytesB = bytesOf(this.fileBlock(b));
    const atA = this.offset(a);
    const atB = this.offset(b);
    const lengthA = bytesA[atA + 6] ?? 0;
    const lengthB = bytesB[atB + 6] ?? 0;
    for (let i = 0; i < lengthA && i < lengthB; i++) {
      const difference = (bytesA[atA + DIRENT_HEADER_BYTES + i] ?? 0) -
        (bytesB[atB + DIRENT_HEADER_BYTES + i] ?? 0);
      if (difference !== 0) return difference;
    }
    return lengthA - lengthB;
  }
}
