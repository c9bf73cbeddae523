/**
 * Times as callers give and get them.
 *
 * @module
 */

import type { Timestamp } from "../fs/ops/set_attributes.ts";

export type { Timestamp };

/** A time to set: seconds since 1970 (fractions allowed), a date, seconds and nanoseconds, or the time now. */
export type TimeInput = number | Date | Timestamp | "now";

const NANOSECONDS = 1e9;

/** @throws RangeError for a time that is not a number. */
export function timestampOf(time: TimeInput): Timestamp | "now" {
  if (time === "now") return time;
  if (time instanceof Date) return fromMilliseconds(time.getTime());
  if (typeof time === "number") {
    const seconds = Math.floor(time);
    const nanoseconds = Math.min(Math.round((time - seconds) * NANOSECONDS), NANOSECONDS - 1);
    return checked({ seconds, nanoseconds });
  }
  return checked(time);
}

/** The date of a time, to the millisecond. */
export function dateOf(seconds: number, nanoseconds: number): Date {
  return new Date(seconds * 1000 + Math.floor(nanoseconds / 1e6));
}

/** The time of day, to the millisecond. */
export function timeNow(): Timestamp {
  return fromMilliseconds(Date.now());
}

function fromMilliseconds(milliseconds: number): Timestamp {
  const seconds = Math.floor(milliseconds / 1000);
  return checked({ seconds, nanoseconds: (milliseconds - seconds * 1000) * 1e6 });
}

function checked(time: Timestamp): Timestamp {
  const { seconds, nanoseconds } = time;
  const good = Number.isSafeInteger(seconds) && Number.isInteger(nanoseconds) &&
    nanoseconds >= 0 && nanoseconds < NANOSECONDS;
  if (good) return time;
  throw new RangeError(`${seconds} seconds and ${nanoseconds} nanoseconds are no time`);
}
