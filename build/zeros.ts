/** Looking for zeros. @module */

/** Whether bytes `[from, to)` are all zero. */
export function isZero(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at++) {
    if (bytes[at] !== 0) return false;
  }
  return true;
}
