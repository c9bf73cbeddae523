/**
 * What kind of file system an image holds, and how full it is.
 *
 * @module
 */

import { describeVolume, type VolumeDescription } from "../fs/ops/describe.ts";
import type { Core } from "./core.ts";

/** The superblock in words and numbers. Times are null where none is recorded. */
export type ImageDescription = VolumeDescription;

/** Describes the image. */
export function describe(core: Core): ImageDescription {
  return core.run("describe", core.name, () => describeVolume(core.engine));
}
