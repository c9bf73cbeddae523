/**
 * Changing what the file system in an image is like: label, UUID, features, …
 *
 * @module
 */

import type { StoredHow } from "../fs/edit/store_edit.ts";
import {
  tune as tuneDevice,
  type TuneOptions as TuneChanges,
  type TuneProgress,
} from "../fs/tune/tune.ts";
import { editDevice, type EditTargetOptions, secondsOf } from "./edit_target.ts";
import type { ImageTarget } from "./target.ts";

export type { TuneChanges };

/** How changes are made. */
export interface TuneImageOptions extends EditTargetOptions {
  /** Told of the step, and how far it is. */
  readonly progress?: TuneProgress;
}

/**
 * Changes the file system in an image as tune2fs does: everything that was asked for or, when something of it cannot
 * be, nothing. The image must not be in use; its journal is replayed first.
 * @returns how it was stored: "nothing" had to be; in the "superblock" alone; through the "journal"; or "in place",
 *   which a crash may interrupt: then the file system is marked for e2fsck.
 * @throws FsError: EINVAL for what cannot be, EUCLEAN for an image with errors, EBUSY, …
 */
export function tune(
  target: ImageTarget,
  changes: TuneChanges,
  options: TuneImageOptions = {},
): StoredHow {
  return editDevice(target, "tune", options, (device) => {
    return tuneDevice(device, changes, {
      now: secondsOf(options),
      ...(options.progress === undefined ? {} : { progress: options.progress }),
    });
  });
}
