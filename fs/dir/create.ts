/**
 * New directories, and what a directory says of its parent.
 *
 * @module
 */

import type { Allocator } from "../alloc/allocator.ts";
import type { Handle } from "../journal/transaction.ts";
import { direntInode, setDirentInode } from "../layout/dirent.ts";
import {
  INLINE_I_BLOCK_BYTES,
  setInlineParent,
  writeEmptyInlineDirectory,
} from "../layout/inline_data.ts";
import { I_BLOCK_OFFSET, InodeFlag } from "../layout/inode.ts";
import { initialiseMap } from "../map/map.ts";
import type { Inode } from "../volume/inode.ts";
import { startInline } from "../xattr/inline_data.ts";
import { appendBlock, dirtyFirst, dotDotOffset, loadFirst } from "./blocks.ts";
import { contextOf, type DirContext } from "./context.ts";
import { inlineDotDot, writeFirstBlock } from "./inline_dir.ts";

const NOTHING = new Uint8Array(0);

/**
 * Gives a new directory its content: "." and "..", within the inode where the volume has inline_data, else in one
 * block. Sets the block map or inline flags and i_size; link counts are the caller's.
 *
 * @param parentIno what ".." names.
 * @param privileged whether reserved blocks may be used.
 * @returns 0, -ENOSPC or NEEDS_COMMIT.
 */
export function create(
  alloc: Allocator,
  handle: Handle,
  dir: Inode,
  parentIno: number,
  privileged = false,
): number {
  const context = contextOf(alloc);
  context.sequence.forget(dir.ino);
  if (context.inlineData && startInline(alloc, handle, dir) === 0) {
    writeEmptyInlineDirectory(dir.raw, dir.view, I_BLOCK_OFFSET, parentIno);
    dir.size = INLINE_I_BLOCK_BYTES;
    context.volume.dirtyInode(handle, dir);
    return 0;
  }
  initialiseMap(dir, context.extents);
  dir.size = 0;
  const diskBlock = appendBlock(context, handle, dir, privileged);
  if (diskBlock < 0) return diskBlock;
  writeFirstBlock(context, handle, dir, diskBlock, parentIno, NOTHING);
  return 0;
}

/** Inode number of the parent. @throws Corrupt */
export function getDotDot(alloc: Allocator, dir: Inode): number {
  return parentOf(contextOf(alloc), dir);
}

/** As `getDotDot`. */
export function parentOf(context: DirContext, dir: Inode): number {
  if (dir.has(InodeFlag.INLINE_DATA)) return inlineDotDot(context, dir);
  const first = loadFirst(context, dir);
  return direntInode(first.view, dotDotOffset(context, first));
}

/** Sets the parent, when a directory is moved. @throws Corrupt */
export function setDotDot(alloc: Allocator, handle: Handle, dir: Inode, parentIno: number): void {
  const context = contextOf(alloc);
  if (dir.has(InodeFlag.INLINE_DATA)) {
    setInlineParent(dir.view, I_BLOCK_OFFSET, parentIno);
    context.volume.dirtyInode(handle, dir);
    return;
  }
  const first = loadFirst(context, dir);
  setDirentInode(first.view, dotDotOffset(context, first), parentIno);
  dirtyFirst(context, handle, dir, first);
}
