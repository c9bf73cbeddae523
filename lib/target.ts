/**
 * What an image lies in: a file or block device of the host, or memory; and that nobody else uses it.
 *
 * @module
 */

import { createFileDevice, openFileDevice } from "../ffi/device/open.ts";
import { ERRNO } from "../ffi/libc/errno.ts";
import type { FileDevice } from "../ffi/device/file_device.ts";
import type { BlockDevice } from "../fs/device/device.ts";
import { FsError } from "./fs_error.ts";

/** Path of an image file or block device, or a device such as a `MemoryImage`. */
export type ImageTarget = string | BlockDevice;

/** Where in a file the image lies. */
export interface Extent {
  /** Bytes before the image. Default 0. */
  readonly offset?: number;
  /** Bytes of the image. Default: to the end of the file. */
  readonly size?: number;
}

/** Devices in memory on which an image is open; files are locked by the system. */
const inUse = new WeakSet<BlockDevice>();

/** How errors name the target. */
export function nameOf(target: ImageTarget): string {
  return typeof target === "string" ? target : "(memory)";
}

/** The file as a device, locked. @throws SystemError */
export function openFile(path: string, readOnly: boolean, { offset, size }: Extent): FileDevice {
  return openFileDevice(path, {
    readOnly,
    ...(offset === undefined ? {} : { offsetBytes: offset }),
    ...(size === undefined ? {} : { sizeBytes: size }),
  });
}

/** A file of this size, made or emptied, locked. @throws SystemError */
export function createFile(path: string, size: number, offset = 0): FileDevice {
  return createFileDevice(path, size, { offsetBytes: offset });
}

/** Takes a device for one user; `release` gives it back. @throws FsError EBUSY */
export function claim(device: BlockDevice, operation: string): void {
  if (inUse.has(device)) {
    throw new FsError(ERRNO.EBUSY, operation, nameOf(device), {
      text: "the image is open already",
    });
  }
  inUse.add(device);
}

export function release(device: BlockDevice): void {
  inUse.delete(device);
}
