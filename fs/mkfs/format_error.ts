/**
 * The error that formatting throws for options that cannot be.
 *
 * @module
 */

import { EINVAL } from "../errno.ts";
import { FsError } from "../errors.ts";

/** An option, or a combination of options, that no file system can be made from. Nothing was written. */
export class FormatError extends FsError {
  override readonly name = "FormatError";
  /** @param option the option at fault, as `FormatOptions` names it. */
  constructor(readonly option: string, message: string) {
    super(EINVAL, message);
  }
}
