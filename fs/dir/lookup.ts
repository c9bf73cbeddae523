/**
 * Finding a name in a directory of blocks, by its index or by looking at every block.
 *
 * @module
 */

import { direntFileType, direntInode } from "../layout/dirent.ts";
import { corruptHtree } from "../layout/htree.ts";
import { lookup, type Mapping } from "../map/map.ts";
import type { Inode } from "../volume/inode.ts";
import {
  directoryBlocks,
  dotDotOffset,
  loadFirst,
  loadLeaf,
  useLeaf,
  verifiedLeaf,
  walkLimit,
} from "./blocks.ts";
import type { DirContext } from "./context.ts";
import type { DirSlot } from "./dir_slot.ts";
import type { EntryRegion } from "./entry_region.ts";
import { nextLeafOfHash, probeName } from "./htree_path.ts";

/** Most blocks of a hole that are passed over by one look at the map. */
const LONG_RUN = 0x10000000;

/** Whether the name is "." or "..". */
export function isDots(name: Uint8Array): boolean {
  return name[0] === 0x2e && (name.length === 1 || (name.length === 2 && name[1] === 0x2e));
}

/** Fills the slot from the entry at `at` of the region. Returns its inode number. */
export function fillSlot(region: EntryRegion, at: number, out: DirSlot): number {
  const ino = direntInode(region.view, at);
  out.ino = ino;
  out.fileType = direntFileType(region.view, at);
  out.fileBlock = region.fileBlock;
  out.offset = at;
  return ino;
}

/** Finds "." or "..", which are the first entries of block 0 in every directory of blocks. */
export function findDots(context: DirContext, dir: Inode, name: Uint8Array, out: DirSlot): number {
  const first = loadFirst(context, dir);
  const at = name.length === 1 ? 0 : dotDotOffset(context, first);
  return fillSlot(useLeaf(context, dir, 0, first), at, out);
}

/** Finds a name through the index. 0 when it is absent. @throws Corrupt */
export function findIndexed(
  context: DirContext,
  dir: Inode,
  name: Uint8Array,
  out: DirSlot,
): number {
  const hash = probeName(context, dir, name);
  let left = -1;
  do {
    const region = useLeaf(
      context,
      dir,
      context.leafBlock,
      loadLeaf(context, dir, context.leafBlock),
    );
    const at = context.findEntry(dir, region, name);
    if (at >= 0) return fillSlot(region, at, out);
    if (left < 0) left = walkLimit(context, dir);
    if (left-- === 0) throw corruptHtree(dir.ino, 0, "leaves of one hash without end");
  } while (nextLeafOfHash(context, dir, hash));
  return 0;
}

const run: Mapping = { diskBlock: 0, blocks: 0, unwritten: false };

/** Finds a name by looking at every block. 0 when it is absent. @throws Corrupt */
export function findLinear(
  context: DirContext,
  dir: Inode,
  name: Uint8Array,
  out: DirSlot,
): number {
  const blocks = directoryBlocks(context, dir);
  for (let fileBlock = 0; fileBlock < blocks;) {
    lookup(context.alloc, dir, fileBlock, Math.min(blocks - fileBlock, LONG_RUN), run);
    const { diskBlock } = run;
    const next = fileBlock + Math.max(1, run.blocks);
    if (diskBlock === 0) {
      fileBlock = next;
      continue;
    }
    for (let i = 0; fileBlock < next; i++, fileBlock++) {
      const leaf = verifiedLeaf(context, dir, fileBlock, diskBlock + i);
      const region = useLeaf(context, dir, fileBlock, leaf);
      const at = context.findEntry(dir, region, name);
      if (at >= 0) return fillSlot(region, at, out);
    }
  }
  return 0;
}
