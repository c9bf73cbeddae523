/**
 * The end of an inode: its content, attributes and number are freed, in several transactions when it
 * is large. It stays on the orphan list until the last of them.
 *
 * @module
 */

import type { Handle } from "../journal/transaction.ts";
import { InodeFlag } from "../layout/inode.ts";
import { removeRange } from "../map/map.ts";
import type { Inode } from "../volume/inode.ts";
import { removeAll } from "../xattr/xattr.ts";
import type { Engine } from "./engine.ts";
import { freeInode } from "./new_inode.ts";
import { isFastSymlink } from "./symlink.ts";

/** Changes of metadata that one step of a long removal makes. */
export const FREES_A_STEP = 32;

/** Deletes the inode when it has no name and nobody uses it. */
export function deleteIfUnused(engine: Engine, inode: Inode): void {
  if (inode.links === 0 && inode.orphan && !engine.inUse(inode)) deleteInode(engine, inode);
}

/** Frees all that an orphan holds, and its number. @throws Corrupt, DeviceError: it stays an orphan. */
export function deleteInode(engine: Engine, inode: Inode): void {
  engine.alloc.discardPreallocation(inode);
  let done = false;
  while (!done) {
    engine.change((handle) => {
      done = removeContentStep(engine, handle, inode);
      if (!done) return 0;
      removeAll(engine.alloc, handle, inode);
      freeInode(engine, handle, inode);
      return 0;
    });
  }
}

/** Frees the content of an orphan, which is empty afterwards. @throws Corrupt, DeviceError */
export function freeContent(engine: Engine, inode: Inode): void {
  engine.alloc.discardPreallocation(inode);
  for (let done = false; !done;) {
    engine.change((handle) => {
      done = removeContentStep(engine, handle, inode);
      if (done) inode.size = 0;
      engine.dirty(handle, inode);
      return 0;
    });
  }
}

/** Frees the content of an inode that is small enough for one operation (a new one). */
export function clearContent(engine: Engine, handle: Handle, inode: Inode): void {
  while (!removeContentStep(engine, handle, inode));
}

/** Frees a part of the content, from its end. @returns true when nothing is left. */
function removeContentStep(engine: Engine, handle: Handle, inode: Inode): boolean {
  if (!hasBlocks(engine, inode)) return true;
  const stopped = removeRange(engine.alloc, handle, inode, 0, 2 ** 32, FREES_A_STEP);
  engine.dirty(handle, inode);
  return stopped === 0;
}

/** Whether i_block holds a map of blocks. */
export function hasBlocks(engine: Engine, inode: Inode): boolean {
  if (inode.has(InodeFlag.INLINE_DATA)) return false;
  if (inode.isSymlink) return !isFastSymlink(engine, inode);
  return inode.isRegular || inode.isDirectory;
}
