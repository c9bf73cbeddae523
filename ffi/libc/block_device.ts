/**
 * Block devices: size, sector, discard and zeroing (linux/fs.h).
 *
 * @module
 */

import { BLKDISCARD, BLKGETSIZE64, BLKSSZGET, BLKZEROOUT } from "./constants.ts";
import { ERRNO } from "./errno.ts";
import { SystemError } from "./error.ts";
import { checked, errno, libc } from "./library.ts";

/** The size of a block device in bytes. */
export function deviceSizeBytes(descriptor: number): number {
  const size = new BigUint64Array(1);
  checked(libc().ioctl(descriptor, BigInt(BLKGETSIZE64), size), "ioctl BLKGETSIZE64");
  return Number(size[0] ?? 0n);
}

/** The logical sector of a block device in bytes. */
export function sectorBytes(descriptor: number): number {
  const size = new Int32Array(1);
  checked(libc().ioctl(descriptor, BigInt(BLKSSZGET), size), "ioctl BLKSSZGET");
  return size[0] ?? 0;
}

/** Discards a range of sectors. Returns false when the device cannot. */
export function discardSectors(
  descriptor: number,
  offsetBytes: number,
  lengthBytes: number,
  path?: string,
): boolean {
  return rangeCall(descriptor, BLKDISCARD, "ioctl BLKDISCARD", offsetBytes, lengthBytes, path);
}

/** Zeroes a range of sectors. Returns false when the device cannot. */
export function zeroSectors(
  descriptor: number,
  offsetBytes: number,
  lengthBytes: number,
  path?: string,
): boolean {
  return rangeCall(descriptor, BLKZEROOUT, "ioctl BLKZEROOUT", offsetBytes, lengthBytes, path);
}

function rangeCall(
  descriptor: number,
  command: number,
  call: string,
  offsetBytes: number,
  lengthBytes: number,
  path: string | undefined,
): boolean {
  const range = new BigUint64Array([BigInt(offsetBytes), BigInt(lengthBytes)]);
  if (libc().ioctl(descriptor, BigInt(command), range) === 0) return true;
  const number = errno();
  // EBUSY: somebody else, such as a mount, claims the device.
  const cannot = number === ERRNO.EOPNOTSUPP || number === ERRNO.ENOTTY ||
    number === ERRNO.EINVAL || number === ERRNO.EBUSY;
  if (cannot) return false;
  throw new SystemError(number, call, path);
}
