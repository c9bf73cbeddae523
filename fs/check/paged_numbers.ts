/**
 * An array of 32-bit numbers by inode, of which most regions are 0.
 *
 * @module
 */

const PAGE_BITS = 12;
const PAGE_ENTRIES = 1 << PAGE_BITS;

/** Numbers by index (0 to 2^32 - 1), 0 where nothing was stored; pages of 16 KiB come as needed. */
export class PagedNumbers {
  readonly #pages = new Map<number, Uint32Array>();
  #lastNumber = -1;
  #last: Uint32Array | undefined;

  get(index: number): number {
    const page = this.#page(index >>> PAGE_BITS);
    return page === undefined ? 0 : page[index & (PAGE_ENTRIES - 1)] as number;
  }

  set(index: number, value: number): void {
    this.#makePage(index >>> PAGE_BITS)[index & (PAGE_ENTRIES - 1)] = value;
  }

  /** Adds 1 and returns the new number, which stays at 2^32 - 1 once there. */
  increment(index: number): number {
    const page = this.#makePage(index >>> PAGE_BITS);
    const at = index & (PAGE_ENTRIES - 1);
    const value = Math.min(0xffffffff, (page[at] as number) + 1);
    page[at] = value;
    return value;
  }

  #page(number: number): Uint32Array | undefined {
    if (number !== this.#lastNumber) {
      this.#lastNumber = number;
      this.#last = this.#pages.get(number);
    }
    return this.#last;
  }

  #makePage(number: number): Uint32Array {
    const page = this.#page(number);
    if (page !== undefined) return page;
    const fresh = new Uint32Array(PAGE_ENTRIES);
    this.#pages.set(number, fresh);
    this.#last = fresh;
    return fresh;
  }
}
