/** Errors of making an image that the user has to mend. @module */

import { EINVAL } from "../fs/errno.ts";
import { FsError } from "../fs/errors.ts";

/** Something is wrong with what an image is to be made from. One line. */
export class BuildError extends FsError {
  override readonly name = "BuildError";
  constructor(message: string) {
    super(EINVAL, message);
  }
}
