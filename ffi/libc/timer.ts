/** Time that passes, as something that can be polled (timerfd). @module */

import { O_CLOEXEC, O_NONBLOCK } from "./constants.ts";
import { checked, libc } from "./library.ts";

const CLOCK_MONOTONIC = 1;

/** A descriptor that is readable once so much time has passed; the caller closes it. @param milliseconds above 0. */
export function makeTimer(milliseconds: number): number {
  const descriptor = libc().timerfd_create(CLOCK_MONOTONIC, O_CLOEXEC | O_NONBLOCK);
  checked(descriptor, "timerfd_create");
  const seconds = Math.floor(milliseconds / 1000);
  const nanoseconds = Math.floor((milliseconds % 1000) * 1e6);
  // struct itimerspec: the interval (none), then the first time.
  const times = BigInt64Array.of(0n, 0n, BigInt(seconds), BigInt(nanoseconds));
  checked(libc().timerfd_settime(descriptor, 0, times, null), "timerfd_settime");
  return descriptor;
}
