/**
 * What block devices tell of themselves, and external journals on them (-J device=).
 *
 * @module
 */

import { sectorBytes } from "../../ffi/libc/block_device.ts";
import { statusOf } from "../../ffi/libc/status.ts";
import { openFileDevice } from "../../ffi/device/open.ts";
import { SUPERBLOCK_OFFSET } from "../../fs/layout/superblock.ts";
import type { FormatOptions } from "../../fs/mkfs/options.ts";
import { CommandError } from "../shared/command_error.ts";
import { usedBy } from "../shared/in_use.ts";

/** Sector size, and what the device likes to read and write at once. */
export function blockDeviceOptions(path: string): Partial<FormatOptions> {
  const device = openFileDevice(path, { readOnly: true, lock: false });
  try {
    const status = statusOf(path, true);
    const queue = `/sys/dev/block/${status.rdevMajor}:${status.rdevMinor}`;
    return {
      sectorBytes: sectorBytes(device.descriptor),
      minimumIoBytes: queueLimit(queue, "minimum_io_size"),
      optimalIoBytes: queueLimit(queue, "optimal_io_size"),
    };
  } finally {
    device.close();
  }
}

/** A limit of the device's queue, or of its disk's when it is a partition; 0 when it is not known. */
function queueLimit(device: string, name: string): number {
  for (const folder of [`${device}/queue`, `${device}/../queue`]) {
    try {
      return Number(Deno.readTextFileSync(`${folder}/${name}`)) || 0;
    } catch {
      // Not there: a partition has no queue of its own.
    }
  }
  return 0;
}

/**
 * Opens the journal device (a path, `LABEL=…` or `UUID=…`), and takes its block size unless one is given.
 * @throws CommandError
 */
export function journalDeviceOptions(name: string, options: FormatOptions): Partial<FormatOptions> {
  const path = devicePath(name);
  const info = Deno.statSync(path);
  if (info.isBlockDevice !== true) throw new CommandError(`-J device: ${path} is no block device`);
  const user = usedBy(path);
  if (user !== undefined) throw new CommandError(user);
  const device = openFileDevice(path);
  const field = new Uint8Array(4);
  device.read(field, SUPERBLOCK_OFFSET + 0x18);
  const blockBytes = 1024 << ((field[0] ?? 0) & 7);
  return {
    journal: { external: { device, deviceNumber: storedNumber(info.rdev ?? 0) } },
    blockBytes: options.blockBytes ?? Math.max(blockBytes, options.minimumBlockBytes ?? 0),
  };
}

function devicePath(name: string): string {
  const tag = /^(LABEL|UUID)=(.*)$/.exec(name);
  if (tag === null) return name;
  const link = `/dev/disk/by-${(tag[1] ?? "").toLowerCase()}/${tag[2]}`;
  try {
    return Deno.realPathSync(link);
  } catch {
    throw new CommandError(`-J device: no device with ${name} was found`);
  }
}

/** A device number in the 32 bits that the superblock has for it: minor's low byte, major, the rest of minor. */
function storedNumber(rdev: number): number {
  const low = rdev >>> 0;
  const major = (low >>> 8) & 0xfff;
  const minor = (low & 0xff) | ((low >>> 12) & 0xfff00);
  return ((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0;
}
