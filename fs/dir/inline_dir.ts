/**
 * Directories kept within the inode (inline_data): "..", then entries in i_block, then entries in system.data.
 *
 * Kernel documentation: Documentation/filesystems/ext4/ifork.rst, "Inline Data".
 *
 * @module
 */

import type { Handle } from "../journal/transaction.ts";
import {
  direntBytes,
  direntRecLen,
  FileType,
  setDirentInode,
  setDirentRecLen,
  writeDirent,
  writeDirentTail,
} from "../layout/dirent.ts";
import {
  corruptInlineData,
  INLINE_DIRECTORY_HEADER_BYTES,
  INLINE_I_BLOCK_BYTES,
  inlineParent,
} from "../layout/inline_data.ts";
import { I_BLOCK_BYTES, I_BLOCK_OFFSET } from "../layout/inode.ts";
import { initialiseMap } from "../map/map.ts";
import type { Inode } from "../volume/inode.ts";
import {
  capacity,
  clearInline,
  growInline,
  inlineRegions,
  restoreInline,
} from "../xattr/inline_data.ts";
import { appendBlock, dirtyLeaf } from "./blocks.ts";
import { type DirContext, VERIFIED_FIRST_LEAF } from "./context.ts";
import type { DirSlot } from "./dir_slot.ts";
import { type EntryRegion, INLINE_HEAD, INLINE_REST } from "./entry_region.ts";
import { fillSlot } from "./lookup.ts";

/** Answer of `addInline`: the inode has no room, the directory needs a block. */
export const WANTS_BLOCK = 1;

const DOT = Uint8Array.of(0x2e);
const DOT_DOT = Uint8Array.of(0x2e, 0x2e);
/** Where the first entry after "." and ".." lies in a block that was inline. */
const AFTER_DOTS = 24;

/** The parent that an inline directory names. @throws Corrupt */
export function inlineDotDot(context: DirContext, dir: Inode): number {
  const parent = inlineParent(dir.view, I_BLOCK_OFFSET);
  if (parent === 0 || parent > context.inodesCount) {
    throw corruptInlineData(dir.ino, `the parent is inode ${parent}`);
  }
  return parent;
}

/** Sets the region to the entries in i_block. @throws Corrupt */
export function useHead(context: DirContext, dir: Inode): EntryRegion {
  const { region, blockBytes } = context;
  const start = I_BLOCK_OFFSET + INLINE_DIRECTORY_HEADER_BYTES;
  const end = I_BLOCK_OFFSET + I_BLOCK_BYTES;
  region.set(dir.raw, dir.view, start, end, blockBytes, dir.ino, INLINE_HEAD);
  region.verify(context.inodesCount);
  return region;
}

/** Sets the region to the entries in system.data, which may be none. @throws Corrupt */
export function useRest(context: DirContext, dir: Inode): EntryRegion {
  const { region, blockBytes } = context;
  const { value, valueOffset } = inlineRegions(context.alloc, dir);
  if (dir.size !== INLINE_I_BLOCK_BYTES + value.length) {
    throw corruptInlineData(
      dir.ino,
      `i_size ${dir.size} with ${value.length} bytes in system.data`,
    );
  }
  const end = valueOffset + value.length;
  region.set(dir.raw, dir.view, valueOffset, end, blockBytes, dir.ino, INLINE_REST);
  region.verify(context.inodesCount);
  return region;
}

/** Sets the region to the part that a slot is in. @throws Corrupt */
export function usePart(context: DirContext, dir: Inode, fileBlock: number): EntryRegion {
  return fileBlock === INLINE_HEAD ? useHead(context, dir) : useRest(context, dir);
}

/** Finds a name other than "." and "..". 0 when it is absent. @throws Corrupt */
export function findInline(
  context: DirContext,
  dir: Inode,
  name: Uint8Array,
  out: DirSlot,
): number {
  let region = useHead(context, dir);
  let at = context.findEntry(dir, region, name);
  if (at < 0) {
    region = useRest(context, dir);
    at = context.findEntry(dir, region, name);
  }
  return at < 0 ? 0 : fillSlot(region, at, out);
}

