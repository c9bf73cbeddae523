/**
 * The system calls of a replay, by names in directories that were opened below the place of the replay.
 * Each answers 0 or more, or a negated errno; none follows a symbolic link in the last place.
 *
 * @module
 */

import { AT_SYMLINK_NOFOLLOW, O_NOFOLLOW, O_PATH } from "../../ffi/libc/constants.ts";
import { SystemError } from "../../ffi/libc/error.ts";
import { close } from "../../ffi/libc/file.ts";
import { openInside } from "../../ffi/libc/open_inside.ts";
import { errno, libc } from "../../ffi/libc/library.ts";
import { cString } from "../../ffi/libc/path.ts";

const AT_REMOVEDIR = 0x200;
const STATX_BASIC_STATS = 0x7ff;
const UTIME_OMIT = 0x3ffffffen;
const record = new Uint8Array(256);

function answer(result: number): number {
  return result < 0 ? -errno() : result;
}

export function lstat(directory: number, name: string): number {
  const flags = AT_SYMLINK_NOFOLLOW;
  return answer(libc().statx(directory, cString(name), flags, STATX_BASIC_STATS, record));
}

export function makeNode(directory: number, name: string, mode: number): number {
  return answer(libc().mknodat(directory, cString(name), mode, 0n));
}

export function makeDirectory(directory: number, name: string, mode: number): number {
  return answer(libc().mkdirat(directory, cString(name), mode));
}

export function makeLink(directory: number, name: string, target: string): number {
  return answer(libc().symlinkat(cString(target), directory, cString(name)));
}

export function link(from: number, name: string, to: number, newName: string): number {
  return answer(libc().linkat(from, cString(name), to, cString(newName), 0));
}

export function unlink(directory: number, name: string, isDirectory: boolean): number {
  return answer(libc().unlinkat(directory, cString(name), isDirectory ? AT_REMOVEDIR : 0));
}

export function rename(
  from: number,
  name: string,
  to: number,
  newName: string,
  flags: number,
): number {
  return answer(libc().renameat2(from, cString(name), to, cString(newName), flags));
}

export function readLink(directory: number, name: string): number {
  return answer(libc().readlinkat(directory, cString(name), record, BigInt(record.length)));
}

export function openFile(directory: number, name: string, flags: number, mode: number): number {
  return answer(libc().openat(directory, cString(name), flags | O_NOFOLLOW, mode));
}

export function read(descriptor: number, target: Uint8Array<ArrayBuffer>, offset: number): number {
  return answer(libc().pread(descriptor, target, BigInt(target.length), BigInt(offset)));
}

export function write(descriptor: number, bytes: Uint8Array<ArrayBuffer>, offset: number): number {
  return answer(libc().pwrite(descriptor, bytes, BigInt(bytes.length), BigInt(offset)));
}

export function sync(descriptor: number, dataOnly: boolean): number {
  return answer(dataOnly ? libc().fdatasync(descriptor) : libc().fsync(descriptor));
}

export function syncAll(descriptor: number): number {
  return answer(libc().syncfs(descriptor));
}

export function resize(descriptor: number, size: number): number {
  return answer(libc().ftruncate(descriptor, BigInt(size)));
}

export function allocate(
  descriptor: number,
  mode: number,
  offset: number,
  size: number,
): number {
  return answer(libc().fallocate(descriptor, mode, BigInt(offset), BigInt(size)));
}

export function changeMode(directory: number, name: string, mode: number): number {
  return answer(libc().fchmodat(directory, cString(name), mode & 0o7777, 0));
}

/** -1 leaves one of them. */
export function changeOwner(directory: number, name: string, uid: number, gid: number): number {
  const flags = AT_SYMLINK_NOFOLLOW;
  return answer(libc().fchownat(directory, cString(name), uid >>> 0, gid >>> 0, flags));
}

/** Seconds since 1970; undefined leaves one of them. */
export function changeTimes(
  directory: number,
  name: string,
  atime: number | undefined,
  mtime: number | undefined,
): number {
  const spec = new BigInt64Array(4);
  [atime, mtime].forEach((time, index) => {
    spec[2 * index] = BigInt(time ?? 0);
    spec[2 * index + 1] = time === undefined ? UTIME_OMIT : 0n;
  });
  const bytes = new Uint8Array(spec.buffer);
  return answer(libc().utimensat(directory, cString(name), bytes, AT_SYMLINK_NOFOLLOW));
}

/** The path of a name for calls that know no directories. It leads to the node itself. */
function withPlace(
  directory: number,
  name: string,
  call: (path: Uint8Array<ArrayBuffer>) => number,
): number {
  let node: number;
  try {
    node = openInside(directory, name, O_PATH | O_NOFOLLOW);
  } catch (error) {
    if (error instanceof SystemError) return -error.errno;
    throw error;
  }
  try {
    return call(cString(`/proc/self/fd/${node}`));
  } finally {
    close(node);
  }
}

const value = new Uint8Array(65536);

export function getXattr(directory: number, name: string, attribute: string): number {
  return withPlace(
    directory,
    name,
    (path) => answer(libc().getxattr(path, cString(attribute), value, BigInt(value.length))),
  );
}

export function listXattrs(directory: number, name: string): number {
  return withPlace(
    directory,
    name,
    (path) => answer(libc().listxattr(path, value, BigInt(value.length))),
  );
}

export function setXattr(
  directory: number,
  name: string,
  attribute: string,
  size: number,
  flags: number,
): number {
  const bytes = new Uint8Array(Math.min(size, value.length)).fill(0x78);
  return withPlace(
    directory,
    name,
    (path) => answer(libc().setxattr(path, cString(attribute), bytes, BigInt(bytes.length), flags)),
  );
}

export function removeXattr(directory: number, name: string, attribute: string): number {
  return withPlace(directory, name, (path) => answer(libc().removexattr(path, cString(attribute))));
}
