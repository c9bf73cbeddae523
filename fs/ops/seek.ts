/** Finding data and holes. @module */

import { EINVAL, ENXIO } from "../errno.ts";
import { InodeFlag } from "../layout/inode.ts";
import { nextData, nextHole } from "../map/map.ts";
import type { Engine } from "./engine.ts";

/** The kernel's SEEK_DATA and SEEK_HOLE. */
export const SEEK_DATA = 3;
export const SEEK_HOLE = 4;

/** @returns the offset of the next data or hole at or after `offset`, or -ENXIO, -EINVAL. */
export function seek(engine: Engine, ino: number, offset: number, whence: number): number {
  const inode = engine.inode(ino);
  const { size } = inode;
  if (whence !== SEEK_DATA && whence !== SEEK_HOLE) return -EINVAL;
  if (offset < 0 || offset >= size) return -ENXIO;
  if (inode.has(InodeFlag.INLINE_DATA)) return whence === SEEK_DATA ? offset : size;
  const { blockBytes } = engine.volume.geometry;
  const block = Math.floor(offset / blockBytes);
  const limit = Math.ceil(size / blockBytes);
  const next = whence === SEEK_DATA
    ? nextData(engine.alloc, inode, block, limit)
    : nextHole(engine.alloc, inode, block, limit);
  if (next < 0) return next;
  if (next >= limit) return whence === SEEK_DATA ? -ENXIO : size;
  return Math.max(offset, next * blockBytes);
}
