/**
 * Directories: the front door.
 *
 * Names are 1 to 255 bytes. A directory is linear (a list of blocks), indexed by name hash (htree), or inline; it changes
 * from one form to the next as it grows. What is added here is i_size, the block map and, for inline directories,
 * the attribute system.data; link counts and times are the caller's.
 *
 * Kernel documentation: Documentation/filesystems/ext4/directory.rst.
 *
 * @module
 */

import type { Allocator } from "../alloc/allocator.ts";
import type { Handle } from "../journal/transaction.ts";
import {
  DIRENT_HEADER_BYTES,
  direntNameLen,
  FileType,
  setDirentFileType,
  setDirentInode,
} from "../layout/dirent.ts";
import { I_BLOCK_OFFSET, InodeFlag } from "../layout/inode.ts";
import type { Inode } from "../volume/inode.ts";
import { dirtyLeaf, isIndexed, loadLeaf, useLeaf } from "./blocks.ts";
import { contextOf, type DirContext, ignoresCase } from "./context.ts";
import { setDotDot } from "./create.ts";
import type { DirSlot } from "./dir_slot.ts";
import { INLINE_HEAD } from "./entry_region.ts";
import {
  addInline,
  convertToBlock,
  findInline,
  inlineDotDot,
  usePart,
  WANTS_BLOCK,
} from "./inline_dir.ts";
import { addIndexed, makeIndexed } from "./insert_indexed.ts";
import { addLinear, WANTS_INDEX } from "./insert_linear.ts";
import { findDots, findIndexed, findLinear, isDots } from "./lookup.ts";

export { create, getDotDot, setDotDot } from "./create.ts";
export { DirSlot } from "./dir_slot.ts";
export type { EmitEntry } from "./emit_entry.ts";
export { isEmpty } from "./empty.ts";
export { read } from "./read.ts";

/**
 * Most blocks that `add` changes besides what allocation does (bitmaps, group descriptors, the map's nodes): the index
 * path and one new node a level, the leaf and a new leaf.
 */
export const ADD_CREDITS = 8;
/** Most directory blocks that `remove`, `replace` or `setDotDot` changes. */
export const CHANGE_CREDITS = 1;

/**
 * Finds a name, "." and ".." included. Allocates nothing.
 *
 * @param out filled when the name is there, for `remove` or `replace` in the same operation.
 * @returns the inode number, 0 when the name is absent.
 * @throws Corrupt
 */
export function find(alloc: Allocator, dir: Inode, name: Uint8Array, out: DirSlot): number {
  const context = contextOf(alloc);
  out.name = name;
  out.generation = context.generation;
  if (context.absent.is(dir.ino, context.generation, name)) return 0;
  const ino = findIn(context, dir, name, out);
  if (ino === 0) {
    if (!context.exact) context.absent.note(dir.ino, context.generation, name);
  } else if (context.foldedNames !== null && ignoresCase(dir) && !context.isEncrypted(dir)) {
    out.name = keptName(context, dir, out);
  }
  return ino;
}

/** The name that an entry has, which may differ from the one it was found by in case. */
function keptName(context: DirContext, dir: Inode, slot: DirSlot): Uint8Array {
  if (isDots(slot.name)) return slot.name;
  const { fileBlock, offset } = slot;
  const leaf = fileBlock < 0 ? null : loadLeaf(context, dir, fileBlock);
  const start = offset + DIRENT_HEADER_BYTES;
  const length = direntNameLen((leaf ?? dir).view, offset);
  return (leaf?.bytes ?? dir.raw).slice(start, start + length);
}

function findIn(context: DirContext, dir: Inode, name: Uint8Array, out: DirSlot): number {
  const inline = (dir.flags & InodeFlag.INLINE_DATA) !== 0;
  if (isDots(name)) {
    return inline ? findInlineDots(context, dir, name, out) : findDots(context, dir, name, out);
  }
  if (inline) return findInline(context, dir, name, out);
  if (isIndexed(context, dir)) return findIndexed(context, dir, name, out);
  return findLinear(context, dir, name, out);
}

