/** Giving file blocks of a block-mapped file other disk blocks. @module */

import type { Allocator } from "../alloc/allocator.ts";
import { Corrupt } from "../errors.ts";
import type { Handle } from "../journal/transaction.ts";
import type { Inode } from "../volume/inode.ts";
import { BlockMapPath } from "./block_map_path.ts";

const path = new BlockMapPath();

/**
 * Maps file blocks, all of which are mapped, to `diskBlock` and what follows.
 * @returns 0.
 * @throws Corrupt when one of them is not mapped; DeviceError.
 */
export function replaceBlocks(
  alloc: Allocator,
  handle: Handle,
  inode: Inode,
  fileBlock: number,
  blocks: number,
  diskBlock: number,
): number {
  inode.forgetMapping();
  for (let i = 0; i < blocks; i++) {
    const known = path.find(alloc, inode, fileBlock + i);
    const { depth } = path;
    if (!known || path.reached < depth || path.pointer(depth, path.slot(depth)) === 0) {
      throw new Corrupt("block map", `inode ${inode.ino}`, `file block ${fileBlock + i} is a hole`);
    }
    path.setPointer(alloc, handle, inode, depth, path.slot(depth), diskBlock + i);
  }
  return 0;
}
