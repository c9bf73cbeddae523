/**
 * Inline data: a small file's or directory's content within its inode. The first 60 bytes are i_block; what does not
 * fit is the value of the in-inode attribute "system.data" (name index 7, name "data"), which exists, possibly empty,
 * whenever the inode has the INLINE_DATA flag. i_size counts both.
 *
 * A directory's i_block begins with the parent's inode number (0x0, 32 bits) in place of the entries "." and "..";
 * entries (`ext4_dir_entry_2`) fill the 56 bytes from 0x4 on, and, as a list of their own, the attribute's value. There is
 * no checksum but the inode's.
 *
 * Kernel documentation: Documentation/filesystems/ext4/ifork.rst, "Inline Data", and directory.rst.
 *
 * @module
 */

import { Corrupt } from "../errors.ts";
import { setDirentInode, setDirentRecLen } from "./dirent.ts";
import { ibodyXattrStart, xattrEntryBytes } from "./xattr.ts";

/** Bytes of content in i_block. */
export const INLINE_I_BLOCK_BYTES = 60;
/** Bytes of an inline directory's i_block before its entries: the parent's inode number. */
export const INLINE_DIRECTORY_HEADER_BYTES = 4;
/** The attribute that holds the rest: its name index ("system.") and its name. */
export const INLINE_XATTR_INDEX = 7;
export const INLINE_XATTR_NAME: Uint8Array = new TextEncoder().encode("data");

/**
 * Most bytes of content that an inode can hold inline if it has no other in-inode attributes: i_block, and the value of
 * system.data beside its entry and the end mark. 0 if even an empty system.data does not fit.
 */
export function maxInlineBytes(inodeBytes: number, extraBytes: number): number {
  const room = inodeBytes - ibodyXattrStart(extraBytes) - 4 -
    xattrEntryBytes(INLINE_XATTR_NAME.length);
  return room < 0 ? 0 : INLINE_I_BLOCK_BYTES + (room & ~3);
}

/** Parent of the inline directory whose i_block is at byte offset `iBlock`. */
export function inlineParent(view: DataView, iBlock: number): number {
  return view.getUint32(iBlock, true);
}

export function setInlineParent(view: DataView, iBlock: number, parentInode: number): void {
  view.setUint32(iBlock, parentInode, true);
}

/** Writes the i_block of an empty inline directory: the parent, and one unused entry over the rest. */
export function writeEmptyInlineDirectory(
  bytes: Uint8Array,
  view: DataView,
  iBlock: number,
  parentInode: number,
): void {
  bytes.fill(0, iBlock, iBlock + INLINE_I_BLOCK_BYTES);
  setInlineParent(view, iBlock, parentInode);
  const entry = iBlock + INLINE_DIRECTORY_HEADER_BYTES;
  const room = INLINE_I_BLOCK_BYTES - INLINE_DIRECTORY_HEADER_BYTES;
  setDirentInode(view, entry, 0);
  setDirentRecLen(view, entry, room, room);
}

/** The error for inline data that contradicts its inode. */
export function corruptInlineData(inode: number, problem: string): Corrupt {
  return new Corrupt("inline data", `inode ${inode}`, problem);
}
