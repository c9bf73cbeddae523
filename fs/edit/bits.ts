/** Single bits and runs of bitmaps in bytes; bit 0 is the lowest of byte 0. @module */

export function hasBit(bytes: Uint8Array, bit: number): boolean {
  return ((bytes[bit >>> 3] as number) >>> (bit & 7) & 1) !== 0;
}

/** Sets or clears a run. */
export function putBits(bytes: Uint8Array, from: number, count: number, on: boolean): void {
  let bit = from;
  const end = from + count;
  while (bit < end) {
    if ((bit & 7) === 0 && end - bit >= 8) {
      const whole = Math.floor((end - bit) / 8);
      bytes.fill(on ? 0xff : 0, bit >>> 3, (bit >>> 3) + whole);
      bit += whole * 8;
      continue;
    }
    const mask = 1 << (bit & 7);
    const old = bytes[bit >>> 3] as number;
    bytes[bit >>> 3] = on ? old | mask : old & ~mask;
    bit++;
  }
}

/** Set bits in `[0, end)`. */
export function countBits(bytes: Uint8Array, end: number): number {
  let count = 0;
  const whole = end >>> 3;
  for (let i = 0; i < whole; i++) {
    let byte = bytes[i] as number;
    for (; byte !== 0; byte &= byte - 1) count++;
  }
  for (let bit = whole * 8; bit < end; bit++) if (hasBit(bytes, bit)) count++;
  return count;
}

/** The first clear bit in `[from, end)`, or `end`. */
export function nextClear(bytes: Uint8Array, from: number, end: number): number {
  let bit = from;
  while (bit < end) {
    if ((bit & 7) === 0 && bytes[bit >>> 3] === 0xff) bit += 8;
    else if (hasBit(bytes, bit)) bit++;
    else return bit;
  }
  return end;
}

/** The first set bit in `[from, end)`, or `end`. */
export function nextSet(bytes: Uint8Array, from: number, end: number): number {
  let bit = from;
  while (bit < end) {
    if ((bit & 7) === 0 && bytes[bit >>> 3] === 0) bit += 8;
    else if (!hasBit(bytes, bit)) bit++;
    else return bit;
  }
  return end;
}
