/**
 * Adding an entry to a directory of blocks without an index.
 *
 * @module
 */

import type { Handle } from "../journal/transaction.ts";
import { direntBytes } from "../layout/dirent.ts";
import { InodeFlag } from "../layout/inode.ts";
import { lookup, type Mapping } from "../map/map.ts";
import type { Inode } from "../volume/inode.ts";
import {
  appendBlock,
  directoryBlocks,
  dirtyLeaf,
  initialiseLeaf,
  useLeaf,
  verifiedLeaf,
} from "./blocks.ts";
import type { DirContext } from "./context.ts";

/** Answer of `addLinear`: the directory's only block is full, and the volume wants an index then. */
export const WANTS_INDEX = 1;

const one: Mapping = { diskBlock: 0, blocks: 0, unwritten: false };

/**
 * Adds an entry in the first place that has room, from `dir.dirHint` on, or in a new block.
 *
 * @returns 0, or, with nothing changed, WANTS_INDEX, -ENOSPC or NEEDS_COMMIT.
 * @throws Corrupt
 */
export function addLinear(
  context: DirContext,
  handle: Handle,
  dir: Inode,
  name: Uint8Array,
  ino: number,
  fileType: number,
  privileged: boolean,
): number {
  const blocks = directoryBlocks(context, dir);
  const need = direntBytes(name.length);
  for (let fileBlock = Math.min(dir.dirHint, blocks); fileBlock < blocks; fileBlock++) {
    lookup(context.alloc, dir, fileBlock, 1, one);
    if (one.diskBlock === 0) continue;
    const leaf = verifiedLeaf(context, dir, fileBlock, one.diskBlock);
    const region = useLeaf(context, dir, fileBlock, leaf);
    const at = region.findRoom(need);
    if (at < 0) continue;
    region.insert(at, name, ino, fileType);
    dirtyLeaf(context, handle, dir, leaf);
    dir.dirHint = fileBlock;
    dropStaleIndexFlag(context, handle, dir);
    return 0;
  }
  if (blocks === 1 && context.dirIndex) return WANTS_INDEX;
  const diskBlock = appendBlock(context, handle, dir, privileged);
  if (diskBlock < 0) return diskBlock;
  const leaf = context.cache.fresh(diskBlock);
  initialiseLeaf(context, leaf);
  useLeaf(context, dir, blocks, leaf).insert(0, name, ino, fileType);
  dirtyLeaf(context, handle, dir, leaf);
  dir.dirHint = blocks;
  dropStaleIndexFlag(context, handle, dir);
  return 0;
}

/** Without the dir_index feature an entry may have gone into what was an index block: it is none any more. */
function dropStaleIndexFlag(context: DirContext, handle: Handle, dir: Inode): void {
  if (!dir.has(InodeFlag.INDEX)) return;
  dir.setFlag(InodeFlag.INDEX, false);
  context.volume.dirtyInode(handle, dir);
}
