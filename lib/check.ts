/**
 * Checking images.
 *
 * @module
 */

import { check as checkDevice, type CheckOptions, type CheckReport } from "../fs/check/check.ts";
import { fsErrorOf } from "./fs_error.ts";
import { type Extent, type ImageTarget, nameOf, openFile } from "./target.ts";

/**
 * Checks an image, and writes nothing. A file must not be in use by somebody who writes.
 * @throws FsError when the file cannot be opened or read; what is wrong in it is in the report.
 */
export function check(target: ImageTarget, options: CheckOptions & Extent = {}): CheckReport {
  if (typeof target !== "string") return checkDevice(target, options);
  try {
    const device = openFile(target, true, options);
    try {
      return checkDevice(device, options);
    } finally {
      device.close();
    }
  } catch (error) {
    throw fsErrorOf(error, "check", nameOf(target));
  }
}
