/**
 * The wall clock in nanoseconds, and one that only goes forward in microseconds.
 *
 * @module
 */

import { checked, libc } from "./library.ts";
import { addressOf } from "./memory.ts";

const CLOCK_REALTIME = 0;
const CLOCK_MONOTONIC = 1;
/** `struct timespec`: two 64-bit numbers, read as halves because a BigInt each would be garbage. */
const spec = new Uint32Array(4);

/** Fills `target` with seconds since 1970 and nanoseconds (clock_gettime). */
export function realTime(target: { seconds: number; nanoseconds: number }): void {
  checked(libc().clock_gettime(CLOCK_REALTIME, spec), "clock_gettime");
  target.seconds = (spec[1] as number) * 0x1_0000_0000 + (spec[0] as number);
  target.nanoseconds = spec[2] as number;
}

const since = new Uint8Array(16);
const sinceWords = new Uint32Array(since.buffer);
let sinceAddress = 0n;

/**
 * Microseconds since some fixed time, whole ones, never going back. A third of the cost of
 * `performance.now` (60 ns), so that requests can be timed by it.
 */
export function monotonicMicroseconds(): number {
  if (sinceAddress === 0n) sinceAddress = BigInt(addressOf(since));
  libc().clock_gettime_address(CLOCK_MONOTONIC, sinceAddress);
  const seconds = (sinceWords[1] as number) * 0x1_0000_0000 + (sinceWords[0] as number);
  return seconds * 1e6 + Math.floor((sinceWords[2] as number) / 1000);
}
