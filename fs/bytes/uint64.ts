/**
 * 64-bit unsigned integers in a `DataView` as plain numbers. Values above 2^53 - 1 come out rounded; whoever reads from
 * an image checks the range that the field may have.
 *
 * @module
 */

const WORD = 0x1_0000_0000;

/** Reads a little-endian 64-bit integer. */
export function getUint64(view: DataView, offset: number): number {
  return view.getUint32(offset + 4, true) * WORD + view.getUint32(offset, true);
}

/** Writes `value` (0 to 2^53 - 1) as a little-endian 64-bit integer. */
export function setUint64(view: DataView, offset: number, value: number): void {
  view.setUint32(offset, value, true);
  view.setUint32(offset + 4, value / WORD, true);
}

/** Reads a big-endian 64-bit integer. */
export function getUint64BigEndian(view: DataView, offset: number): number {
  return view.getUint32(offset) * WORD + view.getUint32(offset + 4);
}

/** Writes `value` (0 to 2^53 - 1) as a big-endian 64-bit integer. */
export function setUint64BigEndian(view: DataView, offset: number, value: number): void {
  view.setUint32(offset, value / WORD);
  view.setUint32(offset + 4, value);
}
