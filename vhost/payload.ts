/**
 * Payloads of messages: little-endian fields, 64-bit numbers as far as doubles hold them.
 *
 * @module
 */

import { ProtocolFault } from "./fault.ts";

const TWO_TO_32 = 0x1_0000_0000;

/** A set of 64 bits as two words: numbers hold only 53. */
export interface Bits {
  readonly low: number;
  readonly high: number;
}

/** The set with these bits. */
export function bitsOf(numbers: readonly number[]): Bits {
  let low = 0;
  let high = 0;
  for (const bit of numbers) {
    if (bit < 32) low |= 1 << bit;
    else high |= 1 << (bit - 32);
  }
  return { low: low >>> 0, high: high >>> 0 };
}

/** Whether a bit is in the set. */
export function hasBit(bits: Bits, bit: number): boolean {
  return (((bit < 32 ? bits.low : bits.high) >>> (bit & 31)) & 1) === 1;
}

/** Whether every bit of `part` is in `whole`. */
export function within(part: Bits, whole: Bits): boolean {
  return (part.low & ~whole.low) === 0 && (part.high & ~whole.high) === 0;
}

/** The set in hexadecimal. */
export function bitsText({ low, high }: Bits): string {
  return `0x${high.toString(16)}${low.toString(16).padStart(8, "0")}`;
}

/** Reads a message's payload. The handler table has checked its size. */
export class Payload {
  readonly #view: DataView;

  constructor(readonly bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  u32(at: number): number {
    return this.#view.getUint32(at, true);
  }

  /** @throws ProtocolFault for a number that no address or size can have (2^53 and more). */
  u64(at: number): number {
    const value = this.u32(at + 4) * TWO_TO_32 + this.u32(at);
    if (value > Number.MAX_SAFE_INTEGER) throw new ProtocolFault(`a number beyond 2^53 at ${at}`);
    return value;
  }

  bits(at: number): Bits {
    return { low: this.u32(at), high: this.u32(at + 4) };
  }
}

/** A payload of one 64-bit number. */
export function u64Payload(value: number): Uint8Array<ArrayBuffer> {
  return bitsPayload({ low: value % TWO_TO_32, high: Math.floor(value / TWO_TO_32) });
}

/** A payload of one set of bits. */
export function bitsPayload({ low, high }: Bits): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, low, true);
  view.setUint32(4, high, true);
  return bytes;
}

/** `vring state description`: the queue and a number. */
export function vringStatePayload(index: number, value: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, index, true);
  view.setUint32(4, value, true);
  return bytes;
}
