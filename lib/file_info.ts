/**
 * What `stat` tells of a node.
 *
 * @module
 */

import { readDevice } from "../fs/layout/device_number.ts";
import {
  I_BLOCK_OFFSET,
  InodeFlag,
  S_IFBLK,
  S_IFCHR,
  S_IFIFO,
  S_IFSOCK,
} from "../fs/layout/inode.ts";
import { shownSize } from "../fs/ops/symlink.ts";
import type { Inode } from "../fs/volume/inode.ts";
import { dateOf } from "./timestamp.ts";

/** i_extra_isize from which on an inode stores a birth time. */
const EXTRA_BYTES_WITH_BIRTHTIME = 0x98 - 0x80;

/** A node's attributes: those of `Deno.FileInfo`, and the nanoseconds of the times. */
export interface FileInfo {
  readonly isFile: boolean;
  readonly isDirectory: boolean;
  readonly isSymlink: boolean;
  readonly isBlockDevice: boolean;
  readonly isCharDevice: boolean;
  readonly isFifo: boolean;
  readonly isSocket: boolean;
  /** Bytes. */
  readonly size: number;
  readonly mtime: Date;
  readonly atime: Date;
  readonly ctime: Date;
  /** Null in an image whose inodes have no room for it (128 bytes). */
  readonly birthtime: Date | null;
  /** Nanoseconds within the second, 0 to 999999999. */
  readonly mtimeNsec: number;
  readonly atimeNsec: number;
  readonly ctimeNsec: number;
  readonly birthtimeNsec: number;
  /** Always 0: an image is one file system. */
  readonly dev: number;
  readonly ino: number;
  /** Type and permission bits. */
  readonly mode: number;
  readonly nlink: number;
  readonly uid: number;
  readonly gid: number;
  /** Device number of a device node, 0 for others. */
  readonly rdev: number;
  /** Block size of the file system in bytes. */
  readonly blksize: number;
  /** Allocated units of 512 bytes. */
  readonly blocks: number;
}

/** The attributes of an inode. */
export function fileInfoOf(inode: Inode, blockBytes: number): FileInfo {
  const { type, size } = inode;
  const isCharDevice = type === S_IFCHR;
  const isBlockDevice = type === S_IFBLK;
  const hasBirthtime = inode.extraBytes >= EXTRA_BYTES_WITH_BIRTHTIME;
  const inlineSectors = inode.has(InodeFlag.INLINE_DATA) && inode.isRegular
    ? Math.ceil(size / 512)
    : 0;
  return {
    isFile: inode.isRegular,
    isDirectory: inode.isDirectory,
    isSymlink: inode.isSymlink,
    isBlockDevice,
    isCharDevice,
    isFifo: type === S_IFIFO,
    isSocket: type === S_IFSOCK,
    size: shownSize(inode),
    mtime: dateOf(inode.mtime, inode.mtimeNsec),
    atime: dateOf(inode.atime, inode.atimeNsec),
    ctime: dateOf(inode.ctime, inode.ctimeNsec),
    birthtime: hasBirthtime ? dateOf(inode.crtime, inode.crtimeNsec) : null,
    mtimeNsec: inode.mtimeNsec,
    atimeNsec: inode.atimeNsec,
    ctimeNsec: inode.ctimeNsec,
    birthtimeNsec: hasBirthtime ? inode.crtimeNsec : 0,
    dev: 0,
    ino: inode.ino,
    mode: inode.mode,
    nlink: inode.links,
    uid: inode.uid,
    gid: inode.gid,
    rdev: isCharDevice || isBlockDevice ? readDevice(inode.view, I_BLOCK_OFFSET) : 0,
    blksize: blockBytes,
    blocks: inode.sectors + inlineSectors,
  };
}
