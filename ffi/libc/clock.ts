/**
 * The wall clock in nanoseconds.
 *
 * @module
 */

import { checked, libc } from "./library.ts";

const CLOCK_REALTIME = 0;
/** `struct timespec`: two 64-bit numbers, read as halves because a BigInt each would be garbage. */
const spec = new Uint32Array(4);

/** Fills `target` with seconds since 1970 and nanoseconds (clock_gettime). */
export function realTime(target: { seconds: number; nanoseconds: number }): void {
  checked(libc().clock_gettime(CLOCK_REALTIME, spec), "clock_gettime");
  target.seconds = (spec[1] as number) * 0x1_0000_0000 + (spec[0] as number);
  target.nanoseconds = spec[2] as number;
}
