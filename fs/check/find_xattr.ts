/**
 * Finding one attribute's value in a list that may be damaged.
 *
 * @module
 */

import { EXTRA_OFFSET } from "../layout/inode.ts";
import { INLINE_XATTR_INDEX, INLINE_XATTR_NAME } from "../layout/inline_data.ts";
import {
  XATTR_BLOCK_HEADER_BYTES,
  XATTR_ENTRY_BYTES,
  XATTR_MAGIC,
  xattrEntryBytes,
  xattrHasName,
  xattrNameBytes,
  xattrValueInode,
  xattrValueOffset,
  xattrValueSize,
} from "../layout/xattr.ts";
import type { RawInode } from "./raw_inode.ts";

/** A list of attributes: where it begins and ends, and what offsets of values count from. */
export interface XattrList {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly first: number;
  readonly end: number;
  readonly valueBase: number;
}

/** The list in the inode; undefined when there is none. */
export function listInInode(raw: RawInode): XattrList | undefined {
  const extra = raw.extraBytes;
  if (extra < 2 || (extra & 3) !== 0 || EXTRA_OFFSET + extra + 4 >= raw.inodeBytes) {
    return undefined;
  }
  if (raw.u32(EXTRA_OFFSET + extra) !== XATTR_MAGIC) return undefined;
  const first = raw.offset + EXTRA_OFFSET + extra + 4;
  const end = raw.offset + raw.inodeBytes;
  return { bytes: raw.bytes, view: raw.view, first, end, valueBase: first };
}

/** The list in an attribute block; undefined when it is none. */
export function listInBlock(bytes: Uint8Array, view: DataView): XattrList | undefined {
  if (view.getUint32(0, true) !== XATTR_MAGIC) return undefined;
  return { bytes, view, first: XATTR_BLOCK_HEADER_BYTES, end: bytes.length, valueBase: 0 };
}

/** The value beside the entry with this name; undefined when it is not there or does not fit. */
export function valueOf(
  list: XattrList,
  index: number,
  name: Uint8Array,
): Uint8Array | undefined {
  const { bytes, view, end, valueBase } = list;
  let entry = list.first;
  while (entry + XATTR_ENTRY_BYTES <= end && view.getUint32(entry, true) !== 0) {
    const next = entry + xattrEntryBytes(xattrNameBytes(view, entry));
    if (next > end) return undefined;
    if (xattrHasName(bytes, view, entry, index, name)) {
      if (xattrValueInode(view, entry) !== 0) return undefined;
      const size = xattrValueSize(view, entry);
      const start = valueBase + xattrValueOffset(view, entry);
      return size === 0 || start + size <= end ? bytes.subarray(start, start + size) : undefined;
    }
    entry = next;
  }
  return undefined;
}

/** What an inode keeps inline behind i_block: the value of system.data, or undefined. */
export function inlineValue(raw: RawInode): Uint8Array | undefined {
  const list = listInInode(raw);
  return list === undefined ? undefined : valueOf(list, INLINE_XATTR_INDEX, INLINE_XATTR_NAME);
}
