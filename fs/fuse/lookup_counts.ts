/**
 * How many lookups of each node the kernel holds.
 *
 * The kernel may hold millions of nodes, so the counts lie in an open-addressing hash table of plain
 * numbers: 7 to 14 bytes a node.
 *
 * @module
 */

const FIRST_SLOTS = 1024;
/** Counts from here on lie in a map: few nodes have many names or are looked up again and again. */
const MANY = 255;

/** Counts by inode number (1 to 2^32-1). */
export class LookupCounts {
  #keys = new Uint32Array(FIRST_SLOTS);
  /** Up to `MANY`, which stands for a count in the map. */
  #counts = new Uint8Array(FIRST_SLOTS);
  readonly #many = new Map<number, number>();
  #used = 0;

  /** Nodes with a count. */
  get size(): number {
    return this.#used;
  }

  get(ino: number): number {
    const slot = this.#find(ino);
    return this.#keys[slot] === ino ? this.#countAt(slot, ino) : 0;
  }

  /** Counts one lookup more. */
  add(ino: number): void {
    const slot = this.#find(ino);
    if (this.#keys[slot] !== ino) {
      this.#keys[slot] = ino;
      this.#counts[slot] = 1;
      this.#used++;
      if (this.#used * 4 > this.#keys.length * 3) this.#resize(this.#keys.length * 2);
    } else this.#setCount(slot, ino, this.#countAt(slot, ino) + 1);
  }

  /** Takes lookups back, never below none. @returns how many are left. */
  take(ino: number, lookups: number): number {
    const slot = this.#find(ino);
    if (this.#keys[slot] !== ino) return 0;
    const left = this.#countAt(slot, ino) - lookups;
    this.#setCount(slot, ino, Math.max(0, left));
    if (left > 0) return left;
    this.#remove(slot);
    return 0;
  }

  #countAt(slot: number, ino: number): number {
    const count = this.#counts[slot] as number;
    return count < MANY ? count : this.#many.get(ino) ?? 0;
  }

  #setCount(slot: number, ino: number, count: number): void {
    if (count >= MANY) this.#many.set(ino, count);
    else if (this.#counts[slot] === MANY) this.#many.delete(ino);
    this.#counts[slot] = Math.min(count, MANY);
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
    this.#counts = new Uint8Array(slots);
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i] ?? 0;
      if (key === 0) continue;
      const slot = this.#find(key);
      this.#keys[slot] = key;
      this.#counts[slot] = counts[i] ?? 0;
    }
  }
}
