/**
 * The names of one directory, to find those that are there twice: where each lies is kept, not what
 * it says.
 *
 * @module
 */

import { direntNameLen } from "../layout/dirent.ts";
import type { BlockReader } from "./block_reader.ts";

const FIRST_SLOTS = 256;
const NAME_OFFSET = 8;

/** A set of the entries that were added, by name. */
export class NameSet {
  readonly #reader: BlockReader;
  readonly #other: Uint8Array<ArrayBuffer>;
  /** Hash of the name in each slot; 0 is an empty slot. */
  #hashes = new Uint32Array(FIRST_SLOTS);
  /** Byte offset of the entry on the device. */
  #places = new Float64Array(FIRST_SLOTS);
  #count = 0;

  constructor(reader: BlockReader) {
    this.#reader = reader;
    this.#other = reader.buffer();
  }

  /** Forgets all names. */
  begin(): void {
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
  add(bytes: Uint8Array, view: DataView, offset: number, diskBlock: number): number | undefined {
    const length = direntNameLen(view, offset);
    const hash = hashOf(bytes, offset + NAME_OFFSET, length);
    const place = diskBlock * bytes.length + offset;
    const mask = this.#hashes.length - 1;
    let slot = hash & mask;
    for (; this.#hashes[slot] !== 0; slot = (slot + 1) & mask) {
      if (this.#hashes[slot] !== hash) continue;
      const other = this.#places[slot] as number;
      if (this.#isSame(bytes, offset, length, diskBlock, other)) {
        return Math.floor(other / bytes.length);
      }
    }
    this.#hashes[slot] = hash;
    this.#places[slot] = place;
    if (++this.#count * 2 > this.#hashes.length) this.#grow();
    return undefined;
  }

  #isSame(
    bytes: Uint8Array,
    offset: number,
    length: number,
    diskBlock: number,
    place: number,
  ): boolean {
    const block = Math.floor(place / bytes.length);
    const other = block === diskBlock ? bytes : this.#other;
    if (block !== diskBlock && !this.#reader.read(block, this.#other)) return false;
    const start = place % bytes.length;
    if (other[start + 6] !== length) return false;
    for (let i = NAME_OFFSET; i < NAME_OFFSET + length; i++) {
      if (other[start + i] !== bytes[offset + i]) return false;
    }
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

/** FNV-1a, never 0. */
function hashOf(bytes: Uint8Array, start: number, length: number): number {
  let hash = 0x811c9dc5 | 0;
  for (let i = start; i < start + length; i++) {
    hash = Math.imul(hash ^ (bytes[i] as number), 0x01000193);
  }
  return hash === 0 ? 1 : hash >>> 0;
}
