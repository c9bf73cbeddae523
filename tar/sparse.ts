/**
 * Sparse files in tar archives: the maps of GNU tar's four formats (GNU tar manual, "Storing Sparse
 * Files"), checked, and turned into parts.
 *
 * @module
 */

import { TarError } from "./error.ts";
import type { SparseRun } from "./header.ts";
import type { TarPart } from "./member.ts";
import type { PaxRecord } from "./pax.ts";

const NEWLINE = 0x0a;
const decoder = new TextDecoder();

/** Runs that an archive may claim for one file. */
const MAX_RUNS = 1 << 22;

/** The runs that pax records hold (formats 0.0 and 0.1); undefined without any. @throws TarError */
export function runsOfPax(records: readonly PaxRecord[], offset: number): SparseRun[] | undefined {
  const map = records.findLast(({ key }) => key === "GNU.sparse.map");
  if (map !== undefined) {
    const numbers = decoder.decode(map.value).split(",").filter((text) => text !== "");
    return pairs(numbers.map((text) => wholeNumber(text, offset)), offset);
  }
  const numbers = records
    .filter(({ key }) => key === "GNU.sparse.offset" || key === "GNU.sparse.numbytes")
    .map(({ value }) => wholeNumber(decoder.decode(value), offset));
  return numbers.length === 0 ? undefined : pairs(numbers, offset);
}

function pairs(numbers: readonly number[], offset: number): SparseRun[] {
  if (numbers.length % 2 !== 0) throw new TarError("a sparse map is damaged", offset);
  const runs: SparseRun[] = [];
  for (let i = 0; i < numbers.length; i += 2) {
    runs.push({ offset: numbers[i] ?? 0, length: numbers[i + 1] ?? 0 });
  }
  return runs;
}

function wholeNumber(text: string, offset: number): number {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(value)) return value;
  throw new TarError("a sparse map is damaged", offset);
}

/** Reads the map that comes before the contents in format 1.0: one decimal number a line. */
export class MapReader {
  readonly #numbers: number[] = [];
  #digits = "";
  /** How many numbers there are behind the first; unknown at the start. */
  #wanted = -1;

  /** @param offset of the member in the archive, for errors. */
  constructor(readonly offset: number) {}

  get complete(): boolean {
    return this.#numbers.length === this.#wanted;
  }

  /** Takes the next block of the map. @throws TarError */
  take(block: Uint8Array): void {
    for (const byte of block) {
      if (this.complete) return;
      if (byte !== NEWLINE) {
        this.#digits += String.fromCharCode(byte);
        if (this.#digits.length > 16) throw new TarError("a sparse map is damaged", this.offset);
        continue;
      }
      const value = wholeNumber(this.#digits, this.offset);
      this.#digits = "";
      if (this.#wanted >= 0) this.#numbers.push(value);
      else if (value <= MAX_RUNS) this.#wanted = 2 * value;
      else throw new TarError("a sparse map is absurdly long", this.offset);
    }
  }

  runs(): SparseRun[] {
    return pairs(this.#numbers, this.offset);
  }
}

/**
 * The parts of a file whose data lie in the store one run after the other.
 * @param size of the file.
 * @param stored where the first run lies in the store.
 * @param storedBytes how many bytes all runs have there.
 * @throws TarError for runs that overlap, go backwards, or do not fit.
 */
export function partsOf(
  runs: readonly SparseRun[],
  size: number,
  stored: number,
  storedBytes: number,
  headerOffset: number,
): TarPart[] {
  const parts: TarPart[] = [];
  let end = 0;
  let used = 0;
  for (const { offset, length } of runs) {
    if (offset < end || offset + length > size) {
      throw new TarError("a sparse map contradicts itself", headerOffset);
    }
    if (length > 0) parts.push({ offset, stored: stored + used, length });
    end = offset + length;
    used += length;
  }
  if (used !== storedBytes) {
    throw new TarError(
      `a sparse map tells of ${used} bytes of data, and there are ${storedBytes}`,
      headerOffset,
    );
  }
  return parts;
}
