/**
 * Which blocks of a file system in the making are taken: a sorted list of ranges. A new file system has
 * few of them (about one a flex group), so that one of 16 TiB takes no more memory than a small one.
 *
 * @module
 */

/** A set of block numbers, kept as disjoint ranges that do not touch. */
export class UsedRanges {
  #starts: number[] = [];
  #ends: number[] = [];

  /** How many ranges there are. */
  get length(): number {
    return this.#starts.length;
  }
  /** First block of range `index`. */
  start(index: number): number {
    return this.#starts[index] ?? 0;
  }
  /** One past the last block of range `index`. */
  end(index: number): number {
    return this.#ends[index] ?? 0;
  }

  /** Index of the first range that ends after `block`; `length` when there is none. */
  after(block: number): number {
    let low = 0;
    let high = this.#ends.length;
    if (high > 0 && this.end(high - 1) <= block) return high;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.end(middle) > block) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** Takes `[start, start + count)`; what is taken already stays so. */
  mark(start: number, count: number): void {
    if (count <= 0) return;
    let from = start;
    let to = start + count;
    const first = this.after(start - 1);
    let last = first;
    while (last < this.length && this.start(last) <= to) {
      from = Math.min(from, this.start(last));
      to = Math.max(to, this.end(last));
      last++;
    }
    if (last === first + 1) {
      this.#starts[first] = from;
      this.#ends[first] = to;
      return;
    }
    this.#starts.splice(first, last - first, from);
    this.#ends.splice(first, last - first, to);
  }

  /** Gives one block back. */
  unmark(block: number): void {
    const index = this.after(block);
    const from = this.start(index);
    const to = this.end(index);
    if (index === this.length || from > block) return;
    const starts: number[] = [];
    const ends: number[] = [];
    if (from < block) {
      starts.push(from);
      ends.push(block);
    }
    if (to > block + 1) {
      starts.push(block + 1);
      ends.push(to);
    }
    this.#starts.splice(index, 1, ...starts);
    this.#ends.splice(index, 1, ...ends);
  }

  has(block: number): boolean {
    const index = this.after(block);
    return index < this.length && this.start(index) <= block;
  }

  /** The first free block at or after `block` (which may lie past the end of the file system). */
  firstFree(block: number): number {
    const index = this.after(block);
    return index < this.length && this.start(index) <= block ? this.end(index) : block;
  }

  /** The first taken block at or after `block`, or `limit` when there is none before that. */
  firstUsed(block: number, limit: number): number {
    const index = this.after(block);
    if (index >= this.length) return limit;
    return Math.min(limit, Math.max(block, this.start(index)));
  }

  /** The first start in `[from, to)` of `count` free blocks; -1 when there is none. */
  findFree(from: number, to: number, count: number): number {
    let candidate = from;
    while (candidate < to) {
      const index = this.after(candidate);
      if (index >= this.length || this.start(index) >= candidate + count) return candidate;
      candidate = this.end(index);
    }
    return -1;
  }

  /** How many blocks of `[from, to)` are taken. */
  countUsed(from: number, to: number): number {
    let used = 0;
    for (let index = this.after(from); index < this.length && this.start(index) < to; index++) {
      used += Math.min(to, this.end(index)) - Math.max(from, this.start(index));
    }
    return used;
  }

  /** The same set with every range widened to whole clusters. */
  inClusters(clusterBlocks: number): UsedRanges {
    if (clusterBlocks === 1) return this;
    const wide = new UsedRanges();
    for (let index = 0; index < this.length; index++) {
      const from = Math.floor(this.start(index) / clusterBlocks) * clusterBlocks;
      const to = Math.ceil(this.end(index) / clusterBlocks) * clusterBlocks;
      wide.mark(from, to - from);
    }
    return wide;
  }
}
