/**
 * Reading a directory from a cookie on.
 *
 * With the dir_index feature every directory that has an index, or may get one (one block, or inline), is read in the
 * order of name hashes, so that a cookie outlives the change from one form to the next. All others are read in
 * the order of their blocks, and cookies are byte offsets.
 *
 * @module
 */

import type { Allocator } from "../alloc/allocator.ts";
import { FileType } from "../layout/dirent.ts";
import { rootHashVersion } from "../layout/htree.ts";
import { InodeFlag } from "../layout/inode.ts";
import type { Inode } from "../volume/inode.ts";
import { isIndexed, loadRoot } from "./blocks.ts";
import { contextOf, type DirContext } from "./context.ts";
import { parentOf } from "./create.ts";
import type { EmitEntry } from "./emit_entry.ts";
import { readHashed } from "./read_hashed.ts";
import { readLinear } from "./read_linear.ts";

const DOTS = Uint8Array.of(0x2e, 0x2e);

/**
 * Tells `emit` of the entries from a cookie on, "." and ".." first, until it returns false. `emit` must not change any
 * directory.
 *
 * @param cookie 0 for the start, or a `nextCookie` of this directory, below 2^51. It stays good while others add and
 *   remove entries: what is there all the time is told of once.
 * @throws Corrupt
 */
export function read(alloc: Allocator, dir: Inode, cookie: number, emit: EmitEntry): void {
  const context = contextOf(alloc);
  const hashed = context.dirIndex &&
    (dir.has(InodeFlag.INLINE_DATA) || dir.size === context.blockBytes || isIndexed(context, dir));
  context.shows = "nothing";
  if (context.isEncrypted(dir)) showNames(context, dir, hashed);
  if (hashed) {
    if (emitDots(context, dir, cookie, 1, 2, emit)) readHashed(context, dir, cookie, emit);
  } else if (emitDots(context, dir, cookie, 12, 24, emit)) readLinear(context, dir, cookie, emit);
}

/** Names of an encrypted directory carry the hash by which they are found again. */
function showNames(context: DirContext, dir: Inode, hashed: boolean): void {
  context.shows = hashed ? "names with hashes" : "names";
  if (!hashed) return;
  const indexed = !dir.has(InodeFlag.INLINE_DATA) && isIndexed(context, dir);
  const version = indexed ? rootHashVersion(loadRoot(context, dir).view) : context.newHashVersion;
  context.useHash(dir, version);
}

/** Emits "." and ".." unless the cookie is past them. */
function emitDots(
  context: DirContext,
  dir: Inode,
  cookie: number,
  second: number,
  third: number,
  emit: EmitEntry,
): boolean {
  if (cookie >= third) return true;
  if (cookie < second && !emit(DOTS, 0, 1, dir.ino, second, FileType.DIRECTORY)) return false;
  return emit(DOTS, 0, 2, parentOf(context, dir), third, FileType.DIRECTORY);
}
