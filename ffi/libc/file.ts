/**
 * Files by descriptor: open, read, write, size, lock. Calls that the system refuses throw a
 * `SystemError`, which names `path` where the caller gave one; a call interrupted by a signal is made
 * again.
 *
 * @module
 */

import {
  AT_FDCWD,
  F_GETFL,
  F_SETFL,
  O_CLOEXEC,
  O_NONBLOCK,
  POSIX_FADV_DONTNEED,
  RWF_NOWAIT,
  SEEK_DATA,
  SEEK_HOLE,
  SYNC_FILE_RANGE_ALL,
} from "./constants.ts";
import { ERRNO } from "./errno.ts";
import { SystemError } from "./error.ts";
import type { IoVector } from "./io_vector.ts";
import { checked, errno, libc } from "./library.ts";
import { addressOf } from "./memory.ts";
import { cString, type Path, pathText } from "./path.ts";

/** Opens `path`; the descriptor is closed on exec. `mode`: permissions of a new file. */
export function open(path: Path, flags: number, mode = 0o666): number {
  return openAt(AT_FDCWD, path, flags, mode);
}

/** As `open`, relative to an open directory. */
export function openAt(directory: number, path: Path, flags: number, mode = 0o666): number {
  const name = cString(path);
  for (;;) {
    const descriptor = libc().openat(directory, name, flags | O_CLOEXEC, mode);
    if (descriptor >= 0) return descriptor;
    const number = errno();
    if (number !== ERRNO.EINTR) throw new SystemError(number, "open", pathText(path));
  }
}

/** Closes a descriptor. Errors that close(2) reports are dropped: the descriptor is gone either way. */
export function close(descriptor: number): void {
  libc().close(descriptor);
}

/** pread(2): bytes read; 0 is the end of the file. */
export function pread(
  descriptor: number,
  target: Uint8Array,
  offsetBytes: number,
  path?: string,
): number {
  const library = libc();
  for (;;) {
    const result = library.pread(
      descriptor,
      target as Uint8Array<ArrayBuffer>,
      BigInt(target.length),
      BigInt(offsetBytes),
    );
    if (result >= 0) return result;
    const number = errno();
    if (number !== ERRNO.EINTR) throw new SystemError(number, "pread", path);
  }
}

/**
 * Reads only what is in the page cache (preadv2 with RWF_NOWAIT).
 * @returns bytes read, fewer than asked where the rest is not in memory; -1 when none are.
 * @throws SystemError EOPNOTSUPP when the file cannot be read so.
 */
export function preadNoWait(
  descriptor: number,
  vector: IoVector,
  offsetBytes: number,
  path?: string,
): number {
  const result = libc().preadv2(
    descriptor,
    vector.address,
    vector.count,
    BigInt(offsetBytes),
    RWF_NOWAIT,
  );
  if (result >= 0) return result;
  const number = errno();
  if (number === ERRNO.EAGAIN || number === ERRNO.EINTR) return -1;
  throw new SystemError(number, "preadv2", path);
}

/** preadv(2): bytes read. */
export function preadVector(
  descriptor: number,
  vector: IoVector,
  offsetBytes: number,
  path?: string,
): number {
  const library = libc();
  for (;;) {
    const result = library.preadv(descriptor, vector.address, vector.count, BigInt(offsetBytes));
    if (result >= 0) return result;
    const number = errno();
    if (number !== ERRNO.EINTR) throw new SystemError(number, "preadv", path);
  }
}

/** pwrite(2): bytes written; 0 only for an empty source. */
export function pwrite(
  descriptor: number,
  source: Uint8Array,
  offsetBytes: number,
  path?: string,
): number {
  const library = libc();
  for (;;) {
    const result = library.pwrite(
      descriptor,
      source as Uint8Array<ArrayBuffer>,
      BigInt(source.length),
      BigInt(offsetBytes),
    );
    if (result >= 0) return result;
    const number = errno();
    if (number !== ERRNO.EINTR) throw new SystemError(number, "pwrite", path);
  }
}

/** pwritev(2): bytes written; 0 only for empty sources. */
export function pwriteVector(
  descriptor: number,
  vector: IoVector,
  offsetBytes: number,
  path?: string,
): number {
  const library = libc();
  for (;;) {
    const result = library.pwritev(descriptor, vector.address, vector.count, BigInt(offsetBytes));
    if (result >= 0) return result;
    const number = errno();
    if (number !== ERRNO.EINTR) throw new SystemError(number, "pwritev", path);
  }
}

