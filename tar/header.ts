/**
 * The block of 512 bytes that each member of a tar archive begins with: old (v7), POSIX ustar, GNU and
 * star dialects (POSIX.1-2017 pax, "ustar Interchange Format"; GNU tar manual, "Basic Tar Format").
 *
 * @module
 */

import { TarError } from "./error.ts";

/** Bytes of a header, and what contents are padded to. */
export const TAR_BLOCK_BYTES = 512;

const CHECKSUM_AT = 148;
const CHECKSUM_END = 156;
const SPACE = 0x20;
const NOTHING = new Uint8Array(0);
/** Entries of a GNU sparse map in the header and in each block that continues it. */
const SPARSE_AT = 386;
const SPARSE_ENTRIES = 4;
const SPARSE_MORE_ENTRIES = 21;
const SPARSE_ENTRY_BYTES = 24;

/** Where a field lies: offset and length. */
type Field = readonly [at: number, bytes: number];

const FIELDS = {
  name: [0, 100],
  mode: [100, 8],
  uid: [108, 8],
  gid: [116, 8],
  size: [124, 12],
  mtime: [136, 12],
  link: [157, 100],
  major: [329, 8],
  minor: [337, 8],
  prefix: [345, 155],
  starPrefix: [345, 131],
  gnuAtime: [345, 12],
  gnuCtime: [357, 12],
  starAtime: [476, 12],
  starCtime: [488, 12],
  gnuRealSize: [483, 12],
} as const satisfies Record<string, Field>;

/** A field's name. */
export type HeaderField = keyof typeof FIELDS;

/** A run of data in a sparse file. */
export interface SparseRun {
  readonly offset: number;
  readonly length: number;
}

/** Reads the fields of one header. */
export class TarHeader {
  /** @param offset where it lies in the archive, for errors. */
  constructor(readonly bytes: Uint8Array, readonly offset: number) {}

  /** The character that says what it is. */
  get type(): string {
    return String.fromCharCode(this.bytes[CHECKSUM_END] ?? 0);
  }
  get isGnu(): boolean {
    return this.#has(257, "ustar  \0");
  }
  get isUstar(): boolean {
    return this.#has(257, "ustar\0");
  }
  get isStar(): boolean {
    return this.isUstar && this.#has(508, "tar\0");
  }
  get isZero(): boolean {
    return this.bytes.every((byte) => byte === 0);
  }

  #has(at: number, text: string): boolean {
    for (let i = 0; i < text.length; i++) {
      if (this.bytes[at + i] !== text.charCodeAt(i)) return false;
    }
    return true;
  }

  /** @throws TarError when the sum of its bytes is not what it says. */
  verify(): void {
    let unsigned = 0;
    let signed = 0;
    for (let i = 0; i < TAR_BLOCK_BYTES; i++) {
      const within = i >= CHECKSUM_AT && i < CHECKSUM_END;
      const byte = within ? SPACE : this.bytes[i] ?? 0;
      unsigned += byte;
      signed += (byte << 24) >> 24;
    }
    const stored = octal(this.bytes, CHECKSUM_AT, CHECKSUM_END);
    if (stored !== unsigned && stored !== signed) {
      throw new TarError("a header's checksum is wrong: this is damaged, or no tar", this.offset);
    }
  }

  /** Text up to the first NUL, copied. */
  text(field: HeaderField): Uint8Array {
    const [at, bytes] = FIELDS[field];
    let end = at;
    while (end < at + bytes && this.bytes[end] !== 0) end++;
    return end === at ? NOTHING : this.bytes.slice(at, end);
  }

  /** The path, put together from prefix and name. */
  path(): Uint8Array {
    const name = this.text("name");
    if (!this.isUstar) return name;
    const prefix = this.text(this.isStar ? "starPrefix" : "prefix");
    if (prefix.length === 0) return name;
    const path = new Uint8Array(prefix.length + 1 + name.length);
    path.set(prefix);
    path[prefix.length] = 0x2f;
    path.set(name, prefix.length + 1);
    return path;
  }

  /** An octal number, or one in base 256 (GNU). @throws TarError */
  number(field: HeaderField): number {
    return this.#number(FIELDS[field], field);
  }

  #number([at, bytes]: Field, what: string): number {
    const first = this.bytes[at] ?? 0;
    if ((first & 0x80) !== 0) return this.#binary(at, bytes, what);
    const value = octal(this.bytes, at, at + bytes);
    if (value >= 0) return value;
    throw new TarError(`a header's ${what} is no number`, this.offset);
  }

  /** Two's complement, most significant byte first; the highest bit of all is the mark. */
  #binary(at: number, bytes: number, what: string): number {
    const first = this.bytes[at] ?? 0;
    const negative = (first & 0x40) !== 0;
    let value = negative ? (first & 0x7f) - 0x80 : first & 0x7f;
    for (let i = at + 1; i < at + bytes; i++) value = value * 256 + (this.bytes[i] ?? 0);
    if (Number.isSafeInteger(value)) return value;
    throw new TarError(`a header's ${what} is absurdly large`, this.offset);
  }

  /** The runs of a GNU sparse file that the header has room for. */
  sparseRuns(): SparseRun[] {
    return this.#runs(SPARSE_AT, SPARSE_ENTRIES);
  }
  /** As `sparseRuns`, of a block that continues a header. */
  furtherRuns(): SparseRun[] {
    return this.#runs(0, SPARSE_MORE_ENTRIES);
  }
  /** Another block of runs follows. @param continuation this is such a block itself. */
  hasFurtherRuns(continuation: boolean): boolean {
    return this.bytes[continuation ? 504 : 482] === 1;
  }

  #runs(at: number, entries: number): SparseRun[] {
    const runs: SparseRun[] = [];
    for (let i = 0; i < entries; i++) {
      const entry = at + i * SPARSE_ENTRY_BYTES;
      if (this.bytes[entry] === 0) break;
      const offset = this.#number([entry, 12], "sparse map");
      const length = this.#number([entry + 12, 12], "sparse map");
      runs.push({ offset, length });
    }
    return runs;
  }
}

/** Octal digits between blanks and NULs; 0 for none at all, -1 for anything else. */
function octal(bytes: Uint8Array, from: number, end: number): number {
  let at = from;
  while (at < end && isBlank(bytes[at])) at++;
  let value = 0;
  for (; at < end; at++) {
    const digit = (bytes[at] ?? 0) - 0x30;
    if (digit < 0 || digit > 7) break;
    value = value * 8 + digit;
  }
  // What follows a NUL is padding, whatever it is.
  if (at < end && bytes[at] === 0) return value;
  while (at < end && isBlank(bytes[at])) at++;
  return at < end ? -1 : value;
}

function isBlank(byte: number | undefined): boolean {
  return byte === SPACE || byte === 0;
}
