/**
 * Whether a directory may be removed.
 *
 * @module
 */

import type { Allocator } from "../alloc/allocator.ts";
import { direntRecLen } from "../layout/dirent.ts";
import { corruptHtree } from "../layout/htree.ts";
import { InodeFlag } from "../layout/inode.ts";
import { lookup, type Mapping } from "../map/map.ts";
import type { Inode } from "../volume/inode.ts";
import {
  directoryBlocks,
  dotDotOffset,
  isIndexed,
  loadLeaf,
  useLeaf,
  verifiedLeaf,
  walkLimit,
} from "./blocks.ts";
import { contextOf, type DirContext } from "./context.ts";
import { nextLeaf, probeHash } from "./htree_path.ts";
import { useHead, useRest } from "./inline_dir.ts";

const LONG_RUN = 0x10000000;
const run: Mapping = { diskBlock: 0, blocks: 0, unwritten: false };

/** Whether there is nothing but "." and "..". @throws Corrupt */
export function isEmpty(alloc: Allocator, dir: Inode): boolean {
  const context = contextOf(alloc);
  if (dir.has(InodeFlag.INLINE_DATA)) {
    return !useHead(context, dir).isUsed() && !useRest(context, dir).isUsed();
  }
  return isIndexed(context, dir) ? isIndexEmpty(context, dir) : areBlocksEmpty(context, dir);
}

function isIndexEmpty(context: DirContext, dir: Inode): boolean {
  let left = walkLimit(context, dir);
  probeHash(context, dir, 0);
  do {
    const leaf = loadLeaf(context, dir, context.leafBlock);
    if (useLeaf(context, dir, context.leafBlock, leaf).isUsed()) return false;
    if (left-- === 0) throw corruptHtree(dir.ino, 0, "leaves without end");
  } while (nextLeaf(context, dir));
  return true;
}

function areBlocksEmpty(context: DirContext, dir: Inode): boolean {
  const blocks = directoryBlocks(context, dir);
  for (let fileBlock = 0; fileBlock < blocks;) {
    lookup(context.alloc, dir, fileBlock, Math.min(blocks - fileBlock, LONG_RUN), run);
    if (run.diskBlock === 0) {
      fileBlock += Math.max(1, run.blocks);
      continue;
    }
    const leaf = verifiedLeaf(context, dir, fileBlock, run.diskBlock);
    const region = useLeaf(context, dir, fileBlock, leaf);
    if (fileBlock === 0) {
      const dotDot = dotDotOffset(context, leaf);
      region.start = dotDot + direntRecLen(leaf.view, dotDot, context.blockBytes);
    }
    if (region.isUsed()) return false;
    fileBlock++;
  }
  return true;
}
