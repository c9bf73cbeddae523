/**
 * The wall clock in nanoseconds.
 *
 * @module
 */

import { checked, libc } from "./library.ts";

const CLOCK_REALTIME = 0;
const spec = new BigInt64Array(2);

/** Fills `target` with seconds since 1970 and nanoseconds (clock_gettime). */
export function realTime(target: { seconds: number; nanoseconds: number }): void {
  checked(libc().clock_gettime(CLOCK_REALTIME, spec), "clock_gettime");
  target.seconds = Number(spec[0] ?? 0n);
  target.nanoseconds = Number(spec[1] ?? 0n);
}
