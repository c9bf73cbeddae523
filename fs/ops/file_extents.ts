/**
 * Where the content of a file lies on the device.
 *
 * @module
 */

import { InodeFlag } from "../layout/inode.ts";
import { lookup, newMapping } from "../map/map.ts";
import type { Inode } from "../volume/inode.ts";
import type { Engine } from "./engine.ts";
import { isFastSymlink } from "./symlink.ts";

/** A part of a file that lies in one piece on the device. All in bytes. */
export interface FileExtent {
  /** Where it begins in the file. */
  readonly fileOffset: number;
  /** Where it begins in the image. */
  readonly deviceOffset: number;
  readonly length: number;
  /** Allocated, but reads as zeros. */
  readonly unwritten: boolean;
}

const STEPS_AT_ONCE = 64;
/** Longer than any run. */
const ALL_BLOCKS = 2 ** 32;

/**
 * The extents of a file, directory or long symbolic link, in the order of the file; neighbours are one. Now and then
 * undefined comes, for callers who do other things in between; other operations may, because the file is looked at anew
 * each time.
 * @throws FsError ESTALE once the inode is deleted; Corrupt, DeviceError
 */
export function* fileExtents(
  engine: Engine,
  ino: number,
): Generator<FileExtent | undefined, void, void> {
  const { blockBytes } = engine.volume.geometry;
  const mapping = newMapping();
  let last: { -readonly [Key in keyof FileExtent]: FileExtent[Key] } | undefined;
  for (let fileBlock = 0, steps = 1;; steps++) {
    if (steps % STEPS_AT_ONCE === 0) yield undefined;
    const inode = engine.inode(ino);
    const endBlock = endBlockOf(engine, inode);
    if (fileBlock >= endBlock) break;
    lookup(engine.alloc, inode, fileBlock, Math.min(ALL_BLOCKS, endBlock - fileBlock), mapping);
    const { diskBlock, blocks, unwritten } = mapping;
    const [fileOffset, length] = [fileBlock * blockBytes, blocks * blockBytes];
    fileBlock += blocks;
    if (diskBlock === 0) continue;
    const deviceOffset = diskBlock * blockBytes;
    const follows = last !== undefined && last.unwritten === unwritten &&
      last.fileOffset + last.length === fileOffset &&
      last.deviceOffset + last.length === deviceOffset;
    if (follows && last !== undefined) last.length += length;
    else {
      if (last !== undefined) yield last;
      last = { fileOffset, deviceOffset, length, unwritten };
    }
  }
  if (last !== undefined) yield last;
}

/** The block behind the last one that may hold content; 0 for nodes that have none in blocks of their own. */
function endBlockOf(engine: Engine, inode: Inode): number {
  if (inode.has(InodeFlag.INLINE_DATA)) return 0;
  const isNode = !inode.isRegular && !inode.isDirectory;
  if (isNode && (!inode.isSymlink || isFastSymlink(engine, inode))) return 0;
  return Math.ceil(inode.size / engine.volume.geometry.blockBytes);
}
