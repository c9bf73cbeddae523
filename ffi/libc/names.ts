/**
 * Making, renaming and removing names on the host, and setting what belongs to them. Symbolic links in the
 * last place are not followed. Calls that the system refuses throw a `SystemError` that names the path.
 *
 * @module
 */

import { AT_FDCWD, AT_SYMLINK_NOFOLLOW } from "./constants.ts";
import { errno, libc } from "./library.ts";
import { SystemError } from "./error.ts";
import { cString, type Path, pathText } from "./path.ts";
import type { TimeStamp } from "./status.ts";

function must(result: number, call: string, path: Path): void {
  if (result < 0) throw new SystemError(errno(), call, pathText(path));
}

/** mkdir(2). `mode`: permissions, of which the process's mask takes some away. */
export function makeDirectory(path: Path, mode: number): void {
  must(libc().mkdirat(AT_FDCWD, cString(path), mode), "mkdir", path);
}

/** mknod(2). `mode`: type and permissions; `rdev` in the kernel's form. */
export function makeNode(path: Path, mode: number, rdev: number): void {
  must(libc().mknodat(AT_FDCWD, cString(path), mode, BigInt(rdev)), "mknod", path);
}

/** symlink(2). */
export function makeSymlink(target: Path, path: Path): void {
  must(libc().symlinkat(cString(target), AT_FDCWD, cString(path)), "symlink", path);
}

/** link(2). */
export function makeLink(existing: Path, path: Path): void {
  const result = libc().linkat(AT_FDCWD, cString(existing), AT_FDCWD, cString(path), 0);
  must(result, "link", path);
}

/** rename(2). */
export function rename(from: Path, to: Path): void {
  must(libc().renameat2(AT_FDCWD, cString(from), AT_FDCWD, cString(to), 0), "rename", to);
}

/** unlink(2). */
export function unlink(path: Path): void {
  must(libc().unlinkat(AT_FDCWD, cString(path), 0), "unlink", path);
}

/** chmod(2), of anything but a symbolic link. */
export function setMode(path: Path, mode: number): void {
  must(libc().fchmodat(AT_FDCWD, cString(path), mode, 0), "chmod", path);
}

/** lchown(2). @returns false when only root may (EPERM). */
export function setOwner(path: Path, uid: number, gid: number): boolean {
  const result = libc().fchownat(AT_FDCWD, cString(path), uid, gid, AT_SYMLINK_NOFOLLOW);
  if (result < 0 && errno() === 1) return false;
  must(result, "chown", path);
  return true;
}

/** utimensat(2). */
export function setTimes(path: Path, atime: TimeStamp, mtime: TimeStamp): void {
  const times = BigInt64Array.of(
    BigInt(atime.seconds),
    BigInt(atime.nanoseconds),
    BigInt(mtime.seconds),
    BigInt(mtime.nanoseconds),
  );
  const bytes = new Uint8Array(times.buffer);
  const result = libc().utimensat(AT_FDCWD, cString(path), bytes, AT_SYMLINK_NOFOLLOW);
  must(result, "utimensat", path);
}

/** lsetxattr(2). @returns 0, or the negated errno. */
export function setXattr(path: Path, name: Path, value: Uint8Array): number {
  const result = libc().lsetxattr(
    cString(path),
    cString(name),
    value as Uint8Array<ArrayBuffer>,
    BigInt(value.length),
    0,
  );
  return result < 0 ? -errno() : 0;
}
