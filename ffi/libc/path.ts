/**
 * Paths as the C library takes them. A Linux name is bytes: every call takes a string (UTF-8) or the
 * bytes themselves.
 *
 * @module
 */

import { ERRNO } from "./errno.ts";
import { SystemError } from "./error.ts";

/** A path: text, or bytes without the ending NUL. */
export type Path = string | Uint8Array;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The bytes of a path with the ending NUL. Throws EINVAL when it holds a NUL. */
export function cString(path: Path): Uint8Array<ArrayBuffer> {
  const bytes = typeof path === "string" ? encoder.encode(path) : path;
  if (bytes.includes(0)) throw new SystemError(ERRNO.EINVAL, "path", pathText(path));
  const ended = new Uint8Array(bytes.length + 1);
  ended.set(bytes);
  return ended;
}

/** The path for a message; bytes that are not UTF-8 show as replacement characters. */
export function pathText(path: Path): string {
  return typeof path === "string" ? path : decoder.decode(path);
}
