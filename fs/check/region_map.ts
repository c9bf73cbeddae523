/**
 * Which bytes of a small region are taken: entries and values of attributes must not overlap.
 *
 * @module
 */

/** A region of bytes; `begin` makes it empty. */
export class RegionMap {
  #taken = new Uint8Array(0);
  #bytes = 0;

  begin(bytes: number): void {
    if (this.#taken.length < bytes) this.#taken = new Uint8Array(bytes);
    else this.#taken.fill(0, 0, bytes);
    this.#bytes = bytes;
  }

  /** Takes `length` bytes from `start` on. @returns false when they overlap or leave the region. */
  take(start: number, length: number): boolean {
    const end = start + length;
    if (start < 0 || end > this.#bytes || length === 0) return false;
    for (let at = start; at < end; at++) if (this.#taken[at] !== 0) return false;
    this.#taken.fill(1, start, end);
    return true;
  }
}
