/**
 * What the attribute code remembers of a volume between operations: attribute blocks and value inodes that were
 * written lately, by the hash of their content, so that equal ones are stored once. Only hints: a hit is compared.
 *
 * @module
 */

import type { Volume } from "../volume/volume.ts";

/** Entries kept of each kind; the oldest go first. */
const LIMIT = 1024;

/** Numbers by content hash, a bounded number of them. */
export class RecentHashes {
  readonly #numbers = new Map<number, number>();

  /** The number last added for the hash, or 0. */
  find(hash: number): number {
    return this.#numbers.get(hash) ?? 0;
  }

  add(hash: number, number: number): void {
    this.#numbers.delete(hash);
    if (this.#numbers.size >= LIMIT) {
      for (const oldest of this.#numbers.keys()) {
        this.#numbers.delete(oldest);
        break;
      }
    }
    this.#numbers.set(hash, number);
  }

  /** Forgets the hash if it leads to `number`: that is no longer what it was. */
  drop(hash: number, number: number): void {
    if (this.#numbers.get(hash) === number) this.#numbers.delete(hash);
  }
}

/** Of one volume. */
export class XattrState {
  /** Attribute blocks by h_hash. */
  readonly blocks = new RecentHashes();
  /** Value inodes by the hash of the value. */
  readonly valueInodes = new RecentHashes();
}

const STATES = new WeakMap<Volume, XattrState>();

export function xattrState(volume: Volume): XattrState {
  let state = STATES.get(volume);
  if (state === undefined) {
    state = new XattrState();
    STATES.set(volume, state);
  }
  return state;
}
