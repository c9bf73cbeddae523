/**
 * Makes a failing crash state smaller: fewer writes reached the storage, and it still fails.
 *
 * @module
 */

import type { CrashEvent, LandedPart } from "./states.ts";

const MOST_TRIES = 80;
const MOST_SHOWN = 12;

/** Leaves parts out as long as `fails` says that the rest still fails. */
export function shrink(
  parts: readonly LandedPart[],
  fails: (parts: readonly LandedPart[]) => boolean,
): readonly LandedPart[] {
  let left = parts;
  let tries = 0;
  for (let piece = Math.ceil(left.length / 2); piece >= 1; piece = Math.floor(piece / 2)) {
    for (let from = 0; from < left.length && tries < MOST_TRIES;) {
      const fewer = [...left.slice(0, from), ...left.slice(from + piece)];
      tries++;
      if (fails(fewer)) left = fewer;
      else from += piece;
    }
  }
  return left;
}

/** The parts for people, in blocks. */
export function describeParts(
  parts: readonly LandedPart[],
  events: readonly CrashEvent[],
  blockBytes: number,
): string {
  const lines = parts.slice(0, MOST_SHOWN).map(({ event, fromBytes, toBytes }) => {
    const block = Math.floor(fromBytes / blockBytes);
    const within = fromBytes % blockBytes;
    const place = within === 0 ? `block ${block}` : `block ${block} byte ${within}`;
    return `event ${event}: ${events[event]?.kind} ${toBytes - fromBytes} bytes at ${place}`;
  });
  if (parts.length > MOST_SHOWN) lines.push(`… and ${parts.length - MOST_SHOWN} more`);
  return lines.length === 0 ? "nothing after the last flush" : lines.join("\n  ");
}
