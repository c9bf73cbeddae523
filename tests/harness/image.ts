/**
 * Making images to test on.
 *
 * @module
 */

import { must, mustCommand } from "./commands.ts";
import { underTest } from "./mount.ts";

/** What an image should be like. */
export interface ImageSpec {
  /** As mkfs takes it, e.g. "64M". */
  readonly size: string;
  /** Further options of mkfs, e.g. ["-O", "^has_journal"]. */
  readonly options?: readonly string[];
}

/** Makes an image with our mkfs (with mke2fs when another implementation stands in for kfs). */
export function makeImage(path: string, spec: ImageSpec): void {
  const args = ["-q", "-F", ...(spec.options ?? []), path, spec.size];
  if (underTest() === "kfs") mustCommand("mkfs", args);
  else must("mke2fs", ["-t", "ext4", ...args]);
}

/** Makes an image with mke2fs. */
export function makeImageByMke2fs(path: string, spec: ImageSpec): void {
  must("mke2fs", ["-q", "-F", ...(spec.options ?? []), path, spec.size]);
}
