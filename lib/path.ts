/**
 * Paths in an image: text, or bytes for names that are no text.
 *
 * @module
 */

/** A path in an image, names separated by `/`. Bytes reach every name that ext4 can hold. */
export type Path = string | Uint8Array;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** An argument is of the wrong type: a mistake in the program that calls, not a failure of the image. */
export class ArgumentError extends TypeError {}

/** The bytes of a path or a name. @throws TypeError */
export function bytesOf(path: Path): Uint8Array {
  return typeof path === "string" ? encoder.encode(path) : checkedBytes(path, "a path");
}

/** @throws TypeError for what is no Uint8Array. */
export function checkedBytes(bytes: unknown, what: string): Uint8Array {
  if (bytes instanceof Uint8Array) return bytes;
  throw new ArgumentError(`${what} must be a Uint8Array or a string, not ${typeof bytes}`);
}

/** The text of bytes; what is not UTF-8 becomes U+FFFD. */
export function textOf(bytes: Path): string {
  return typeof bytes === "string" ? bytes : decoder.decode(checkedBytes(bytes, "a path"));
}