/**
 * Adds an entry where there is room, letting system.data grow.
 *
 * @returns 0, or WANTS_BLOCK with nothing changed.
 * @throws Corrupt
 */
export function addInline(
  context: DirContext,
  handle: Handle,
  dir: Inode,
  name: Uint8Array,
  ino: number,
  fileType: number,
): number {
  const need = direntBytes(name.length);
  let region = useHead(context, dir);
  let at = region.findRoom(need);
  if (at < 0) {
    region = useRest(context, dir);
    at = region.findRoom(need);
    if (at < 0) {
      if (!growRest(context, handle, dir, region, need)) return WANTS_BLOCK;
      region = useRest(context, dir);
      at = region.findRoom(need);
    }
  }
  region.insert(at, name, ino, fileType);
  context.volume.dirtyInode(handle, dir);
  return 0;
}

/** Lets system.data grow by `need` bytes, as room of its last entry. */
function growRest(
  context: DirContext,
  handle: Handle,
  dir: Inode,
  rest: EntryRegion,
  need: number,
): boolean {
  const size = dir.size + need;
  if (size > capacity(context.alloc, dir)) return false;
  const last = rest.start === rest.end ? -1 : rest.before(rest.end) - rest.start;
  if (growInline(context.alloc, handle, dir, size) !== 0) return false;
  const { valueOffset, value } = inlineRegions(context.alloc, dir);
  const entry = valueOffset + Math.max(0, last);
  if (last < 0) setDirentInode(dir.view, entry, 0);
  setDirentRecLen(dir.view, entry, valueOffset + value.length - entry, context.blockBytes);
  dir.size = INLINE_I_BLOCK_BYTES + value.length;
  return true;
}

/**
 * Moves an inline directory into a block.
 *
 * @returns 0, or, with nothing changed, -ENOSPC or NEEDS_COMMIT.
 * @throws Corrupt
 */
export function convertToBlock(
  context: DirContext,
  handle: Handle,
  dir: Inode,
  privileged: boolean,
): number {
  const { alloc } = context;
  const parent = inlineDotDot(context, dir);
  useHead(context, dir);
  useRest(context, dir);
  const size = dir.size;
  const content = clearInline(alloc, handle, dir);
  let diskBlock = 0;
  try {
    initialiseMap(dir, context.extents);
    dir.size = 0;
    diskBlock = appendBlock(context, handle, dir, privileged);
  } finally {
    if (diskBlock <= 0) {
      dir.size = size;
      dir.forgetMapping();
      restoreInline(alloc, handle, dir, content);
    }
  }
  if (diskBlock < 0) return diskBlock;
  writeFirstBlock(context, handle, dir, diskBlock, parent, content);
  dir.dirHint = 0;
  context.generation++;
  return 0;
}

/**
 * Writes block 0 of a directory without an index.
 *
 * @param content what follows i_block's first four bytes when the directory was inline, else empty.
 */
export function writeFirstBlock(
  context: DirContext,
  handle: Handle,
  dir: Inode,
  diskBlock: number,
  parent: number,
  content: Uint8Array,
): void {
  const { blockBytes, leafBytes, filetype } = context;
  const buffer = context.cache.fresh(diskBlock);
  const { bytes, view } = buffer;
  const type = filetype ? FileType.DIRECTORY : FileType.UNKNOWN;
  writeDirent(bytes, view, 0, dir.ino, 12, blockBytes, type, DOT);
  writeDirent(bytes, view, 12, parent, 12, blockBytes, type, DOT_DOT);
  let last = 12;
  if (content.length > INLINE_DIRECTORY_HEADER_BYTES) {
    bytes.set(content.subarray(INLINE_DIRECTORY_HEADER_BYTES), AFTER_DOTS);
    const end = AFTER_DOTS + content.length - INLINE_DIRECTORY_HEADER_BYTES;
    last = AFTER_DOTS;
    for (let next = last; next < end; next += direntRecLen(view, next, blockBytes)) last = next;
  }
  setDirentRecLen(view, last, leafBytes - last, blockBytes);
  if (context.checksums) writeDirentTail(view, blockBytes);
  buffer.verifiedAs = VERIFIED_FIRST_LEAF;
  dirtyLeaf(context, handle, dir, buffer);
}
