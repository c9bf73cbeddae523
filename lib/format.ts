/**
 * Making file systems.
 *
 * @module
 */

import { EINVAL } from "../fs/errno.ts";
import type { FileDevice } from "../ffi/device/file_device.ts";
import type { BlockDevice } from "../fs/device/device.ts";
import { format as formatDevice, planFormat } from "../fs/mkfs/format.ts";
import type { FormatOptions as MakeOptions, Storage } from "../fs/mkfs/options.ts";
import { FsError, fsErrorOf } from "./fs_error.ts";
import { MemoryImage } from "./memory_image.ts";
import { claim, createFile, type ImageTarget, nameOf, openFile, release } from "./target.ts";

/** What a file system is made from: everything that `mkfs` can choose, and where it goes. */
export interface FormatOptions extends Omit<MakeOptions, "sizeBytes" | "storage"> {
  /**
   * Bytes of the image. A file is made, or emptied, and gets this size. Default: the size that the file, block device
   * or device in memory has.
   */
  readonly size?: number;
  /** Bytes before the image in a file; they are kept. Default 0. */
  readonly offset?: number;
}

/**
 * Makes an ext4 file system (ext2 or ext3 with `type`). What was there before is lost. Options that cannot be are
 * refused before anything is touched.
 * @param target path of an image file or block device, or a device such as a `MemoryImage`.
 * @throws FsError: EINVAL with a `FormatError` as its cause for bad options, EBUSY for an image in use, ENOSPC, …
 */
export function format(target: ImageTarget, options: FormatOptions = {}): void {
  try {
    if (typeof target === "string") formatFile(target, options);
    else formatMemory(target, options);
  } catch (error) {
    throw fsErrorOf(error, "format", nameOf(target));
  }
}

/**
 * A new image in memory with a file system in it.
 * @param size in bytes; only what is written takes memory.
 * @throws FsError
 */
export function createMemoryImage(
  size: number,
  options: Omit<FormatOptions, "size" | "offset"> = {},
): MemoryImage {
  checkSize("(memory)", size);
  const image = new MemoryImage(size);
  format(image, options);
  return image;
}

function formatFile(path: string, options: FormatOptions): void {
  const { size, offset, ...others } = options;
  if (size !== undefined) {
    checkSize(path, size);
    planFormat(size, others);
  }
  const device = size === undefined
    ? openFile(path, false, offset === undefined ? {} : { offset })
    : createFile(path, size, offset);
  try {
    const storage = device.onBlockDevice ? "device" : size === undefined ? "sparse" : "zeros";
    planFormat(device.sizeBytes, others);
    write(device, others, storage);
  } finally {
    device.close();
  }
}

function formatMemory(device: BlockDevice, options: FormatOptions): void {
  const { size, offset, ...others } = options;
  if (offset !== undefined && offset !== 0) {
    throw new FsError(EINVAL, "format", nameOf(device), { text: "an offset is for files only" });
  }
  if (size !== undefined) checkSize(nameOf(device), size);
  claim(device, "format");
  try {
    const untouched = device instanceof MemoryImage && device.usedBytes === 0;
    const made = size === undefined ? others : { ...others, sizeBytes: size };
    write(device, made, untouched ? "zeros" : "sparse");
  } finally {
    release(device);
  }
}

function write(device: BlockDevice | FileDevice, options: MakeOptions, storage: Storage): void {
  formatDevice(device, { ...options, storage });
  device.flush();
}

function checkSize(name: string, size: number): void {
  if (Number.isSafeInteger(size) && size > 0) return;
  throw new FsError(EINVAL, "format", name, { text: `${size} is not a size in bytes` });
}
