/**
 * Opening an image to change the file system as a whole, past the engine.
 *
 * @module
 */

import type { BlockDevice } from "../fs/device/device.ts";
import { Compat, Incompat, RoCompat } from "../fs/layout/features.ts";
import { STATE_ERROR, STATE_VALID, type Superblock } from "../fs/layout/superblock.ts";
import { readSuperblock } from "../fs/volume/volume.ts";
import { fsErrorOf } from "./fs_error.ts";
import { open } from "./open.ts";
import { claim, type Extent, type ImageTarget, nameOf, openFile, release } from "./target.ts";

/** What is common to changes of the whole file system. */
export interface EditTargetOptions extends Extent {
  /** Told of what recovery finds, one line each. */
  readonly report?: (message: string) => void;
  /** Seconds since 1970, for the superblock's times. Default: the system's clock. */
  readonly clock?: () => number;
}

/** The device of an image, whose size can be changed if it is a file. */
export interface EditedDevice extends BlockDevice {
  resize?(sizeBytes: number): void;
  readonly onBlockDevice?: boolean;
}

/** Whether an earlier user left something that opening the image clears away. */
function needsRecovery(superblock: Superblock): boolean {
  const unclean = (superblock.state & STATE_VALID) === 0 && (superblock.state & STATE_ERROR) === 0;
  const journaled = superblock.hasCompat(Compat.HAS_JOURNAL);
  return superblock.hasIncompat(Incompat.RECOVER) || superblock.lastOrphan !== 0 ||
    superblock.hasRoCompat(RoCompat.ORPHAN_PRESENT) || (unclean && journaled);
}

/**
 * Runs `work` on the image's device, locked, with an empty journal.
 * @throws FsError
 */
export function editDevice<Result>(
  target: ImageTarget,
  operation: string,
  options: EditTargetOptions,
  work: (device: EditedDevice) => Result,
): Result {
  const name = nameOf(target);
  try {
    recover(target, options);
    if (typeof target !== "string") return editMemory(target, operation, work);
    const device = openFile(target, false, options);
    try {
      return work(device);
    } finally {
      device.close();
    }
  } catch (error) {
    throw fsErrorOf(error, operation, name);
  }
}

function editMemory<Result>(
  device: BlockDevice,
  operation: string,
  work: (device: EditedDevice) => Result,
): Result {
  claim(device, operation);
  try {
    return work(device);
  } finally {
    release(device);
  }
}

function recover(target: ImageTarget, options: EditTargetOptions): void {
  const { report, offset, size } = options;
  if (typeof target !== "string") {
    if (needsRecovery(readSuperblock(target))) open(target, report ? { report } : {}).close();
    return;
  }
  const device = openFile(target, true, options);
  let needed: boolean;
  try {
    needed = needsRecovery(readSuperblock(device));
  } finally {
    device.close();
  }
  if (!needed) return;
  open(target, {
    ...(report === undefined ? {} : { report }),
    ...(offset === undefined ? {} : { offset }),
    ...(size === undefined ? {} : { size }),
  }).close();
}

/** The clock that an editor asks. */
export function secondsOf(options: EditTargetOptions): () => number {
  return options.clock ?? (() => Math.floor(Date.now() / 1000));
}
