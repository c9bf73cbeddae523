/**
 * The typed errors that the engine throws. Expected answers (a name that is not there) are returned
 * as negated errnos instead; see `errno.ts`.
 *
 * @module
 */

import { EFBIG, EIO, EUCLEAN } from "./errno.ts";

/** Base of all errors thrown by the engine; `errno` is the positive Linux errno that a caller should see. */
export class FsError extends Error {
  override readonly name: string = "FsError";
  constructor(readonly errno: number, message: string, options?: ErrorOptions) {
    super(message, options);
  }
}

/** The image contradicts the format: which structure, where, which field, and what was found. */
export class Corrupt extends FsError {
  override readonly name = "Corrupt";
  /**
   * @param structure the structure's standard name, e.g. "group descriptor", "extent node".
   * @param place where: e.g. "group 5", "inode 12 block 0x3f".
   * @param field which field, or what about it, e.g. "checksum", "eh_entries 900 exceeds 340".
   */
  constructor(readonly structure: string, readonly place: string, readonly field: string) {
    super(EUCLEAN, `${structure} (${place}): ${field}`);
  }
}

/** Reading or writing the device failed. */
export class DeviceError extends FsError {
  override readonly name = "DeviceError";
  constructor(
    readonly operation: string,
    readonly offsetBytes: number,
    readonly lengthBytes: number,
    detail: string,
    errno: number = EIO,
  ) {
    super(errno, `device ${operation} of ${lengthBytes} bytes at offset ${offsetBytes}: ${detail}`);
  }
}

/** The image cannot be opened this way: a feature that is not known, a journal that must be replayed first, … */
export class Unsupported extends FsError {
  override readonly name = "Unsupported";
}

/** A file would grow past what its block map or the format can hold. */
export class FileTooBig extends FsError {
  override readonly name = "FileTooBig";
  constructor(message: string) {
    super(EFBIG, message);
  }
}
