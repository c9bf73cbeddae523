/**
 * Changing the size of an image, with its file.
 *
 * @module
 */

import { EINVAL } from "../fs/errno.ts";
import { Unsupported } from "../fs/errors.ts";
import {
  minimize,
  minimumSize as minimumBlocks,
  resize as resizeDevice,
  type Resized,
  type ResizeProgress,
} from "../fs/resize/resize.ts";
import { readSuperblock } from "../fs/volume/volume.ts";
import { editDevice, type EditedDevice, type EditTargetOptions, secondsOf } from "./edit_target.ts";
import type { ImageTarget } from "./target.ts";

/** How far a file may reach behind its file system and still be cut off with it. */
const TAIL_BYTES = 1 << 20;

/** How an image's size is changed. */
export interface ResizeImageOptions extends EditTargetOptions {
  /** Told of the step, and how far it is. */
  readonly progress?: ResizeProgress;
}

/** What came of it. */
export interface ResizeResult extends Resized {
  /** Of the file system. */
  readonly oldBytes: number;
  readonly newBytes: number;
  /** Bytes of the file afterwards (behind `offset`); of a device, its size. */
  readonly fileBytes: number;
}

/**
 * Grows or shrinks the file system in an image. An image file grows first and is cut off last; a block device or an
 * image in memory keeps its size. What is moved is moved through the journal, in steps that each leave a valid file
 * system; a process that ends on the way leaves one that the next opening recovers.
 *
 * @param size bytes, which are rounded down to what a file system can have; "minimum"; or "fill": all that the file or
 *   device has.
 * @throws FsError: EINVAL for a size that cannot be, ENOSPC when not everything fits, EBUSY, EUCLEAN, …
 */
export function resize(
  target: ImageTarget,
  size: number | "minimum" | "fill",
  options: ResizeImageOptions = {},
): ResizeResult {
  return editDevice(target, "resize", options, (device) => {
    const { blockBytes, blocksCount } = readSuperblock(device);
    const fileBytes = device.sizeBytes;
    const engineOptions = {
      now: secondsOf(options),
      ...(options.progress === undefined ? {} : { progress: options.progress }),
    };
    const oldBytes = blocksCount * blockBytes;
    const wanted = size === "fill" ? fileBytes : size;
    const resized = wanted === "minimum"
      ? minimize(device, engineOptions)
      : growFile(device, wanted, blockBytes, () =>
        resizeDevice(device, Math.floor(wanted / blockBytes), engineOptions));
    const newBytes = resized.newBlocks * blockBytes;
    const owned = (options.offset ?? 0) === 0 && options.size === undefined;
    fitFile(device, oldBytes, newBytes, owned && size !== "fill");
    return { ...resized, oldBytes, newBytes, fileBytes: device.sizeBytes };
  });
}

/** Makes the file long enough for the work, and takes that back when it fails. */
function growFile(
  device: EditedDevice,
  wanted: number,
  blockBytes: number,
  work: () => Resized,
): Resized {
  if (!Number.isSafeInteger(wanted) || wanted <= 0) {
    throw new Unsupported(EINVAL, `${wanted} is not a size in bytes`);
  }
  const before = device.sizeBytes;
  const needed = wanted - wanted % blockBytes;
  const grows = needed > before && device.resize !== undefined && device.onBlockDevice !== true;
  if (grows) device.resize?.(needed);
  try {
    return work();
  } catch (error) {
    if (grows && readSuperblock(device).blocksCount * blockBytes <= before) device.resize?.(before);
    throw error;
  }
}

/** Cuts a file off that ended with its file system. */
function fitFile(device: EditedDevice, oldBytes: number, newBytes: number, owned: boolean): void {
  if (!owned || device.resize === undefined || device.onBlockDevice === true) return;
  const surplus = device.sizeBytes - Math.max(oldBytes, newBytes);
  if (surplus > TAIL_BYTES || newBytes >= device.sizeBytes) return;
  device.flush();
  device.resize(newBytes);
}

/** About how small the file system in an image can become, in bytes. Its journal is replayed. @throws FsError */
export function minimumSize(target: ImageTarget, options: EditTargetOptions = {}): number {
  return editDevice(target, "resize", options, (device) => {
    const { blockBytes } = readSuperblock(device);
    return minimumBlocks(device, { now: secondsOf(options) }) * blockBytes;
  });
}
