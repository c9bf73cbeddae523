/** Discarding the free space of what is mounted. @module */

import { FITRIM, O_DIRECTORY, O_RDONLY } from "./constants.ts";
import { close, open } from "./file.ts";
import { checked, libc } from "./library.ts";

/**
 * FITRIM (ioctl_fs.h) on the file system that a directory is on.
 * @param startBytes, lengthBytes the range; `minimumBytes` the shortest free run that is discarded.
 * @returns bytes discarded.
 */
export function trimMounted(
  path: string,
  startBytes: number,
  lengthBytes: number,
  minimumBytes: number,
): number {
  const range = BigUint64Array.of(BigInt(startBytes), BigInt(lengthBytes), BigInt(minimumBytes));
  const descriptor = open(path, O_RDONLY | O_DIRECTORY);
  try {
    const bytes = new Uint8Array(range.buffer);
    checked(libc().ioctl(descriptor, BigInt(FITRIM), bytes), "FITRIM", path);
    return Number(range[1] ?? 0n);
  } finally {
    close(descriptor);
  }
}
