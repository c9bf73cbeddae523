/**
 * What a file of the model held, after each step, and whether bytes that were found can be its content.
 *
 * Every write has a pattern of its own, so bytes of another file, of free space or of another time show.
 *
 * @module
 */

import { Buffer } from "node:buffer";

/** A change of the content in step `step`. */
interface Change {
  readonly step: number;
  readonly kind: "write" | "zero" | "resize";
  readonly offset: number;
  readonly length: number;
  readonly seed: number;
}

/** Contents that are kept of one file. */
const MOST_STATES = 6;

/** Fills `target`, which lies at `offset` of a file, with the pattern of a write. */
export function fillPattern(target: Uint8Array, seed: number, offset: number): void {
  for (let i = 0; i < target.length; i++) {
    const at = offset + i;
    const word = Math.imul((at >>> 2) ^ seed, 0x9e3779b1) ^ (seed << 7);
    // Never zero, so that holes can be told from data.
    target[i] = ((word >>> ((at & 3) * 7)) & 0xff) | 1;
  }
}

/** The history of one file's content. Steps must be recorded in order. */
export class Content {
  readonly #changes: Change[] = [];
  /** Some of the contents, by the number of changes before. */
  readonly #states = new Map<number, Uint8Array<ArrayBuffer>>();
  size = 0;

  /** The file's bytes from `offset` on become the pattern of `seed`. */
  write(step: number, offset: number, length: number, seed: number): void {
    this.#changes.push({ step, kind: "write", offset, length, seed });
    this.size = Math.max(this.size, offset + length);
  }

  resize(step: number, size: number): void {
    this.#changes.push({ step, kind: "resize", offset: size, length: 0, seed: 0 });
    this.size = size;
  }

  /** The range reads as zeros; the size stays. */
  zero(step: number, offset: number, length: number): void {
    this.#changes.push({ step, kind: "zero", offset, length, seed: 0 });
  }

  /** The bytes after step `step`; not to be changed. */
  at(step: number): Uint8Array {
    let count = 0;
    while ((this.#changes[count]?.step ?? Infinity) <= step) count++;
    return this.#state(count);
  }

  /**
   * Why `found` cannot be the content when the metadata are those of step `step` and later steps, up to
   * `last`, may have changed bytes in place; undefined when it can.
   * @param exact later steps may not have changed anything (all data are journaled).
   */
  fault(found: Uint8Array, step: number, last: number, exact: boolean): string | undefined {
    const wanted = this.at(step);
    if (Buffer.compare(found, wanted) === 0) return undefined;
    if (found.length !== wanted.length) return `${found.length} bytes in place of ${wanted.length}`;
    return this.#mismatch(found, found.length, step, exact ? step : last);
  }

  /**
   * As `fault` where only what was synced is promised (data=writeback).
   * @param synced the step of the last sync.
   */
  syncedFault(found: Uint8Array, synced: number, last: number): string | undefined {
    const wanted = this.at(synced);
    if (Buffer.compare(found, wanted) === 0) return undefined;
    // Blocks that were given back and taken again may hold anything.
    if (this.#between(synced, last).some(({ kind }) => kind !== "write")) return undefined;
    if (found.length < wanted.length) return `${found.length} bytes, synced were ${wanted.length}`;
    return this.#mismatch(found, wanted.length, synced, last);
  }

  /** Says where a byte is found that the content had at no step from `first` to `last`. */
  #mismatch(found: Uint8Array, length: number, first: number, last: number): string | undefined {
    const wanted = this.at(first);
    const bad = new Uint8Array(length);
    for (let i = 0; i < length; i++) if (found[i] !== wanted[i]) bad[i] = 1;
    for (const { kind, offset, length: count, seed } of this.#between(first, last)) {
      const to = kind === "resize" ? length : Math.min(length, offset + count);
      if (offset >= to) continue;
      const wrote = new Uint8Array(to - offset);
      if (kind === "write") fillPattern(wrote, seed, offset);
      for (let i = offset; i < to; i++) if (wrote[i - offset] === found[i]) bad[i] = 0;
    }
    const at = bad.indexOf(1);
    return at < 0 ? undefined : describe(found, wanted, at);
  }

  #between(first: number, last: number): readonly Change[] {
    return this.#changes.filter(({ step }) => step > first && step <= last);
  }

  /** The content after so many changes. */
  #state(count: number): Uint8Array {
    const known = this.#states.get(count);
    if (known !== undefined) return known;
    let from = 0;
    for (const cached of this.#states.keys()) if (cached <= count && cached > from) from = cached;
    const before = this.#states.get(from) ?? new Uint8Array(0);
    const changes = this.#changes.slice(from, count);
    const room = Math.max(before.length, ...changes.map(({ offset, length }) => offset + length));
    const bytes = new Uint8Array(room);
    bytes.set(before);
    let size = before.length;
    for (const change of changes) size = apply(bytes, size, change);
    if (this.#states.size >= MOST_STATES) this.#states.clear();
    const state = bytes.slice(0, size);
    this.#states.set(count, state);
    return state;
  }
}

/** Changes `bytes`, of which `size` are the content and the rest are zeros. @returns the new size. */
function apply(bytes: Uint8Array, size: number, change: Change): number {
  const { kind, offset, length, seed } = change;
  if (kind === "resize") {
    bytes.fill(0, offset);
    return offset;
  }
  const range = bytes.subarray(offset, offset + length);
  if (kind === "zero") range.fill(0);
  else fillPattern(range, seed, offset);
  return kind === "zero" ? size : Math.max(size, offset + length);
}

function describe(found: Uint8Array, wanted: Uint8Array, at: number): string {
  const end = Math.min(at + 16, found.length);
  const show = (bytes: Uint8Array): string => bytes.subarray(at, end).toHex();
  let bad = 0;
  for (let i = at; i < found.length; i++) if (found[i] !== wanted[i]) bad++;
  return `from byte ${at} on (${bad} bytes): ${show(found)} in place of ${show(wanted)}`;
}
