/**
 * Reading a directory in the order of its blocks. A cookie is the byte offset of the next entry; entries never move
 * here, and a cookie within what became the slack of another entry leads on to the next one.
 *
 * @module
 */

import { direntInode, direntRecLen, MIN_DIRENT_BYTES } from "../layout/dirent.ts";
import { InodeFlag } from "../layout/inode.ts";
import { lookup, type Mapping } from "../map/map.ts";
import type { Inode } from "../volume/inode.ts";
import { directoryBlocks, dotDotOffset, useLeaf, verifiedLeaf } from "./blocks.ts";
import type { DirContext } from "./context.ts";
import { type EmitEntry, emitEntry } from "./emit_entry.ts";
import type { EntryRegion } from "./entry_region.ts";
import { useHead, useRest } from "./inline_dir.ts";

const run: Mapping = { diskBlock: 0, blocks: 0, unwritten: false };
const LONG_RUN = 0x10000000;
/** Cookie of the first entry of an inline directory: as if "." and ".." were there as in a block. */
const INLINE_START = 24;

/** See `read`; without "." and "..". */
export function readLinear(
  context: DirContext,
  dir: Inode,
  cookie: number,
  emit: EmitEntry,
): void {
  if (dir.has(InodeFlag.INLINE_DATA)) {
    const head = useHead(context, dir);
    const restCookie = INLINE_START + head.end - head.start;
    if (!emitRegion(context, head, INLINE_START, cookie, emit)) return;
    emitRegion(context, useRest(context, dir), restCookie, cookie, emit);
    return;
  }
  const { blockBytes } = context;
  const blocks = directoryBlocks(context, dir);
  let fileBlock = Math.max(0, Math.floor(cookie / blockBytes));
  while (fileBlock < blocks) {
    lookup(context.alloc, dir, fileBlock, Math.min(blocks - fileBlock, LONG_RUN), run);
    if (run.diskBlock === 0) {
      fileBlock += Math.max(1, run.blocks);
      continue;
    }
    const leaf = verifiedLeaf(context, dir, fileBlock, run.diskBlock);
    const region = useLeaf(context, dir, fileBlock, leaf);
    if (fileBlock === 0) {
      const dotDot = dotDotOffset(context, leaf);
      region.start = dotDot + direntRecLen(leaf.view, dotDot, blockBytes);
    }
    const base = fileBlock * blockBytes + region.start;
    if (!emitRegion(context, region, base, cookie, emit)) return;
    fileBlock++;
  }
}

/** Emits a region's entries from `cookie` on; the region's start has the cookie `base`. */
function emitRegion(
  context: DirContext,
  source: EntryRegion,
  base: number,
  cookie: number,
  emit: EmitEntry,
): boolean {
  const region = context.readRegion.copy(source);
  const { view, start, end, blockBytes } = region;
  for (let at = start; at < end;) {
    const recLen = direntRecLen(view, at, blockBytes);
    if (recLen < MIN_DIRENT_BYTES) throw region.corrupt(at, `rec_len ${recLen}`);
    const next = at + recLen;
    const place = base + at - start;
    if (place >= cookie && direntInode(view, at) !== 0) {
      if (!emitEntry(context, region, at, base + next - start, emit)) return false;
    }
    at = next;
  }
  return true;
}
