/**
 * Where content is cut into chunks: at places that depend on the bytes before them alone, so that what is put into
 * the middle of a file changes the chunks around it only (content-defined chunking by a rolling "gear" hash).
 *
 * @module
 */

/** Bytes of a chunk; the last of a run may be shorter. */
export const SHORTEST_CHUNK = 4 << 10;
export const LONGEST_CHUNK = 64 << 10;
/** A cut comes after 16 KiB on average beyond the shortest chunk: these bits of the hash are zero. */
const CUT_MASK = 0xfffc_0000 | 0;

/** A number for each byte; what versions share depends on their staying the same. */
const GEAR = gear();

function gear(): Int32Array {
  const table = new Int32Array(256);
  let state = 0x9e3779b9;
  for (let index = 0; index < table.length; index++) {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    table[index] = mixed ^ (mixed >>> 14);
  }
  return table;
}

/** How long the chunk is that begins at byte `start`. @param bytes up to the end, or the longest chunk, from there */
export function chunkLength(bytes: Uint8Array, start: number): number {
  const end = Math.min(bytes.length, start + LONGEST_CHUNK);
  let hash = 0;
  // Of a hash of 32 bits only the last 32 bytes count.
  for (let at = start + SHORTEST_CHUNK - 32; at < end; at++) {
    hash = (hash << 1) + (GEAR[bytes[at] as number] as number) | 0;
    if (at >= start + SHORTEST_CHUNK && (hash & CUT_MASK) === 0) return at + 1 - start;
  }
  return end - start;
}
