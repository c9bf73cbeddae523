/**
 * The error that every function of the library throws.
 *
 * @module
 */

import { errnoName, errnoText } from "../ffi/libc/errno.ts";
import { SystemError } from "../ffi/libc/error.ts";
import { EIO } from "../fs/errno.ts";
import { FsError as EngineError } from "../fs/errors.ts";

/** What else there is to say of a failure. */
export interface FsErrorDetails {
  /** The second path of an operation that takes two. */
  readonly newPath?: string;
  /** Said in place of the error number's usual text. */
  readonly text?: string;
  /** What was thrown below: a `Corrupt`, a `SystemError`, a `FormatError`, … */
  readonly cause?: unknown;
}

/** An operation failed. The message is one line: operation, path, reason, code. */
export class FsError extends Error {
  override readonly name = "FsError";
  /** Name of the error number, for example `ENOENT`. */
  readonly code: string;
  /** The second path of an operation that takes two. */
  readonly newPath: string | undefined;

  /**
   * @param errno the Linux error number, positive.
   * @param operation the method, for example `mkdir`.
   * @param path what it was called on: a path in the image, or the image itself.
   */
  constructor(
    readonly errno: number,
    readonly operation: string,
    readonly path: string,
    details: FsErrorDetails = {},
  ) {
    const { newPath, text, cause } = details;
    const code = errnoName(errno);
    const subject = newPath === undefined ? quoted(path) : `${quoted(path)} to ${quoted(newPath)}`;
    super(
      `${operation} ${subject}: ${text ?? errnoText(errno)} (${code})`,
      cause === undefined ? {} : { cause },
    );
    this.code = code;
    this.newPath = newPath;
  }
}

/** Whatever was thrown below, as the error of `operation`. */
export function fsErrorOf(
  error: unknown,
  operation: string,
  path: string,
  newPath?: string,
): FsError {
  if (error instanceof FsError) return error;
  return new FsError(errnoOf(error), operation, path, {
    text: textOf(error, path),
    cause: error,
    ...(newPath === undefined ? {} : { newPath }),
  });
}

function errnoOf(error: unknown): number {
  return error instanceof SystemError || error instanceof EngineError ? error.errno : EIO;
}

function textOf(error: unknown, path: string): string {
  let text = error instanceof Error ? error.message : String(error);
  if (error instanceof SystemError) {
    // Its message carries the code, and the path that is named already.
    const code = ` (${error.code})`;
    const prefix = `${path}: `;
    if (text.endsWith(code)) text = text.slice(0, -code.length);
    if (text.startsWith(prefix)) text = text.slice(prefix.length);
  }
  return text.replaceAll(/\s*\n\s*/g, "; ");
}

/** In double quotes, on one line whatever the path holds. */
function quoted(path: string): string {
  return JSON.stringify(path);
}
