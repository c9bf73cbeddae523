/**
 * What the system knows of a file: statx(2) with nanoseconds and birth time.
 *
 * @module
 */

import { AT_EMPTY_PATH, AT_FDCWD, AT_SYMLINK_NOFOLLOW, S_IFMT } from "./constants.ts";
import { checked, libc } from "./library.ts";
import { cString, type Path, pathText } from "./path.ts";

/** A point in time: seconds since 1970 (negative before) and nanoseconds, 0 to 999,999,999. */
export interface TimeStamp {
  readonly seconds: number;
  readonly nanoseconds: number;
}

/** The attributes of a file. */
export interface FileStatus {
  /** Type and permission bits. */
  readonly mode: number;
  readonly nlink: number;
  readonly uid: number;
  readonly gid: number;
  readonly ino: number;
  /** Size in bytes. */
  readonly size: number;
  /** Allocated units of 512 bytes. */
  readonly blocks: number;
  readonly blksize: number;
  /** The device that the file is on. */
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  /** The device that a device node stands for. */
  readonly rdevMajor: number;
  readonly rdevMinor: number;
  readonly atime: TimeStamp;
  readonly mtime: TimeStamp;
  readonly ctime: TimeStamp;
  /** Undefined where the file system does not keep it. */
  readonly btime: TimeStamp | undefined;
  /** STATX_ATTR_* bits. */
  readonly attributes: number;
}

const STATX_BASIC_AND_BTIME = 0xfff;
const STATX_BTIME = 0x800;
const STATX_BYTES = 256;

/** The status of an open file. */
export function status(descriptor: number): FileStatus {
  return statusAt(descriptor, "", AT_EMPTY_PATH);
}

/** The status of a path; a symbolic link is not followed unless `follow`. */
export function statusOf(path: Path, follow = false): FileStatus {
  return statusAt(AT_FDCWD, path, follow ? 0 : AT_SYMLINK_NOFOLLOW);
}

/** The status of a name in an open directory. `flags`: AT_*. */
export function statusAt(
  directory: number,
  path: Path,
  flags: number = AT_SYMLINK_NOFOLLOW,
): FileStatus {
  const record = new Uint8Array(STATX_BYTES);
  const result = libc().statx(directory, cString(path), flags, STATX_BASIC_AND_BTIME, record);
  checked(result, "stat", pathText(path) === "" ? undefined : pathText(path));
  return decodeStatus(new DataView(record.buffer));
}

/** The type bits of a mode (S_IF*). */
export function fileType(mode: number): number {
  return mode & S_IFMT;
}

/** Decodes `struct statx` (linux/stat.h). */
function decodeStatus(view: DataView): FileStatus {
  const u64 = (at: number) => Number(view.getBigUint64(at, true));
  const u32 = (at: number) => view.getUint32(at, true);
  const time = (at: number) => ({
    seconds: Number(view.getBigInt64(at, true)),
    nanoseconds: u32(at + 8),
  });
  return {
    blksize: u32(0x04),
    attributes: u32(0x08),
    nlink: u32(0x10),
    uid: u32(0x14),
    gid: u32(0x18),
    mode: view.getUint16(0x1c, true),
    ino: u64(0x20),
    size: u64(0x28),
    blocks: u64(0x30),
    atime: time(0x40),
    btime: (u32(0) & STATX_BTIME) !== 0 ? time(0x50) : undefined,
    ctime: time(0x60),
    mtime: time(0x70),
    rdevMajor: u32(0x80),
    rdevMinor: u32(0x84),
    deviceMajor: u32(0x88),
    deviceMinor: u32(0x8c),
  };
}
