/**
 * Content kept within the inode (feature inline_data): the first 60 bytes in i_block, the rest in the value of the
 * in-inode attribute "system.data", which is there, possibly empty, with every inode that has the INLINE_DATA flag.
 *
 * i_size may exceed what is stored, by a truncate that extended the file: what is missing reads as zeros.
 * Kernel documentation: filesystems/ext4/ifork, "Inline Data".
 *
 * @module
 */

import type { Allocator } from "../alloc/allocator.ts";
import { ENOSPC } from "../errno.ts";
import type { Handle } from "../journal/transaction.ts";
import { I_BLOCK_BYTES, I_BLOCK_OFFSET, InodeFlag } from "../layout/inode.ts";
import {
  corruptInlineData,
  INLINE_XATTR_INDEX,
  INLINE_XATTR_NAME,
  maxInlineBytes,
} from "../layout/inline_data.ts";
import {
  xattrEntryBytes,
  xattrValueInode,
  xattrValueOffset,
  xattrValueSize,
} from "../layout/xattr.ts";
import type { Inode } from "../volume/inode.ts";
import { valueInodeBound } from "./block.ts";
import { editBody, finishBody, readBody } from "./body.ts";
import {
  findInRegion,
  fits,
  freeBytes,
  putEntry,
  type Region,
  removeEntry,
  storedValueBytes,
  valueOf,
} from "./region.ts";

/** Where inline content lies, in place. Valid until the inode's attributes or the size of its inline content change. */
export interface InlineRegions {
  /** i_block, 60 bytes; in a directory the first 4 are the parent's inode number. */
  readonly iBlock: Uint8Array;
  /** The value of system.data, possibly empty. */
  readonly value: Uint8Array;
  /** Byte offset of `value` within `inode.raw`; that of `iBlock` is I_BLOCK_OFFSET. */
  readonly valueOffset: number;
}

const EMPTY = new Uint8Array(0);

/** Places of system.data: the body region and the entry's byte offset, 0 when there is none. */
function findData(inode: Inode, region: Region | null): number {
  if (region === null) return 0;
  const entry = findInRegion(region, INLINE_XATTR_INDEX, INLINE_XATTR_NAME);
  if (entry !== 0 && xattrValueInode(region.view, entry) !== 0) {
    throw corruptInlineData(inode.ino, "system.data is not in the inode");
  }
  return entry;
}

/**
 * The two parts of an inline inode's content.
 * @throws Corrupt
 */
export function inlineRegions(alloc: Allocator, inode: Inode): InlineRegions {
  const iBlock = inode.raw.subarray(I_BLOCK_OFFSET, I_BLOCK_OFFSET + I_BLOCK_BYTES);
  const region = readBody(inode, valueInodeBound(alloc));
  const entry = findData(inode, region);
  if (region === null || entry === 0 || xattrValueSize(region.view, entry) === 0) {
    return { iBlock, value: EMPTY, valueOffset: 0 };
  }
  const valueOffset = region.base + xattrValueOffset(region.view, entry);
  return { iBlock, value: valueOf(region, entry), valueOffset };
}

/** Bytes of content that are stored: 60 and the size of system.data. @throws Corrupt */
export function inlineBytes(alloc: Allocator, inode: Inode): number {
  const region = readBody(inode, valueInodeBound(alloc));
  const entry = findData(inode, region);
  if (region === null || entry === 0) return I_BLOCK_BYTES;
  return I_BLOCK_BYTES + xattrValueSize(region.view, entry);
}

/**
 * Most bytes of content that the inode can hold inline beside its other in-inode attributes, whether it is
 * inline now or not; 0 when it cannot be inline.
 * @throws Corrupt
 */
export function capacity(alloc: Allocator, inode: Inode): number {
  if (inode.extraBytes === 0) return 0;
  const region = readBody(inode, valueInodeBound(alloc));
  if (region === null) return maxInlineBytes(inode.raw.length, inode.extraBytes);
  const entry = findData(inode, region);
  const free = freeBytes(region);
  if (entry !== 0) return I_BLOCK_BYTES + (free & ~3) + storedValueBytes(region.view, entry);
  const left = free - xattrEntryBytes(INLINE_XATTR_NAME.length);
  return left < 0 ? 0 : I_BLOCK_BYTES + (left & ~3);
}

