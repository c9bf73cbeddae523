/**
 * `struct iovec` arrays: where the pieces of a vectored read or write are.
 *
 * @module
 */

import { addressOf } from "./memory.ts";

/** The most pieces that one call takes (UIO_MAXIOV). */
export const IOV_MAX = 1024;
const IOVEC_BYTES = 16;
const TWO_TO_32 = 0x1_0000_0000;

/** A reused array of `struct iovec`. */
export class IoVector {
  /** The array's own address, for the system call. */
  readonly address: bigint;
  readonly #words: Uint32Array<ArrayBuffer>;
  /** Keeps what the addresses point to alive until the next `clear`. */
  readonly #held: Uint8Array[] = [];
  #count = 0;

  constructor(capacity: number = IOV_MAX) {
    const memory = new Uint8Array(capacity * IOVEC_BYTES);
    this.#words = new Uint32Array(memory.buffer);
    this.address = BigInt(addressOf(memory));
  }

  get count(): number {
    return this.#count;
  }

  get full(): boolean {
    return this.#count * 4 >= this.#words.length;
  }

  clear(): void {
    this.#count = 0;
    this.#held.length = 0;
  }

  /** Adds a piece given by its address. The memory must outlive the call that uses the vector. */
  addAddress(address: number, lengthBytes: number): void {
    const at = this.#count * 4;
    this.#words[at] = address % TWO_TO_32;
    this.#words[at + 1] = Math.floor(address / TWO_TO_32);
    this.#words[at + 2] = lengthBytes % TWO_TO_32;
    this.#words[at + 3] = Math.floor(lengthBytes / TWO_TO_32);
    this.#count++;
  }

  /** Adds the bytes of a view. */
  add(bytes: Uint8Array): void {
    this.#held.push(bytes);
    this.addAddress(addressOf(bytes), bytes.length);
  }

  /**
   * Takes pieces from `sources`, beginning `skipBytes` in, until the vector is full.
   * @returns the number of bytes taken.
   */
  fill(sources: readonly Uint8Array[], skipBytes: number): number {
    this.clear();
    let skip = skipBytes;
    let taken = 0;
    for (const source of sources) {
      if (skip >= source.length) {
        skip -= source.length;
        continue;
      }
      const piece = skip === 0 ? source : source.subarray(skip);
      skip = 0;
      this.add(piece);
      taken += piece.length;
      if (this.full) break;
    }
    return taken;
  }
}
