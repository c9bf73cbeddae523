/**
 * Numbers and sizes as people write them.
 *
 * @module
 */

import { CommandError } from "./command_error.ts";

const KIBIBYTE = 1024;
/** Bytes of each suffix. */
const SUFFIXES: Readonly<Record<string, number>> = {
  s: 512,
  k: KIBIBYTE,
  m: KIBIBYTE ** 2,
  g: KIBIBYTE ** 3,
  t: KIBIBYTE ** 4,
  p: KIBIBYTE ** 5,
};

/** A number with an optional suffix: in `bytes` with one, else a bare `number`. */
export type ParsedSize = { readonly bytes: number } | { readonly number: number };

/**
 * Reads `64`, `64k`, `1.5G`, `10MiB`, `2TB`: suffixes are powers of 1024, in either case.
 * @param what names the value in the error.
 * @throws CommandError
 */
export function parseSize(text: string, what: string): ParsedSize {
  const match = /^(\d+(?:\.\d+)?)(?:([skmgtp])(?:i?b)?)?$/i.exec(text.trim());
  const digits = match?.[1];
  if (digits === undefined) throw invalid(text, what);
  const suffix = match?.[2]?.toLowerCase();
  if (suffix === undefined) {
    if (digits.includes(".")) throw invalid(text, what);
    return { number: safe(Number(digits), text, what) };
  }
  const bytes = Math.floor(Number(digits) * (SUFFIXES[suffix] ?? 0));
  return { bytes: safe(bytes, text, what) };
}

/** As `parseSize`, with a unit for bare numbers; the result is in bytes. */
export function parseBytes(text: string, what: string, bareUnitBytes: number): number {
  const size = parseSize(text, what);
  if ("bytes" in size) return size.bytes;
  return safe(size.number * bareUnitBytes, text, what);
}

/** Reads a whole number, decimal, `0x…` or `0…` (octal), within bounds. @throws CommandError */
export function parseNumber(
  text: string,
  what: string,
  low = 0,
  high = Number.MAX_SAFE_INTEGER,
): number {
  let value = Number.NaN;
  if (/^0[0-7]+$/.test(text)) value = parseInt(text, 8);
  else if (/^(\d+|0x[0-9a-f]+)$/i.test(text)) value = Number(text);
  if (!Number.isSafeInteger(value) || value < low || value > high) {
    const bounds = high === Number.MAX_SAFE_INTEGER ? `${low} or more` : `${low} to ${high}`;
    throw new CommandError(`${what}: ${text} is not a whole number, ${bounds}`);
  }
  return value;
}

function safe(value: number, text: string, what: string): number {
  if (!Number.isSafeInteger(value)) throw invalid(text, what);
  return value;
}

function invalid(text: string, what: string): CommandError {
  return new CommandError(`${what}: ${text} is not a number or a size such as 64k, 10M, 1.5G`);
}

/** A size for people: `1.5 GiB`. */
export function formatBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  let value = bytes;
  let unit = 0;
  while (value >= KIBIBYTE && unit < units.length - 1) {
    value /= KIBIBYTE;
    unit++;
  }
  const digits = value >= 100 || Number.isInteger(value) ? 0 : 1;
  return `${value.toFixed(digits)} ${units[unit] ?? "B"}`;
}