/** fdatasync(2): returns when the data, and the metadata needed to read them, are durable. */
export function fdatasync(descriptor: number, path?: string): void {
  checked(libc().fdatasync(descriptor), "fdatasync", path);
}

/**
 * Hands what was written in the range to the storage, waiting for that (sync_file_range), and drops the
 * pages that hold it (posix_fadvise). Says nothing of durability.
 */
export function settleRange(
  descriptor: number,
  offsetBytes: number,
  lengthBytes: number,
  path?: string,
): void {
  const offset = BigInt(offsetBytes);
  const length = BigInt(lengthBytes);
  const written = libc().sync_file_range(descriptor, offset, length, SYNC_FILE_RANGE_ALL);
  checked(written, "sync_file_range", path);
  // A hint only: what it answers does not matter.
  libc().posix_fadvise(descriptor, offset, length, POSIX_FADV_DONTNEED);
}

/** fsync(2). */
export function fsync(descriptor: number, path?: string): void {
  checked(libc().fsync(descriptor), "fsync", path);
}

/** ftruncate(2). */
export function truncate(descriptor: number, sizeBytes: number, path?: string): void {
  checked(libc().ftruncate(descriptor, BigInt(sizeBytes)), "ftruncate", path);
}

/**
 * fallocate(2). `mode`: FALLOC_FL_*.
 * @returns false when the file cannot do it (EOPNOTSUPP, ENOSYS, or EINVAL of a file system or device
 * that does not know the mode).
 */
export function fallocate(
  descriptor: number,
  mode: number,
  offsetBytes: number,
  lengthBytes: number,
  path?: string,
): boolean {
  for (;;) {
    const result = libc().fallocate(descriptor, mode, BigInt(offsetBytes), BigInt(lengthBytes));
    if (result === 0) return true;
    const number = errno();
    if (number === ERRNO.EINTR) continue;
    const cannot = number === ERRNO.EOPNOTSUPP || number === ERRNO.ENOSYS ||
      number === ERRNO.EINVAL || number === ERRNO.ENODEV;
    if (cannot) return false;
    throw new SystemError(number, "fallocate", path);
  }
}

/** Locks the open file (flock). `operation`: LOCK_*. Returns false when another holds the lock. */
export function flock(descriptor: number, operation: number): boolean {
  for (;;) {
    if (libc().flock(descriptor, operation) === 0) return true;
    const number = errno();
    if (number === ERRNO.EAGAIN) return false;
    if (number !== ERRNO.EINTR) throw new SystemError(number, "flock");
  }
}

/**
 * Makes `target` another number for the open file of `source`; what `target` was is closed (dup3).
 * @param flags O_CLOEXEC, or 0 for a descriptor that programs started later inherit.
 */
export function replaceDescriptor(source: number, target: number, flags = O_CLOEXEC): void {
  checked(libc().dup3(source, target, flags), "dup3");
}

/** Reads what a pipe has, waiting for it: bytes put into `target`; 0 when its writers are gone. */
export function readSome(descriptor: number, target: Uint8Array): number {
  for (;;) {
    const result = libc().read(descriptor, BigInt(addressOf(target)), BigInt(target.length));
    if (result >= 0) return result;
    const number = errno();
    if (number !== ERRNO.EINTR) throw new SystemError(number, "read");
  }
}

/** Makes reads and writes on the descriptor answer EAGAIN in place of waiting. */
export function setNonBlocking(descriptor: number): void {
  const flags = checked(libc().fcntl(descriptor, F_GETFL, 0), "fcntl");
  checked(libc().fcntl(descriptor, F_SETFL, flags | O_NONBLOCK), "fcntl");
}

/** The offset of the next data at or after `offsetBytes`; -1 when there are none. */
export function seekData(descriptor: number, offsetBytes: number): number {
  return seek(descriptor, offsetBytes, SEEK_DATA);
}

/** The offset of the next hole at or after `offsetBytes` (the end of the file is one); -1 past the end. */
export function seekHole(descriptor: number, offsetBytes: number): number {
  return seek(descriptor, offsetBytes, SEEK_HOLE);
}

function seek(descriptor: number, offsetBytes: number, whence: number): number {
  const result = libc().lseek(descriptor, BigInt(offsetBytes), whence);
  if (result >= 0n) return Number(result);
  const number = errno();
  if (number === ERRNO.ENXIO) return -1;
  throw new SystemError(number, "lseek");
}
