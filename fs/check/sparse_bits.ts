/**
 * A large set of small numbers, of which most regions are empty: a bitmap in pages that come into
 * being when something in them is set.
 *
 * @module
 */

const PAGE_BITS = 32768;
const PAGE_BYTES = PAGE_BITS / 8;

/** A set of numbers from 0 to 2^53 - 1. */
export class SparseBits {
  readonly #pages = new Map<number, Uint8Array>();
  #lastNumber = -1;
  #last: Uint8Array | undefined;

  has(index: number): boolean {
    const page = this.#page(Math.floor(index / PAGE_BITS));
    if (page === undefined) return false;
    const bit = index % PAGE_BITS;
    return ((page[bit >>> 3] as number) & (1 << (bit & 7))) !== 0;
  }

  set(index: number): void {
    const page = this.#makePage(Math.floor(index / PAGE_BITS));
    const bit = index % PAGE_BITS;
    page[bit >>> 3] = (page[bit >>> 3] as number) | (1 << (bit & 7));
  }

  delete(index: number): void {
    const page = this.#page(Math.floor(index / PAGE_BITS));
    if (page === undefined) return;
    const bit = index % PAGE_BITS;
    page[bit >>> 3] = (page[bit >>> 3] as number) & ~(1 << (bit & 7));
  }

  /** Whether one of `count` numbers from `start` on is set. */
  hasAny(start: number, count: number): boolean {
    for (let done = 0; done < count;) {
      const at = start + done;
      const bit = at % PAGE_BITS;
      const here = Math.min(PAGE_BITS - bit, count - done);
      const page = this.#page(Math.floor(at / PAGE_BITS));
      if (page !== undefined && anyInPage(page, bit, bit + here)) return true;
      done += here;
    }
    return false;
  }

  setRange(start: number, count: number): void {
    for (let done = 0; done < count;) {
      const at = start + done;
      const bit = at % PAGE_BITS;
      const here = Math.min(PAGE_BITS - bit, count - done);
      setInPage(this.#makePage(Math.floor(at / PAGE_BITS)), bit, bit + here);
      done += here;
    }
  }

  /** Copies bits from `start`, a multiple of 8, to fill `target`. */
  copyTo(start: number, target: Uint8Array): void {
    const first = start / 8;
    for (let done = 0; done < target.length;) {
      const at = first + done;
      const within = at % PAGE_BYTES;
      const here = Math.min(PAGE_BYTES - within, target.length - done);
      const page = this.#page(Math.floor(at / PAGE_BYTES));
      if (page === undefined) target.fill(0, done, done + here);
      else target.set(page.subarray(within, within + here), done);
      done += here;
    }
  }

  #page(number: number): Uint8Array | undefined {
    if (number !== this.#lastNumber) {
      this.#lastNumber = number;
      this.#last = this.#pages.get(number);
    }
    return this.#last;
  }

  #makePage(number: number): Uint8Array {
    const page = this.#page(number);
    if (page !== undefined) return page;
    const fresh = new Uint8Array(PAGE_BYTES);
    this.#pages.set(number, fresh);
    this.#last = fresh;
    return fresh;
  }
}

function anyInPage(page: Uint8Array, from: number, to: number): boolean {
  let at = from;
  for (; at < to && (at & 7) !== 0; at++) {
    if (((page[at >>> 3] as number) & (1 << (at & 7))) !== 0) return true;
  }
  for (; at + 8 <= to; at += 8) if (page[at >>> 3] !== 0) return true;
  for (; at < to; at++) {
    if (((page[at >>> 3] as number) & (1 << (at & 7))) !== 0) return true;
  }
  return false;
}

function setInPage(page: Uint8Array, from: number, to: number): void {
  let at = from;
  for (; at < to && (at & 7) !== 0; at++) {
    page[at >>> 3] = (page[at >>> 3] as number) | (1 << (at & 7));
  }
  const wholeEnd = at + ((to - at) & ~7);
  page.fill(0xff, at >>> 3, wholeEnd >>> 3);
  for (at = wholeEnd; at < to; at++) {
    page[at >>> 3] = (page[at >>> 3] as number) | (1 << (at & 7));
  }
}
