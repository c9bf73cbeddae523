/**
 * The records of pax extended headers (POSIX.1-2017 pax, "pax Extended Header"): `LENGTH KEY=VALUE\n`.
 *
 * @module
 */

import { TarError } from "./error.ts";
import type { TarTime } from "./member.ts";

const SPACE = 0x20;
const EQUALS = 0x3d;
const NEWLINE = 0x0a;
const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** One record. Values are bytes: names and attributes need not be text. */
export interface PaxRecord {
  readonly key: string;
  readonly value: Uint8Array;
}

/** Reads the records of an extended header. @throws TarError */
export function parsePax(bytes: Uint8Array, offset: number): PaxRecord[] {
  const records: PaxRecord[] = [];
  for (let at = 0; at < bytes.length;) {
    const space = bytes.indexOf(SPACE, at);
    const digits = space < 0 ? "" : decoder.decode(bytes.subarray(at, Math.min(space, at + 12)));
    const length = /^\d{1,10}$/.test(digits) ? Number(digits) : 0;
    const end = at + length;
    const equals = bytes.indexOf(EQUALS, space);
    if (length === 0 || end > bytes.length || equals < 0 || equals >= end) {
      throw new TarError("a pax header is damaged", offset);
    }
    if (bytes[end - 1] !== NEWLINE) throw new TarError("a pax header is damaged", offset);
    const key = decoder.decode(bytes.subarray(space + 1, equals));
    records.push({ key, value: bytes.slice(equals + 1, end - 1) });
    at = end;
  }
  return records;
}

/** The bytes of records. */
export function encodePax(records: readonly PaxRecord[]): Uint8Array<ArrayBuffer> {
  const parts = records.map(({ key, value }) => {
    const tail = encoder.encode(` ${key}=`);
    const rest = tail.length + value.length + 1;
    // The length counts its own digits.
    let length = rest + String(rest).length;
    if (String(length).length + rest !== length) length = rest + String(length).length;
    return [encoder.encode(String(length)), tail, value, Uint8Array.of(NEWLINE)];
  }).flat();
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** A whole number of at least 0. @throws TarError */
export function paxNumber(record: PaxRecord, offset: number): number {
  const text = decoder.decode(record.value);
  const value = /^\d{1,20}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(value)) return value;
  throw new TarError(`the pax header's ${record.key} is no number, or absurdly large`, offset);
}

/** A time: decimal seconds with a fraction. @throws TarError */
export function paxTime(record: PaxRecord, offset: number): TarTime {
  const match = /^(-?)(\d{1,15})(?:\.(\d*))?$/.exec(decoder.decode(record.value));
  if (match === null) {
    throw new TarError(`the pax header's ${record.key} is no time`, offset);
  }
  const whole = Number(match[2]);
  const nanoseconds = Number((match[3] ?? "").slice(0, 9).padEnd(9, "0"));
  if (match[1] !== "-") return { seconds: whole, nanoseconds };
  if (nanoseconds === 0) return { seconds: -whole, nanoseconds: 0 };
  return { seconds: -whole - 1, nanoseconds: 1_000_000_000 - nanoseconds };
}

/** A time as pax writes it. */
export function formatPaxTime({ seconds, nanoseconds }: TarTime): string {
  if (nanoseconds === 0) return String(seconds);
  if (seconds >= 0) return `${seconds}.${String(nanoseconds).padStart(9, "0")}`;
  const fraction = String(1_000_000_000 - nanoseconds).padStart(9, "0");
  return `-${-seconds - 1}.${fraction}`;
}