/**
 * Makes an inode without content inline: flag, zeroed i_block, empty system.data.
 * @returns 0, or -ENOSPC when system.data does not fit, with nothing changed.
 */
export function startInline(alloc: Allocator, handle: Handle, inode: Inode): number {
  if (capacity(alloc, inode) === 0) return -ENOSPC;
  inode.setFlag(InodeFlag.INLINE_DATA, true);
  inode.setFlag(InodeFlag.EXTENTS, false);
  inode.raw.fill(0, I_BLOCK_OFFSET, I_BLOCK_OFFSET + I_BLOCK_BYTES);
  inode.forgetMapping();
  return resize(alloc, handle, inode, I_BLOCK_BYTES);
}

/**
 * Reads content at byte `offset` into `target`, up to i_size.
 * @returns bytes read.
 * @throws Corrupt
 */
export function readInline(
  alloc: Allocator,
  inode: Inode,
  offset: number,
  target: Uint8Array,
): number {
  const count = Math.max(0, Math.min(target.length, inode.size - offset));
  if (count === 0) return 0;
  const { iBlock, value } = inlineRegions(alloc, inode);
  let done = copyPart(iBlock, offset, target, 0, count);
  if (done < count) {
    const at = offset + done - I_BLOCK_BYTES;
    done += copyPart(value, at, target, done, count - done);
  }
  target.fill(0, done, count);
  return count;
}

function copyPart(
  source: Uint8Array,
  offset: number,
  target: Uint8Array,
  at: number,
  count: number,
): number {
  const bytes = Math.max(0, Math.min(count, source.length - offset));
  if (bytes > 0) target.set(source.subarray(offset, offset + bytes), at);
  return bytes;
}

/**
 * Writes content at byte `offset` and extends i_size when it ends behind it; what lies between the old end and
 * `offset` reads as zeros.
 * @returns 0, or -ENOSPC with nothing changed when it does not fit: the caller then converts the inode to blocks.
 * @throws Corrupt
 */
export function writeInline(
  alloc: Allocator,
  handle: Handle,
  inode: Inode,
  offset: number,
  source: Uint8Array,
): number {
  const end = offset + source.length;
  const size = Math.max(inode.size, end);
  if (size > inlineBytes(alloc, inode)) {
    if (size > capacity(alloc, inode)) return -ENOSPC;
    const grown = resize(alloc, handle, inode, size);
    if (grown !== 0) return grown;
  }
  const regions = inlineRegions(alloc, inode);
  if (offset > inode.size) zeroRange(regions, inode.size, offset);
  const first = Math.max(0, Math.min(source.length, I_BLOCK_BYTES - offset));
  if (first > 0) regions.iBlock.set(source.subarray(0, first), offset);
  if (first < source.length) {
    regions.value.set(source.subarray(first), offset + first - I_BLOCK_BYTES);
  }
  inode.size = size;
  alloc.volume.dirtyInode(handle, inode);
  return 0;
}

function zeroRange({ iBlock, value }: InlineRegions, start: number, end: number): void {
  iBlock.fill(0, Math.min(start, I_BLOCK_BYTES), Math.min(end, I_BLOCK_BYTES));
  if (end > I_BLOCK_BYTES) {
    value.fill(0, Math.max(0, start - I_BLOCK_BYTES), end - I_BLOCK_BYTES);
  }
}

/**
 * Sets i_size; content behind a smaller one is cleared, a larger one reads as zeros behind the old end.
 * @returns 0, or -ENOSPC with nothing changed when the new size does not fit.
 * @throws Corrupt
 */
