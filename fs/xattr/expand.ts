/**
 * Making room for more extra fields in an inode (i_extra_isize), e.g. for a project number, by moving its in-inode
 * attributes; those that have no room there any more go to the attribute block.
 *
 * @module
 */

import type { Allocator } from "../alloc/allocator.ts";
import { ENOSPC } from "../errno.ts";
import type { Handle } from "../journal/transaction.ts";
import { INLINE_XATTR_INDEX, INLINE_XATTR_NAME } from "../layout/inline_data.ts";
import { EXTRA_OFFSET } from "../layout/inode.ts";
import {
  isLastXattr,
  nextXattr,
  setXattrValueOffset,
  XATTR_IBODY_HEADER_BYTES,
  xattrEntryBytes,
  xattrHash,
  xattrHasName,
  xattrIndex,
  xattrNameBytes,
  xattrValueInode,
  xattrValueOffset,
  xattrValueSize,
} from "../layout/xattr.ts";
import { xattrEntryHash } from "../layout/xattr_hash.ts";
import type { Inode } from "../volume/inode.ts";
import { copyBlock, storeBlock, valueInodeBound, type ValueReference } from "./block.ts";
import { editBody, finishBody, hasBodyXattrs } from "./body.ts";
import { openValueInode } from "./ea_inode.ts";
import {
  endMark,
  fits,
  freeBytes,
  nameOf,
  putEntry,
  type Region,
  removeEntry,
  storedValueBytes,
  valueOf,
} from "./region.ts";

/**
 * Raises i_extra_isize to `extraBytes`, a multiple of 4; the new fields are zero.
 * @returns 0, also when it is as large already; -ENOSPC or NEEDS_COMMIT when the inode or its block have no room:
 * i_extra_isize is unchanged then, and every attribute still there.
 * @throws Corrupt, DeviceError
 */
export function expandExtra(
  alloc: Allocator,
  handle: Handle,
  inode: Inode,
  extraBytes: number,
): number {
  if (inode.extraBytes >= extraBytes) return 0;
  if (EXTRA_OFFSET + extraBytes > inode.raw.length) return -ENOSPC;
  if (!hasBodyXattrs(inode)) {
    inode.raw.fill(0, EXTRA_OFFSET + Math.max(inode.extraBytes, 4));
  } else {
    const region = editBody(inode, valueInodeBound(alloc));
    if (region === null) return -ENOSPC;
    const more = extraBytes - inode.extraBytes;
    while (freeBytes(region) < more) {
      const moved = moveOneToBlock(alloc, handle, inode, region, more - freeBytes(region));
      if (moved !== 0) return moved;
    }
    shift(region, more);
  }
  inode.extraBytes = extraBytes;
  alloc.volume.dirtyInode(handle, inode);
  return 0;
}

/** Moves all entries up by `bytes`; values stay where they are. */
function shift(region: Region, bytes: number): void {
  const { view, first, end } = region;
  const header = first - XATTR_IBODY_HEADER_BYTES;
  for (let entry = first; !isLastXattr(view, entry, end); entry = nextXattr(view, entry)) {
    if (storedValueBytes(view, entry) === 0) continue;
    setXattrValueOffset(view, entry, xattrValueOffset(view, entry) - bytes);
  }
  region.bytes.copyWithin(header + bytes, header, endMark(region) + 4);
  region.bytes.fill(0, header, header + bytes);
}

/** Moves the entry that best frees `wanted` bytes. */
function moveOneToBlock(
  alloc: Allocator,
  handle: Handle,
  inode: Inode,
  region: Region,
  wanted: number,
): number {
  const { view } = region;
  const entry = bestToMove(region, wanted);
  if (entry === 0) return -ENOSPC;
  const index = xattrIndex(view, entry);
  const name = nameOf(region, entry).slice();
  const valueInode = xattrValueInode(view, entry);
  const size = xattrValueSize(view, entry);
  let added: ValueReference | null = null;
  let value = new Uint8Array(size);
  if (valueInode !== 0) {
    added = {
      inode: openValueInode(alloc, inode, valueInode, size),
      hash: xattrHash(view, entry),
    };
  } else if (size > 0) value = valueOf(region, entry).slice();
  const hash = added?.hash ?? xattrEntryHash(name, value);
  const block = copyBlock(alloc, inode);
  if (!fits(block, 0, name.length, valueInode === 0 ? size : 0)) return -ENOSPC;
  putEntry(block, 0, { index, name, value, valueInode, hash });
  const result = storeBlock(alloc, handle, inode, block, added, null, true);
  if (result !== 0) return result;
  removeEntry(region, entry);
  finishBody(region);
  return 0;
}

/** The smallest entry that frees enough, else the largest; 0 when there is none that may move. */
function bestToMove(region: Region, wanted: number): number {
  const { bytes, view, end } = region;
  let best = 0;
  let bestBytes = 0;
  for (let entry = region.first; !isLastXattr(view, entry, end); entry = nextXattr(view, entry)) {
    if (xattrHasName(bytes, view, entry, INLINE_XATTR_INDEX, INLINE_XATTR_NAME)) continue;
    const size = xattrEntryBytes(xattrNameBytes(view, entry)) + storedValueBytes(view, entry);
    const better = bestBytes >= wanted ? size >= wanted && size < bestBytes : size > bestBytes;
    if (best !== 0 && !better) continue;
    best = entry;
    bestBytes = size;
  }
  return best;
}
