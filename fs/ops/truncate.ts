/** Changing a file's size. @module */

import { EFBIG, EINVAL, EISDIR } from "../errno.ts";
import type { Handle } from "../journal/transaction.ts";
import { InodeFlag } from "../layout/inode.ts";
import { lookup as lookupMap, newMapping, removeRange } from "../map/map.ts";
import type { Inode } from "../volume/inode.ts";
import { capacity, truncateInline } from "../xattr/inline_data.ts";
import { FREES_A_STEP } from "./delete_inode.ts";
import type { Engine } from "./engine.ts";
import { mayUseContent } from "./sealed_content.ts";
import { maxFileBytes } from "./limits.ts";
import { movableRun, moveContent } from "./move_content.ts";
import { overwriteContent } from "./store_content.ts";
import { convertInline } from "./inline.ts";

const mapping = newMapping();
const ZEROS = new Uint8Array(65536);

/**
 * Sets the size; what is beyond is freed, what is new reads as zeros.
 * @returns 0 or a negated errno.
 */
export function truncate(engine: Engine, inode: Inode, size: number, privileged: boolean): number {
  if (inode.isDirectory) return -EISDIR;
  if (!inode.isRegular) return -EINVAL;
  const sealed = mayUseContent(inode, true);
  if (sealed < 0) return sealed;
  if (size > maxFileBytes(engine, inode)) return -EFBIG;
  if (inode.has(InodeFlag.INLINE_DATA)) {
    const result = truncateSmall(engine, inode, size, privileged);
    if (result <= 0) return result;
  }
  const oldSize = inode.size;
  const shrinking = size < oldSize;
  const first = engine.change((handle) => {
    if (shrinking) {
      const zeroed = zeroTail(engine, handle, inode, size);
      if (zeroed < 0) return zeroed;
      engine.orphans.add(inode);
    }
    inode.size = size;
    engine.stamp(handle, inode, true);
    return 0;
  });
  if (first < 0 || size > oldSize) return first;
  // Even at the same size: blocks beyond the end that were allocated with "keep size" go.
  engine.alloc.discardPreallocation(inode);
  return removeBeyond(engine, inode, size);
}

/** Frees all blocks beyond the end, in several transactions when there are many. */
export function removeBeyond(engine: Engine, inode: Inode, size: number): number {
  const firstBlock = Math.ceil(size / engine.volume.geometry.blockBytes);
  let done = false;
  while (!done) {
    const result = engine.change((handle) => {
      const stopped = inode.sectors === 0
        ? firstBlock
        : removeRange(engine.alloc, handle, inode, firstBlock, 2 ** 32, FREES_A_STEP);
      if (stopped < 0) return stopped;
      done = stopped === firstBlock;
      if (done && inode.links > 0) engine.orphans.remove(inode);
      engine.dirty(handle, inode);
      return 0;
    });
    if (result < 0) return result;
  }
  return 0;
}

/** Inline content: 0 when done, 1 when it was moved to blocks and the ordinary way goes on. */
function truncateSmall(engine: Engine, inode: Inode, size: number, privileged: boolean): number {
  return engine.change((handle) => {
    if (size > capacity(engine.alloc, inode)) {
      const converted = convertInline(engine, handle, inode, privileged);
      return converted < 0 ? converted : 1;
    }
    const result = truncateInline(engine.alloc, handle, inode, size);
    if (result < 0) return result;
    inode.size = size;
    engine.stamp(handle, inode, true);
    return 0;
  });
}

/** Overwrites the rest of the block in which the new end lies, so that it reads as zeros later. @returns as `zeroWithinBlock` */
export function zeroTail(engine: Engine, handle: Handle, inode: Inode, size: number): number {
  const { blockBytes } = engine.volume.geometry;
  const within = size % blockBytes;
  return within === 0 ? 0 : zeroWithinBlock(engine, handle, inode, size, blockBytes - within);
}

/**
 * Overwrites `bytes` from `offset` on, all within one block, if the block has content.
 * @returns 0; -ENOSPC or NEEDS_COMMIT when a snapshot needs the old content and there is no other block.
 */
export function zeroWithinBlock(
  engine: Engine,
  handle: Handle,
  inode: Inode,
  offset: number,
  bytes: number,
): number {
  const { blockBytes } = engine.volume.geometry;
  const fileBlock = Math.floor(offset / blockBytes);
  lookupMap(engine.alloc, inode, fileBlock, 1, mapping);
  if (mapping.diskBlock === 0 || mapping.unwritten) return 0;
  const within = offset - fileBlock * blockBytes;
  const zeros = ZEROS.subarray(0, bytes);
  const { diskBlock } = mapping;
  if (movableRun(engine, inode, diskBlock, 1) < 0) {
    const moved = moveContent(engine, handle, inode, fileBlock, diskBlock, within, zeros, true);
    return Math.min(moved, 0);
  }
  overwriteContent(engine, handle, inode, diskBlock, within, zeros);
  return 0;
}