export function truncateInline(
  alloc: Allocator,
  handle: Handle,
  inode: Inode,
  newSize: number,
): number {
  if (newSize > inode.size) {
    const result = growInline(alloc, handle, inode, newSize);
    if (result !== 0) return result;
    zeroRange(inlineRegions(alloc, inode), inode.size, newSize);
  } else {
    const stored = inlineBytes(alloc, inode);
    zeroRange(inlineRegions(alloc, inode), newSize, stored);
    if (stored > Math.max(newSize, I_BLOCK_BYTES)) {
      const result = resize(alloc, handle, inode, Math.max(newSize, I_BLOCK_BYTES));
      if (result !== 0) return result;
    }
  }
  inode.size = newSize;
  alloc.volume.dirtyInode(handle, inode);
  return 0;
}

/**
 * Makes room for `newSize` bytes of content, new ones zero; i_size stays. Room is never taken away.
 * @returns 0, or -ENOSPC with nothing changed.
 * @throws Corrupt
 */
export function growInline(
  alloc: Allocator,
  handle: Handle,
  inode: Inode,
  newSize: number,
): number {
  if (newSize <= inlineBytes(alloc, inode)) return 0;
  if (newSize > capacity(alloc, inode)) return -ENOSPC;
  return resize(alloc, handle, inode, newSize);
}

/**
 * The stored content in memory of its own: i_size bytes, or fewer when the end is not stored (it is zeros).
 * @throws Corrupt
 */
export function inlineContent(alloc: Allocator, inode: Inode): Uint8Array {
  const content = new Uint8Array(Math.min(inode.size, inlineBytes(alloc, inode)));
  readInline(alloc, inode, 0, content);
  return content;
}

/**
 * Ends inline storage: removes system.data, zeroes i_block, clears the flag. The caller then makes an empty block map
 * and writes the content; `restoreInline` undoes this.
 * @returns the content, as `inlineContent`.
 * @throws Corrupt
 */
export function clearInline(alloc: Allocator, handle: Handle, inode: Inode): Uint8Array {
  const content = inlineContent(alloc, inode);
  const region = readBody(inode, valueInodeBound(alloc)) === null
    ? null
    : editBody(inode, valueInodeBound(alloc));
  const entry = findData(inode, region);
  if (region !== null && entry !== 0) {
    removeEntry(region, entry);
    finishBody(region);
  }
  inode.raw.fill(0, I_BLOCK_OFFSET, I_BLOCK_OFFSET + I_BLOCK_BYTES);
  inode.setFlag(InodeFlag.INLINE_DATA, false);
  inode.forgetMapping();
  alloc.volume.dirtyInode(handle, inode);
  return content;
}

/**
 * Undoes `clearInline`, when the conversion to blocks failed; attributes must not have been added since. i_size stays
 * as it is.
 * @returns 0, or -ENOSPC when it does not fit any more.
 */
export function restoreInline(
  alloc: Allocator,
  handle: Handle,
  inode: Inode,
  content: Uint8Array,
): number {
  if (content.length > capacity(alloc, inode)) return -ENOSPC;
  const started = startInline(alloc, handle, inode);
  if (started !== 0) return started;
  const grown = growInline(alloc, handle, inode, content.length);
  if (grown !== 0) return grown;
  const { iBlock, value } = inlineRegions(alloc, inode);
  iBlock.set(content.subarray(0, I_BLOCK_BYTES));
  value.set(content.subarray(I_BLOCK_BYTES));
  return 0;
}

/** Makes system.data so long that `stored` bytes (at least 60) of content are stored; new ones are zero. */
function resize(alloc: Allocator, handle: Handle, inode: Inode, stored: number): number {
  const region = editBody(inode, valueInodeBound(alloc));
  if (region === null) return -ENOSPC;
  const entry = findData(inode, region);
  const name = INLINE_XATTR_NAME;
  const value = new Uint8Array(stored - I_BLOCK_BYTES);
  if (!fits(region, entry, name.length, value.length)) return -ENOSPC;
  if (entry !== 0 && xattrValueSize(region.view, entry) > 0) {
    value.set(valueOf(region, entry).subarray(0, value.length));
  }
  putEntry(region, entry, { index: INLINE_XATTR_INDEX, name, value, valueInode: 0, hash: 0 });
  finishBody(region);
  alloc.volume.dirtyInode(handle, inode);
  return 0;
}
