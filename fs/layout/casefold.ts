/**
 * Names without their case, for directories with the CASEFOLD flag: Unicode 12.1, full case folding, canonical
 * decomposition, ignorable code points left out (the kernel's utf8 tables "nfdicf"; s_encoding 1).
 *
 * The mappings are the platform's: Unicode promises that those of an assigned code point never change.
 *
 * @module
 */

import { combiningClass } from "./unicode_combining.ts";
import { isAssigned } from "./unicode_assigned.ts";

/** s_encoding of the only encoding that there is. */
export const ENCODING_UTF8_12_1 = 1;
/** s_encoding_flags: names that are not valid UTF-8 are refused. */
export const ENCODING_STRICT = 1;
/** Room for what a name of 255 bytes can become. */
export const MAX_FOLDED_BYTES = 4096;

/** Default_Ignorable_Code_Point, pairs of first and last. */
const IGNORABLE = [
  ...[0xad, 0xad, 0x34f, 0x34f, 0x61c, 0x61c, 0x115f, 0x1160, 0x17b4, 0x17b5, 0x180b, 0x180e],
  ...[0x200b, 0x200f, 0x202a, 0x202e, 0x2060, 0x206f, 0x3164, 0x3164, 0xfe00, 0xfe0f],
  ...[0xfeff, 0xfeff, 0xffa0, 0xffa0, 0xfff0, 0xfff8, 0x1bca0, 0x1bca3, 0x1d173, 0x1d17a],
  ...[0xe0000, 0xe0fff],
];
const FIRST_IGNORABLE = 0xad;

/** Cherokee folds to the older, upper-case letters. */
const CHEROKEE_FIRST = 0x13a0;
const CHEROKEE_LAST = 0x13f5;
const CHEROKEE_SMALL_FIRST = 0xab70;
const CHEROKEE_SMALL_LAST = 0xabbf;
const CHEROKEE_LATE_FIRST = 0x13f8;
const CHEROKEE_LATE_LAST = 0x13fd;
/** The capital sharp s is its own upper case. */
const CAPITAL_SHARP_S = 0x1e9e;
/** Without the rules of Turkish the dotless i is a letter of its own. */
const DOTLESS_I = 0x131;

const encoder = new TextEncoder();

/**
 * Folds the name `bytes[start..end)` into `out`, which has MAX_FOLDED_BYTES.
 *
 * @returns the folded name's length, or -1 when the name is not valid UTF-8: it then equals only itself.
 */
export function foldName(bytes: Uint8Array, start: number, end: number, out: Uint8Array): number {
  for (let at = start; at < end; at++) {
    const byte = bytes[at] as number;
    if (byte >= 0x80) return folding.fold(bytes, start, end, out);
    out[at - start] = byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte;
  }
  return end - start;
}

/** Whether the kernel takes the bytes for UTF-8. */
export function isValidName(bytes: Uint8Array): boolean {
  return foldName(bytes, 0, bytes.length, scratch) >= 0;
}

const scratch = new Uint8Array(MAX_FOLDED_BYTES);

/**
 * A decomposed character, or bytes that continue no character: the kernel's tables let those pass behind
 * a valid one, and its names are hashed with them.
 */
interface Piece {
  readonly bytes: Uint8Array;
  /** Combining class; STRAY for bytes that continue nothing. */
  readonly order: number;
}
const STRAY = -1;

/** Folds one name at a time. */
class Folding {
  #out: Uint8Array = scratch;
  #length = 0;
  /** Marks since the last character of class 0, and what strayed between them. */
  #marks: Piece[] = [];

  fold(bytes: Uint8Array, start: number, end: number, out: Uint8Array): number {
    this.#out = out;
    this.#length = 0;
    this.#marks = [];
    if (isContinuation(bytes[start] as number)) return -1;
    for (let at = start; at < end;) {
      if (isContinuation(bytes[at] as number)) {
        this.#take({ bytes: bytes.subarray(at, at + 1), order: STRAY });
        at++;
        continue;
      }
      const codePoint = decodeCharacter(bytes, at, end);
      if (codePoint < 0) return -1;
      const pieces = piecesOf(codePoint);
      if (pieces.length === 0) this.#flush();
      for (let i = 0; i < pieces.length; i++) this.#take(pieces[i] as Piece);
      at += utf8Length(codePoint);
    }
    this.#flush();
    return this.#length < MAX_FOLDED_BYTES ? this.#length : -1;
  }

