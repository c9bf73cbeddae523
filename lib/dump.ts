/**
 * Looking at what an image's superblock, groups and journal say.
 *
 * @module
 */

import { openFileDevice } from "../ffi/device/open.ts";
import type { BlockDevice } from "../fs/device/device.ts";
import {
  badBlocks as badBlocksOf,
  dump as dumpDevice,
  type DumpOptions,
  type FileSystemDump,
  type Range,
} from "../fs/dump/dump.ts";
import { fsErrorOf } from "./fs_error.ts";
import { type Extent, type ImageTarget, nameOf } from "./target.ts";

export type { DumpField, DumpOptions, FileSystemDump, GroupDump } from "../fs/dump/dump.ts";

/**
 * Everything that the superblock, the group descriptors, the bitmaps and the journal's superblock say, as it lies on
 * the disk: no journal is replayed, no lock is taken, nothing is written.
 * @throws FsError: EUCLEAN without a good superblock there, ENOENT, …
 */
export function dump(target: ImageTarget, options: DumpOptions & Extent = {}): FileSystemDump {
  return look(target, options, (device) => dumpDevice(device, options));
}

/** Ranges (first and last block) of the list of bad blocks. @throws FsError */
export function badBlocks(
  target: ImageTarget,
  options: DumpOptions & Extent = {},
): readonly Range[] {
  return look(target, options, (device) => badBlocksOf(device, options));
}

function look<Result>(
  target: ImageTarget,
  { offset, size }: Extent,
  work: (device: BlockDevice) => Result,
): Result {
  try {
    if (typeof target !== "string") return work(target);
    const device = openFileDevice(target, {
      readOnly: true,
      lock: false,
      ...(offset === undefined ? {} : { offsetBytes: offset }),
      ...(size === undefined ? {} : { sizeBytes: size }),
    });
    try {
      return work(device);
    } finally {
      device.close();
    }
  } catch (error) {
    throw fsErrorOf(error, "dump", nameOf(target));
  }
}
