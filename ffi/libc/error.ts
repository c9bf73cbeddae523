/**
 * The error that every call in this package throws when the system refuses it.
 *
 * @module
 */

import { errnoName, errnoText } from "./errno.ts";

/** A system call failed. */
export class SystemError extends Error {
  override readonly name = "SystemError";
  /** The error's name, for example `ENOENT`. */
  readonly code: string;

  /**
   * @param errno the error number, positive.
   * @param call the system call, for example `openat`.
   * @param path what it was called on, when there is something to name.
   * @param explanation said in place of the call and the number's usual text.
   */
  constructor(
    readonly errno: number,
    readonly call: string,
    readonly path?: string,
    explanation?: string,
  ) {
    const what = explanation ?? `${call}: ${errnoText(errno)}`;
    super(`${path === undefined ? "" : `${path}: `}${what} (${errnoName(errno)})`);
    this.code = errnoName(errno);
  }
}
