/**
 * Free clusters that a search must not find: reserved for the next appends to a file, or freed by a transaction that
 * is not stored yet. One bitmap in memory for each group that has any.
 *
 * @module
 */

import { clearWords, setWords } from "./bitmap.ts";

interface HiddenGroup {
  readonly words: Int32Array;
  /** Hidden clusters. */
  count: number;
}

/** Hidden clusters by group. */
export class HiddenSpace {
  readonly #groups = new Map<number, HiddenGroup>();
  readonly #nothing: Int32Array;

  /** @param words 32-bit words of a bitmap. */
  constructor(readonly words: number) {
    this.#nothing = new Int32Array(words);
  }

  /** The hidden bitmap of a group. Not to be changed. */
  of(group: number): Int32Array {
    return this.#groups.size === 0
      ? this.#nothing
      : this.#groups.get(group)?.words ?? this.#nothing;
  }

  /** Hides `count` clusters from bit `bit` on, none of which is hidden. */
  hide(group: number, bit: number, count: number): void {
    const entry = this.#entry(group);
    setWords(entry.words, bit, count);
    entry.count += count;
  }

  /** Shows `count` hidden clusters from bit `bit` on. */
  reveal(group: number, bit: number, count: number): void {
    const entry = this.#entry(group);
    clearWords(entry.words, bit, count);
    this.#reduce(group, entry, count);
  }

  /** Hides the `count` clusters whose bits are set in `mask`, none of which is hidden. */
  hideMask(group: number, mask: Int32Array, count: number): void {
    const entry = this.#entry(group);
    const { words } = entry;
    for (let i = 0; i < words.length; i++) words[i] = (words[i] as number) | (mask[i] as number);
    entry.count += count;
  }

  /** Shows the `count` clusters whose bits are set in `mask`, all of which are hidden. */
  revealMask(group: number, mask: Int32Array, count: number): void {
    const entry = this.#entry(group);
    const { words } = entry;
    for (let i = 0; i < words.length; i++) words[i] = (words[i] as number) & ~(mask[i] as number);
    this.#reduce(group, entry, count);
  }

  #entry(group: number): HiddenGroup {
    let entry = this.#groups.get(group);
    if (entry === undefined) {
      entry = { words: new Int32Array(this.words), count: 0 };
      this.#groups.set(group, entry);
    }
    return entry;
  }

  #reduce(group: number, entry: HiddenGroup, count: number): void {
    entry.count -= count;
    if (entry.count === 0) this.#groups.delete(group);
  }
}
