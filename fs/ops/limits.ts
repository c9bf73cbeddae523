/**
 * Rules that several operations on names share: immutable and append-only nodes, link counts, file
 * types of directory entries.
 *
 * @module
 */

import { EINVAL, EMLINK, ENAMETOOLONG, ENOENT, ENOKEY, ENOTDIR, EPERM } from "../errno.ts";
import { isValidName } from "../layout/casefold.ts";
import {
  InodeFlag,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
} from "../layout/inode.ts";
import { maxFileBlocks } from "../map/map.ts";
import type { Inode } from "../volume/inode.ts";
import type { Engine } from "./engine.ts";

/** Most units of 512 bytes that i_blocks counts without huge_file. */
const MAX_SECTORS = 2 ** 32 - 1;
/** Longest name in bytes. */
export const NAME_MAX = 255;

const FILE_TYPES: ReadonlyMap<number, number> = new Map([
  [S_IFREG, 1],
  [S_IFDIR, 2],
  [S_IFCHR, 3],
  [S_IFBLK, 4],
  [S_IFIFO, 5],
  [S_IFSOCK, 6],
  [S_IFLNK, 7],
]);

/** The directory entry's file type (FT_*) for a mode; 0 when the file system does not store types. */
export function entryType(engine: Engine, mode: number): number {
  return engine.hasFileTypes ? FILE_TYPES.get(mode & S_IFMT) ?? 0 : 0;
}

/** 0 when `dir` is a living directory in which this name may be added, else a negated errno. */
export function mayAdd(engine: Engine, dir: Inode, name: Uint8Array): number {
  if (!dir.isDirectory) return -ENOTDIR;
  if (name.length > NAME_MAX) return -ENAMETOOLONG;
  if (dir.links === 0) return -ENOENT;
  if (dir.has(InodeFlag.IMMUTABLE)) return -EPERM;
  if (dir.has(InodeFlag.ENCRYPT)) return -ENOKEY;
  return isNameRefused(engine, dir, name) ? -EINVAL : 0;
}

/** Whether the directory takes valid UTF-8 only, and this is none. */
export function isNameRefused(engine: Engine, dir: Inode, name: Uint8Array): boolean {
  return engine.hasStrictNames && dir.has(InodeFlag.CASEFOLD) && !isValidName(name);
}

/** 0 when the entry for `victim` may be taken out of `dir`, else a negated errno. */
export function mayRemove(dir: Inode, victim: Inode): number {
  const fixed = InodeFlag.IMMUTABLE | InodeFlag.APPEND;
  return dir.has(fixed) || victim.has(fixed) ? -EPERM : 0;
}

/** 0, or -EMLINK when `dir` cannot have another subdirectory. */
export function maySubdirectory(engine: Engine, dir: Inode): number {
  if (dir.links < engine.volume.geometry.maxLinks) return 0;
  return engine.hasDirectoryNlink && dir.has(InodeFlag.INDEX) ? 0 : -EMLINK;
}

/** Counts a subdirectory more; an indexed directory with too many shows 1 (dir_nlink). */
export function addSubdirectory(engine: Engine, dir: Inode): void {
  if (dir.links === 1) return;
  dir.links++;
  if (dir.links >= engine.volume.geometry.maxLinks && engine.hasDirectoryNlink) dir.links = 1;
}

/** Counts a subdirectory less. */
export function dropSubdirectory(dir: Inode): void {
  if (dir.links > 2) dir.links--;
}

/** Bytes that a file can grow to: what its map can address and i_blocks can count. */
export function maxFileBytes(engine: Engine, inode: Inode): number {
  const mapped = maxFileBlocks(engine.alloc, inode) * engine.volume.geometry.blockBytes;
  return inode.format.hugeFile ? mapped : Math.min(mapped, MAX_SECTORS * 512);
}
