/**
 * Bytes that lie in several pieces.
 *
 * @module
 */

/** The sum of the pieces' lengths. */
export function totalBytes(pieces: readonly Uint8Array[]): number {
  let total = 0;
  for (const piece of pieces) total += piece.length;
  return total;
}

/** Copies the beginning of the pieces into `target` until it is full. Returns bytes copied. */
export function gather(pieces: readonly Uint8Array[], target: Uint8Array): number {
  let at = 0;
  for (const piece of pieces) {
    const room = target.length - at;
    if (room === 0) break;
    const part = piece.length <= room ? piece : piece.subarray(0, room);
    target.set(part, at);
    at += part.length;
  }
  return at;
}

/**
 * Copies the sources, one after the other, into the targets. Returns bytes copied: all, or as many as
 * the targets hold.
 */
export function scatter(sources: readonly Uint8Array[], targets: readonly Uint8Array[]): number {
  let copied = 0;
  let index = 0;
  let at = 0;
  for (const source of sources) {
    for (let from = 0; from < source.length;) {
      const target = targets[index];
      if (target === undefined) return copied;
      const count = Math.min(source.length - from, target.length - at);
      target.set(source.subarray(from, from + count), at);
      from += count;
      at += count;
      copied += count;
      if (at < target.length) continue;
      index++;
      at = 0;
    }
  }
  return copied;
}

/** Views of `lengthBytes` of the pieces from `beginBytes` on; fewer when the pieces end before. */
export function slicePieces(
  pieces: readonly Uint8Array[],
  beginBytes: number,
  lengthBytes: number,
): Uint8Array[] {
  const slices: Uint8Array[] = [];
  let skip = beginBytes;
  let left = lengthBytes;
  for (const piece of pieces) {
    if (left === 0) break;
    if (skip >= piece.length) {
      skip -= piece.length;
      continue;
    }
    const slice = piece.subarray(skip, Math.min(piece.length, skip + left));
    skip = 0;
    left -= slice.length;
    slices.push(slice);
  }
  return slices;
}
