/**
 * Clusters freed by the running transaction. They must not be used again before that transaction is stored: a crash
 * would bring back the file that they belonged to. So their bits stay set until the transaction is sealed.
 *
 * @module
 */

import { anySetWord, setWords } from "./bitmap.ts";

/** What the running transaction freed in one group. */
export interface PendingGroup {
  /** A bitmap: set bits are freed clusters. */
  readonly words: Int32Array;
  count: number;
}

/** Freed clusters of the running transaction by group. */
export class PendingFrees {
  groups = new Map<number, PendingGroup>();
  /** Clusters in all groups. */
  total = 0;

  /** @param words 32-bit words of a bitmap. */
  constructor(readonly words: number) {}

  add(group: number, bit: number, count: number): void {
    let entry = this.groups.get(group);
    if (entry === undefined) {
      entry = { words: new Int32Array(this.words), count: 0 };
      this.groups.set(group, entry);
    }
    setWords(entry.words, bit, count);
    entry.count += count;
    this.total += count;
  }

  /** Whether any of the clusters was freed in this transaction. */
  overlaps(group: number, bit: number, count: number): boolean {
    const entry = this.groups.get(group);
    return entry !== undefined && anySetWord(entry.words, bit, count);
  }

  /** Everything freed so far; from now on, nothing is. */
  take(): Map<number, PendingGroup> {
    const { groups } = this;
    this.groups = new Map();
    this.total = 0;
    return groups;
  }
}