  #take(piece: Piece): void {
    const { order } = piece;
    if (order > 0 || (order === STRAY && this.#marks.length > 0)) {
      this.#marks.push(piece);
      return;
    }
    if (this.#marks.length > 0) this.#flush();
    this.#emit(piece);
  }

  /** Only what strays, met again and again, can make a name longer than there is room. */
  #emit({ bytes }: Piece): void {
    const start = this.#length;
    this.#length += bytes.length;
    if (this.#length >= MAX_FOLDED_BYTES) return;
    for (let i = 0; i < bytes.length; i++) this.#out[start + i] = bytes[i] as number;
  }

  /** Emits the marks by their classes. What strayed is seen in each pass over them, one of which is for nothing. */
  #flush(): void {
    const marks = this.#marks;
    if (marks.length === 0) return;
    this.#marks = [];
    if (marks.length === 1) return this.#emit(marks[0] as Piece);
    const orders = [...new Set(marks.map(({ order }) => order))].sort((a, b) => a - b);
    const hasStrays = orders[0] === STRAY;
    for (const wanted of orders) {
      for (const piece of marks) {
        if (piece.order === wanted || (hasStrays && piece.order === STRAY)) this.#emit(piece);
      }
    }
  }
}

const folding = new Folding();

/** What characters become, as far as they were met. */
const pieces = new Map<number, readonly Piece[]>();
const MAX_REMEMBERED = 4096;

/** What a character becomes: nothing when it is ignored. */
function piecesOf(codePoint: number): readonly Piece[] {
  const known = pieces.get(codePoint);
  if (known !== undefined) return known;
  const found = findPieces(codePoint);
  if (pieces.size >= MAX_REMEMBERED) pieces.clear();
  pieces.set(codePoint, found);
  return found;
}

function findPieces(codePoint: number): readonly Piece[] {
  if (isIgnorable(codePoint)) return [];
  const character = String.fromCodePoint(codePoint);
  if (!isAssigned(codePoint)) return [{ bytes: encoder.encode(character), order: 0 }];
  const folded = foldCharacter(character, codePoint).normalize("NFD");
  return [...folded].map((part) => ({
    bytes: encoder.encode(part),
    order: combiningClass(part.codePointAt(0) as number),
  }));
}

function isContinuation(byte: number): boolean {
  return (byte & 0xc0) === 0x80;
}

function utf8Length(codePoint: number): number {
  if (codePoint < 0x80) return 1;
  if (codePoint < 0x800) return 2;
  return codePoint < 0x10000 ? 3 : 4;
}

/** The code point of a well-formed sequence that begins at `at`; -1 when there is none. */
function decodeCharacter(bytes: Uint8Array, at: number, end: number): number {
  const lead = bytes[at] as number;
  if (lead < 0x80) return lead;
  if (lead < 0xc2 || lead > 0xf4) return -1;
  const length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (at + length > end) return -1;
  let codePoint = lead & (0x7f >> length);
  for (let i = 1; i < length; i++) {
    const byte = bytes[at + i] as number;
    if (!isContinuation(byte)) return -1;
    codePoint = codePoint * 64 + (byte & 0x3f);
  }
  const isSurrogate = codePoint >= 0xd800 && codePoint < 0xe000;
  return utf8Length(codePoint) === length && !isSurrogate && codePoint < 0x110000 ? codePoint : -1;
}

function isIgnorable(codePoint: number): boolean {
  if (codePoint < FIRST_IGNORABLE) return false;
  for (let i = 0; i < IGNORABLE.length; i += 2) {
    if (codePoint < (IGNORABLE[i] as number)) return false;
    if (codePoint <= (IGNORABLE[i + 1] as number)) return true;
  }
  return false;
}

/** The full case folding of an assigned character: it comes of its upper case. */
function foldCharacter(character: string, codePoint: number): string {
  if (codePoint === DOTLESS_I) return character;
  if (codePoint === CAPITAL_SHARP_S) return "ss";
  if (codePoint >= CHEROKEE_FIRST && codePoint <= CHEROKEE_LAST) return character;
  const isCherokee = (codePoint >= CHEROKEE_SMALL_FIRST && codePoint <= CHEROKEE_SMALL_LAST) ||
    (codePoint >= CHEROKEE_LATE_FIRST && codePoint <= CHEROKEE_LATE_LAST);
  const upper = character.toUpperCase();
  if (isCherokee) return upper;
  let lower = "";
  // One by one: a sigma at the end of a word must not become a final one.
  for (const part of upper) lower += part.toLowerCase();
  return lower;
}
