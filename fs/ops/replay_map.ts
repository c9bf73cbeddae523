/** Mapping file blocks to the very disk blocks that a fast commit names. @module */

import type { Allocator } from "../alloc/allocator.ts";
import { Corrupt } from "../errors.ts";
import type { Handle } from "../journal/transaction.ts";
import { InodeFlag } from "../layout/inode.ts";
import { clusterBlockOf, placeRange } from "../map/map.ts";
import type { Inode } from "../volume/inode.ts";

/**
 * Maps the start of a hole. Clusters that the file does not have yet are taken into use; they must be free.
 * @returns how many of the blocks are mapped now; or the allocator's negative answer, with nothing changed.
 * @throws Corrupt when the blocks are somebody's; DeviceError.
 */
export function mapRecorded(
  alloc: Allocator,
  handle: Handle,
  inode: Inode,
  fileBlock: number,
  blocks: number,
  diskBlock: number,
  unwritten: boolean,
): number {
  const bad = (field: string): Corrupt => new Corrupt("fast commit", `inode ${inode.ino}`, field);
  const { geometry } = alloc.volume;
  const { clusterBlocks } = geometry;
  if (!inode.has(InodeFlag.EXTENTS) && (unwritten || clusterBlocks > 1)) {
    throw bad("it has no extents");
  }
  if ((fileBlock - diskBlock) % clusterBlocks !== 0) throw bad(`block ${diskBlock} in its cluster`);
  let first = diskBlock - diskBlock % clusterBlocks;
  const last = diskBlock + blocks - 1;
  let end = Math.min(last - last % clusterBlocks + clusterBlocks, geometry.blocksCount);
  // The clusters at the ends may be the file's already.
  if (isOwn(alloc, inode, fileBlock, diskBlock)) first += clusterBlocks;
  if (end > first && isOwn(alloc, inode, fileBlock + blocks - 1, last)) {
    end = last - last % clusterBlocks;
  }
  if (end > first) alloc.claim(handle, inode, first, end - first);
  const result = placeRange(alloc, handle, inode, fileBlock, blocks, diskBlock, unwritten);
  // An indirect block may have room for a part only.
  const unused = result < 0 ? first : diskBlock + result;
  if (result < blocks && end > unused) alloc.unclaim(handle, inode, unused, end - unused);
  return result;
}

/** Whether another block of the file lies in the cluster. @throws Corrupt when the file has it elsewhere. */
function isOwn(alloc: Allocator, inode: Inode, fileBlock: number, diskBlock: number): boolean {
  if (alloc.volume.geometry.clusterBlocks === 1) return false;
  const own = clusterBlockOf(alloc, inode, fileBlock);
  if (own === 0 || own === diskBlock) return own !== 0;
  throw new Corrupt("fast commit", `inode ${inode.ino}`, `block ${diskBlock} splits a cluster`);
}
