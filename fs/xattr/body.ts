/**
 * Extended attributes in the inode itself, behind its extra fields.
 *
 * @module
 */

import { Corrupt } from "../errors.ts";
import { EXTRA_OFFSET } from "../layout/inode.ts";
import {
  hasIbodyXattrs,
  ibodyXattrStart,
  validateIbodyXattrs,
  XATTR_IBODY_HEADER_BYTES,
  XATTR_MAGIC,
} from "../layout/xattr.ts";
import type { Inode } from "../volume/inode.ts";
import { isRegionEmpty, overlapProblem, type Region } from "./region.ts";

/** i_extra_isize that an inode gets which has room for extra fields but never used it. */
const FULL_EXTRA_BYTES = 32;

/** Whether the inode has any attribute in its body. */
export function hasBodyXattrs(inode: Inode): boolean {
  return hasIbodyXattrs(inode.view, inode.raw.length, inode.extraBytes);
}

/**
 * Byte offset of the first entry in the inode's body, checked, or 0 when it has none.
 * @param inodesCount bound of e_value_inum, 0 without ea_inode.
 * @throws Corrupt
 */
export function firstBodyEntry(inode: Inode, inodesCount: number): number {
  const { view, raw, extraBytes } = inode;
  if (!hasIbodyXattrs(view, raw.length, extraBytes)) return 0;
  validateIbodyXattrs(view, inode.ino, raw.length, extraBytes, inodesCount);
  return ibodyXattrStart(extraBytes);
}

/** The inode's body region as it is, for reading; null when it holds no attributes. @throws Corrupt */
export function readBody(inode: Inode, inodesCount: number): Region | null {
  const first = firstBodyEntry(inode, inodesCount);
  return first === 0 ? null : regionAt(inode, first);
}

/**
 * The inode's body region for changing; null when the inode has no room for attributes. A body without attributes
 * is cleared, which changes nothing that it says. `finishBody` must follow a change.
 * @throws Corrupt
 */
export function editBody(inode: Inode, inodesCount: number): Region | null {
  const { raw } = inode;
  if (raw.length <= EXTRA_OFFSET) return null;
  if (inode.extraBytes === 0) {
    raw.fill(0, EXTRA_OFFSET);
    inode.extraBytes = FULL_EXTRA_BYTES;
  }
  const first = ibodyXattrStart(inode.extraBytes);
  if (first + 4 > raw.length) return null;
  const region = regionAt(inode, first);
  if (firstBodyEntry(inode, inodesCount) === 0) {
    raw.fill(0, first - XATTR_IBODY_HEADER_BYTES);
    return region;
  }
  const problem = overlapProblem(region);
  if (problem !== undefined) throw new Corrupt("in-inode xattrs", `inode ${inode.ino}`, problem);
  return region;
}

/** Sets the header: the magic when there are entries, else zero. */
export function finishBody(region: Region): void {
  region.view.setUint32(
    region.first - XATTR_IBODY_HEADER_BYTES,
    isRegionEmpty(region) ? 0 : XATTR_MAGIC,
    true,
  );
}

function regionAt(inode: Inode, first: number): Region {
  const { raw, view } = inode;
  return { bytes: raw, view, first, end: raw.length, base: first, sorted: false };
}
