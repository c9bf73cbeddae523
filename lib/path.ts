/**
 * Paths in an image: text, or bytes for names that are no text.
 *
 * @module
 */

/** A path in an image, names separated by `/`. Bytes reach every name that ext4 can hold. */
export type Path = string | Uint8Array;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** The bytes of a path or a name. @throws TypeError */
export function bytesOf(path: Path): Uint8Array {
  if (typeof path === "string") return encoder.encode(path);
  if (path instanceof Uint8Array) return path;
  throw new TypeError("a path must be a string or a Uint8Array");
}

/** The text of bytes; what is not UTF-8 becomes U+FFFD. */
export function textOf(bytes: Path): string {
  return typeof bytes === "string" ? bytes : decoder.decode(bytes);
}
