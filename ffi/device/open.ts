/**
 * Opening and making devices: size, lock, and the errors people meet.
 *
 * @module
 */

import { deviceSizeBytes } from "../libc/block_device.ts";
import {
  LOCK_EX,
  LOCK_NB,
  LOCK_SH,
  O_CREAT,
  O_EXCL,
  O_RDONLY,
  O_RDWR,
  S_IFBLK,
  S_IFDIR,
  S_IFREG,
} from "../libc/constants.ts";
import { ERRNO } from "../libc/errno.ts";
import { SystemError } from "../libc/error.ts";
import { close, flock, open, truncate } from "../libc/file.ts";
import { fileType, status, statusOf } from "../libc/status.ts";
import { FileDevice } from "./file_device.ts";

/** How a device is opened. */
export interface OpenOptions {
  /** Default false. A read-only device shares its lock with other readers. */
  readonly readOnly?: boolean;
  /** Where the device begins in the file: an image within a disk. Default 0. */
  readonly offsetBytes?: number;
  /** The device's size; by default all from `offsetBytes` to the end of the file. */
  readonly sizeBytes?: number;
  /** Default true. False leaves the file unlocked, for looking at one that is in use. */
  readonly lock?: boolean;
}

/** How an image file is made. */
export interface CreateOptions {
  /** Keep what the file holds, within the new size. Default false: the file starts empty. */
  readonly keepContents?: boolean;
  /** Refuse (EEXIST) when the file exists. Default false. */
  readonly mustBeNew?: boolean;
  /** Where the device begins in the file. What lies before it is kept. Default 0. */
  readonly offsetBytes?: number;
  /** Permissions of a new file, before the umask. Default 0666. */
  readonly mode?: number;
}

/**
 * Opens an image file or a block device and locks it: another process that opens the same file this
 * way is refused with EBUSY. A block device that the kernel has mounted is refused too.
 * @throws SystemError
 */
export function openFileDevice(path: string, options: OpenOptions = {}): FileDevice {
  const readOnly = options.readOnly ?? false;
  const lock = options.lock ?? true;
  const isBlock = fileType(statusOf(path, true).mode) === S_IFBLK;
  const claims = isBlock && lock && !readOnly;
  const flags = (readOnly ? O_RDONLY : O_RDWR) | (claims ? O_EXCL : 0);
  const descriptor = openReported(path, flags);
  return closeOnError(descriptor, () => {
    if (lock) lockDevice(descriptor, path, readOnly);
    return deviceOf(descriptor, path, options, claims);
  });
}

/**
 * Makes an image file of `sizeBytes` (a sparse one), or takes a block device of at least that size.
 * The lock is as for `openFileDevice`, and taken before anything is changed.
 * @throws SystemError
 */
export function createFileDevice(
  path: string,
  sizeBytes: number,
  options: CreateOptions = {},
): FileDevice {
  const offsetBytes = options.offsetBytes ?? 0;
  if (isBlockDevice(path)) return openFileDevice(path, { offsetBytes, sizeBytes });
  const flags = O_RDWR | O_CREAT | (options.mustBeNew === true ? O_EXCL : 0);
  const descriptor = openReported(path, flags, options.mode);
  return closeOnError(descriptor, () => {
    lockDevice(descriptor, path, false);
    if (fileType(status(descriptor).mode) === S_IFREG) {
      if (options.keepContents !== true) truncate(descriptor, offsetBytes);
      truncate(descriptor, offsetBytes + sizeBytes);
    }
    return deviceOf(descriptor, path, { offsetBytes, sizeBytes });
  });
}

function isBlockDevice(path: string): boolean {
  try {
    return fileType(statusOf(path, true).mode) === S_IFBLK;
  } catch (error) {
    if (error instanceof SystemError && error.errno === ERRNO.ENOENT) return false;
    throw error;
  }
}

function openReported(path: string, flags: number, mode?: number): number {
  try {
    return open(path, flags, mode);
  } catch (error) {
    if (error instanceof SystemError && error.errno === ERRNO.EBUSY) throw inUse(path);
    throw error;
  }
}

function lockDevice(descriptor: number, path: string, readOnly: boolean): void {
  if (!flock(descriptor, (readOnly ? LOCK_SH : LOCK_EX) | LOCK_NB)) throw inUse(path);
}

function inUse(path: string): SystemError {
  return new SystemError(ERRNO.EBUSY, "open", path, "the file is in use by another process");
}

function deviceOf(
  descriptor: number,
  path: string,
  options: OpenOptions,
  claims = false,
): FileDevice {
  const type = fileType(status(descriptor).mode);
  if (type !== S_IFREG && type !== S_IFBLK) {
    const kind = type === S_IFDIR ? "a directory" : "neither a file nor a block device";
    throw new SystemError(ERRNO.EINVAL, "open", path, `it is ${kind}`);
  }
  const onBlockDevice = type === S_IFBLK;
  const fileBytes = onBlockDevice ? deviceSizeBytes(descriptor) : status(descriptor).size;
  const beginBytes = options.offsetBytes ?? 0;
  const sizeBytes = options.sizeBytes ?? fileBytes - beginBytes;
  if (beginBytes < 0 || sizeBytes < 0 || beginBytes + sizeBytes > fileBytes) {
    throw new SystemError(
      ERRNO.EINVAL,
      "open",
      path,
      `it has ${fileBytes} bytes; an image of ${Math.max(0, sizeBytes)} bytes at ${beginBytes} ` +
        "does not fit in it",
    );
  }
  return new FileDevice({
    descriptor,
    path,
    beginBytes,
    sizeBytes,
    readOnly: options.readOnly ?? false,
    onBlockDevice,
    claims,
  });
}

function closeOnError(descriptor: number, make: () => FileDevice): FileDevice {
  try {
    return make();
  } catch (error) {
    close(descriptor);
    throw error;
  }
}
