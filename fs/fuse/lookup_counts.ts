/**
 * How many lookups of each node the kernel holds.
 *
 * The kernel may hold millions of nodes, so the counts lie in an open-addressing hash table of plain
 * numbers: 16 bytes a node at most.
 *
 * @module
 */

const FIRST_SLOTS = 1024;

/** Counts by inode number (1 to 2^32-1). */
export class LookupCounts {
  #keys = new Uint32Array(FIRST_SLOTS);
  #counts = new Uint32Array(FIRST_SLOTS);
  #used = 0;

  /** Nodes with a count. */
  get size(): number {
    return this.#used;
  }

  get(ino: number): number {
    const slot = this.#find(ino);
    return this.#keys[slot] === ino ? this.#counts[slot] ?? 0 : 0;
  }

  /** Counts one lookup more. */
  add(ino: number): void {
    const slot = this.#find(ino);
    if (this.#keys[slot] !== ino) {
      this.#keys[slot] = ino;
      this.#counts[slot] = 1;
      this.#used++;
      if (this.#used * 2 > this.#keys.length) this.#resize(this.#keys.length * 2);
    } else this.#counts[slot] = (this.#counts[slot] ?? 0) + 1;
  }

  /** Takes lookups back, never below none. @returns how many are left. */
  take(ino: number, lookups: number): number {
    const slot = this.#find(ino);
    if (this.#keys[slot] !== ino) return 0;
    const left = (this.#counts[slot] ?? 0) - lookups;
    if (left > 0) {
      this.#counts[slot] = left;
      return left;
    }
    this.#remove(slot);
    return 0;
  }

  /** The key's slot, or the free one where it would go. */
  #find(ino: number): number {
    const mask = this.#keys.length - 1;
    let slot = (Math.imul(ino, 0x9e3779b1) >>> 7) & mask;
    while (true) {
      const key = this.#keys[slot];
      if (key === 0 || key === ino) return slot;
      slot = (slot + 1) & mask;
    }
  }

  /** Empties a slot and moves up those that were pushed past it. */
  #remove(start: number): void {
    const mask = this.#keys.length - 1;
    this.#keys[start] = 0;
    this.#used--;
    for (let slot = (start + 1) & mask; this.#keys[slot] !== 0; slot = (slot + 1) & mask) {
      const key = this.#keys[slot] ?? 0;
      const count = this.#counts[slot] ?? 0;
      this.#keys[slot] = 0;
      const home = this.#find(key);
      this.#keys[home] = key;
      this.#counts[home] = count;
    }
    if (this.#keys.length > FIRST_SLOTS && this.#used * 8 < this.#keys.length) {
      this.#resize(this.#keys.length / 2);
    }
  }

  #resize(slots: number): void {
    const keys = this.#keys;
    const counts = this.#counts;
    this.#keys = new Uint32Array(slots);
    this.#counts = new Uint32Array(slots);
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i] ?? 0;
      if (key === 0) continue;
      const slot = this.#find(key);
      this.#keys[slot] = key;
      this.#counts[slot] = counts[i] ?? 0;
    }
  }
}
