/**
 * mkfs -d: filling the new file system from a directory of the host.
 *
 * @module
 */

import { statusOf } from "../../ffi/libc/status.ts";
import type { BlockDevice } from "../../fs/device/device.ts";
import { EngineSink } from "../../fs/mkfs/engine_sink.ts";
import type { FormatResult } from "../../fs/mkfs/format.ts";
import { populate, type PopulateOptions, type PopulateResult } from "../../fs/mkfs/populate.ts";
import { treeSource } from "../shared/tree_source.ts";

/** Copies `directory` into the file system just made in the image at `imagePath`. */
export function copyTree(
  device: BlockDevice,
  imagePath: string,
  directory: string,
  made: FormatResult,
  options: PopulateOptions,
): PopulateResult {
  const sink = new EngineSink(device, made.superblock.writeTime);
  const result = populate(treeSource(directory, statusOf(imagePath, true)), sink, options);
  sink.finish();
  made.superblock.bytes.set(sink.superblock.bytes);
  return result;
}
