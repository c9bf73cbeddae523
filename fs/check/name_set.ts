/**
 * The names of one directory, to find those that are there twice: where each lies is kept, not what
 * it says.
 *
 * @module
 */

import { foldName, MAX_FOLDED_BYTES } from "../layout/casefold.ts";
import type { BlockReader } from "./block_reader.ts";

const FIRST_SLOTS = 256;
/** Names of one hash that are compared. */
const MAX_COMPARED = 32;
/** Drawn anew in each process: an image cannot be made so that all its names collide. */
const HASH_START = Math.floor(Math.random() * 2 ** 32) | 0;
const HASH_FACTOR = (Math.floor(Math.random() * 2 ** 31) << 1) | 0x01000001;
const NAME_OFFSET = 8;
const NAME_LENGTH_OFFSET = 6;

/** A set of the entries that were added, by name. */
export class NameSet {
  readonly #reader: BlockReader;
  readonly #other: Uint8Array<ArrayBuffer>;
  /** Hash of the name in each slot; 0 is an empty slot. */
  #hashes = new Uint32Array(FIRST_SLOTS);
  /** Byte offset of the entry on the device. */
  #places = new Float64Array(FIRST_SLOTS);
  #count = 0;
  #folds = false;
  readonly #folded = new Uint8Array(MAX_FOLDED_BYTES);
  readonly #otherFolded = new Uint8Array(MAX_FOLDED_BYTES);

  constructor(reader: BlockReader) {
    this.#reader = reader;
    this.#other = reader.buffer();
  }

  /** Forgets all names. @param folds names that differ in case alone are the same. */
  begin(folds: boolean): void {
    this.#folds = folds;
    if (this.#hashes.length > FIRST_SLOTS) {
      this.#hashes = new Uint32Array(FIRST_SLOTS);
      this.#places = new Float64Array(FIRST_SLOTS);
    } else if (this.#count > 0) this.#hashes.fill(0);
    this.#count = 0;
  }

  /**
   * Adds the entry at `offset` of the block `bytes`.
   * @returns undefined when the name is new, else the disk block of the entry that has it.
   */
  add(bytes: Uint8Array, offset: number, diskBlock: number): number | undefined {
    const length = this.#name(bytes, offset, this.#folded);
    const hash = hashOf(this.#folded, length);
    const place = diskBlock * bytes.length + offset;
    const mask = this.#hashes.length - 1;
    let slot = hash & mask;
    let compared = 0;
    for (; this.#hashes[slot] !== 0; slot = (slot + 1) & mask) {
      if (this.#hashes[slot] !== hash) continue;
      if (++compared > MAX_COMPARED) return undefined;
      const other = this.#places[slot] as number;
      if (this.#isSame(bytes, length, diskBlock, other)) {
        return Math.floor(other / bytes.length);
      }
    }
    this.#hashes[slot] = hash;
    this.#places[slot] = place;
    if (++this.#count * 2 > this.#hashes.length) this.#grow();
    return undefined;
  }

  /** Copies the name of an entry, folded if names are; returns its length. */
  #name(bytes: Uint8Array, offset: number, target: Uint8Array): number {
    const start = offset + NAME_OFFSET;
    const end = start + (bytes[offset + NAME_LENGTH_OFFSET] ?? 0);
    const folded = this.#folds ? foldName(bytes, start, end, target) : -1;
    if (folded >= 0) return folded;
    for (let i = start; i < end; i++) target[i - start] = bytes[i] as number;
    return end - start;
  }

  /** Whether the entry at byte `place` of the device has the name in `#folded`. */
  #isSame(bytes: Uint8Array, length: number, diskBlock: number, place: number): boolean {
    const block = Math.floor(place / bytes.length);
    const other = block === diskBlock ? bytes : this.#other;
    if (block !== diskBlock && !this.#reader.read(block, this.#other)) return false;
    if (this.#name(other, place % bytes.length, this.#otherFolded) !== length) return false;
    for (let i = 0; i < length; i++) if (this.#otherFolded[i] !== this.#folded[i]) return false;
    return true;
  }

  #grow(): void {
    const hashes = this.#hashes;
    const places = this.#places;
    const mask = hashes.length * 2 - 1;
    this.#hashes = new Uint32Array(hashes.length * 2);
    this.#places = new Float64Array(hashes.length * 2);
    for (let old = 0; old < hashes.length; old++) {
      const hash = hashes[old] as number;
      if (hash === 0) continue;
      let slot = hash & mask;
      while (this.#hashes[slot] !== 0) slot = (slot + 1) & mask;
      this.#hashes[slot] = hash;
      this.#places[slot] = places[old] as number;
    }
  }
}

/** Multiplies and adds as FNV-1a; never 0. */
function hashOf(bytes: Uint8Array, length: number): number {
  let hash = HASH_START;
  for (let i = 0; i < length; i++) hash = Math.imul(hash ^ (bytes[i] as number), HASH_FACTOR);
  // The lower bits, which choose the slot, get something of the upper ones.
  hash ^= hash >>> 15;
  return hash === 0 ? 1 : hash >>> 0;
}
