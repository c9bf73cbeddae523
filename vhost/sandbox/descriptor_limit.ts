/** How many descriptors the process may have. @module */

import { libc } from "../../ffi/libc/library.ts";

const RLIMIT_NOFILE = 7;
const WANTED = 1_000_000n;

/**
 * Raises the limit.
 * @param wanted 0: a million, or as many as can be had.
 * @returns the limit that holds.
 */
export function raiseDescriptorLimit(wanted: number): number {
  const limits = new BigUint64Array(16);
  const bytes = new Uint8Array(limits.buffer);
  const library = libc();
  if (library.prlimit(0, RLIMIT_NOFILE, null, bytes) < 0) return 1024;
  const hard = limits[1] ?? 1024n;
  const goal = wanted === 0 ? WANTED : BigInt(wanted);
  for (const soft of [goal, goal < hard ? goal : hard]) {
    const set = new BigUint64Array(16);
    set[0] = soft;
    set[1] = soft > hard ? soft : hard;
    if (library.prlimit(0, RLIMIT_NOFILE, new Uint8Array(set.buffer), null) === 0) {
      return Number(soft);
    }
  }
  return Number(limits[0] ?? 1024n);
}