function findInlineDots(
  context: DirContext,
  dir: Inode,
  name: Uint8Array,
  out: DirSlot,
): number {
  out.ino = name.length === 1 ? dir.ino : inlineDotDot(context, dir);
  out.fileType = FileType.DIRECTORY;
  out.fileBlock = INLINE_HEAD;
  out.offset = I_BLOCK_OFFSET;
  return out.ino;
}

/**
 * Adds an entry; the caller has checked that the name is absent.
 *
 * @param fileType a file_type; not stored without the filetype feature.
 * @param privileged whether reserved blocks may be used.
 * @returns 0, -ENOSPC (no space, or the index is as deep as it may be and full) or NEEDS_COMMIT.
 * @throws Corrupt
 */
export function add(
  alloc: Allocator,
  handle: Handle,
  dir: Inode,
  name: Uint8Array,
  ino: number,
  fileType: number,
  privileged = false,
): number {
  const context = contextOf(alloc);
  const type = context.filetype ? fileType : FileType.UNKNOWN;
  context.generation++;
  context.sequence.forget(dir.ino);
  if ((dir.flags & InodeFlag.INLINE_DATA) !== 0) {
    const result = addInline(context, handle, dir, name, ino, type);
    if (result !== WANTS_BLOCK) return result;
    const converted = convertToBlock(context, handle, dir, privileged);
    if (converted < 0) return converted;
  }
  if (!isIndexed(context, dir)) {
    const result = addLinear(context, handle, dir, name, ino, type, privileged);
    if (result !== WANTS_INDEX) return result;
    const converted = makeIndexed(context, handle, dir, privileged);
    if (converted < 0) return converted;
  }
  return addIndexed(context, handle, dir, name, ino, type, privileged);
}

/**
 * Removes the entry that `find` found in this operation. It is found again by its name when an entry was added or
 * removed since.
 * @throws Corrupt
 */
export function remove(alloc: Allocator, handle: Handle, dir: Inode, slot: DirSlot): void {
  const context = contextOf(alloc);
  if (isDots(slot.name)) throw new Error('"." and ".." cannot be removed');
  renew(context, dir, slot);
  context.generation++;
  context.sequence.forget(dir.ino);
  const { fileBlock, offset } = slot;
  if (fileBlock < 0) {
    usePart(context, dir, fileBlock).remove(offset);
    context.volume.dirtyInode(handle, dir);
    return;
  }
  const leaf = loadLeaf(context, dir, fileBlock);
  useLeaf(context, dir, fileBlock, leaf).remove(offset);
  dirtyLeaf(context, handle, dir, leaf);
  if (fileBlock < dir.dirHint) dir.dirHint = fileBlock;
}

/**
 * Makes the entry that `find` found in this operation point to another inode; ".." too.
 * @throws Corrupt
 */
export function replace(
  alloc: Allocator,
  handle: Handle,
  dir: Inode,
  slot: DirSlot,
  ino: number,
  fileType: number,
): void {
  const context = contextOf(alloc);
  const type = context.filetype ? fileType : FileType.UNKNOWN;
  if (isDots(slot.name)) {
    if (slot.name.length === 2) setDotDot(alloc, handle, dir, ino);
    return;
  }
  renew(context, dir, slot);
  const { fileBlock, offset } = slot;
  const leaf = fileBlock < 0 ? null : loadLeaf(context, dir, fileBlock);
  const { view } = leaf ?? dir;
  setDirentInode(view, offset, ino);
  setDirentFileType(view, offset, type);
  if (leaf === null) context.volume.dirtyInode(handle, dir);
  else dirtyLeaf(context, handle, dir, leaf);
  slot.ino = ino;
  slot.fileType = type;
}

/** Finds a slot's name again when its place may have changed. */
function renew(context: DirContext, dir: Inode, slot: DirSlot): void {
  if (slot.generation === context.generation) return;
  const { ino } = slot;
  context.exact = true;
  try {
    if (findIn(context, dir, slot.name, slot) !== ino) {
      throw new Error("the directory entry is no longer there");
    }
  } finally {
    context.exact = false;
  }
  slot.generation = context.generation;
}
