/**
 * Text in fields of a fixed length, ended by a NUL if it is shorter.
 *
 * @module
 */

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** The text of the `length` bytes at `start`, up to the first NUL. Bytes that are not UTF-8 become U+FFFD. */
export function readFixedText(bytes: Uint8Array, start: number, length: number): string {
  const field = bytes.subarray(start, start + length);
  const nul = field.indexOf(0);
  return decoder.decode(nul < 0 ? field : field.subarray(0, nul));
}

/** Writes `text` into the `length` bytes at `start`: cut off before a character that does not fit, padded with NULs. */
export function writeFixedText(
  bytes: Uint8Array,
  start: number,
  length: number,
  text: string,
): void {
  const field = bytes.subarray(start, start + length);
  const { written } = encoder.encodeInto(text, field);
  field.fill(0, written);
}
