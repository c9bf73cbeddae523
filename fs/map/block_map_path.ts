/**
 * The way through the block map of a file without extents: i_block, then up to three indirect blocks. Nothing in an
 * indirect block is trusted: every number is checked before it is used.
 *
 * @module
 */

import type { Allocator } from "../alloc/allocator.ts";
import type { Buffer } from "../device/cache.ts";
import { Corrupt } from "../errors.ts";
import type { Handle } from "../journal/transaction.ts";
import { blocksBelowSlot, indirectPath, pointersPerBlock } from "../layout/indirect.ts";
import { I_BLOCK_OFFSET } from "../layout/inode.ts";
import type { Inode } from "../volume/inode.ts";
import { mayMapSystemBlocks } from "./extent_path.ts";

/** A way through a block map; an object that is used again and again. */
export class BlockMapPath {
  /** The slot in the array of each level: level 0 is i_block. */
  readonly slots = new Uint32Array(4);
  /** The indirect block of each level; level 0 has none. */
  readonly buffers: (Buffer | null)[] = [null, null, null, null];
  /** Indirect blocks on the way to the file block. */
  depth = 0;
  /** The last level that exists: `depth`, unless an indirect block is missing. */
  reached = 0;
  #inode: Inode | null = null;

  /**
   * Goes towards `fileBlock`.
   * @returns whether the map can address it.
   * @throws Corrupt "block map"; DeviceError.
   */
  find(alloc: Allocator, inode: Inode, fileBlock: number): boolean {
    const { cache, geometry } = alloc.volume;
    this.#inode = inode;
    this.depth = indirectPath(fileBlock, geometry.blockBytes, this.slots);
    this.reached = 0;
    if (this.depth < 0) return false;
    while (this.reached < this.depth) {
      const block = this.pointer(this.reached, this.slot(this.reached));
      if (block === 0) return true;
      checkPointers(alloc, inode, block, 1);
      this.buffers[++this.reached] = cache.get(block);
    }
    return true;
  }

  slot(level: number): number {
    return this.slots[level] as number;
  }

  /** The block number in a slot of a level that was reached. */
  pointer(level: number, slot: number): number {
    const buffer = this.buffers[level] ?? null;
    if (buffer !== null) return buffer.view.getUint32(slot * 4, true);
    return this.#inode === null ? 0 : this.#inode.view.getUint32(I_BLOCK_OFFSET + slot * 4, true);
  }

  setPointer(
    alloc: Allocator,
    handle: Handle,
    inode: Inode,
    level: number,
    slot: number,
    block: number,
  ): void {
    const buffer = this.buffers[level] ?? null;
    if (buffer === null) {
      inode.view.setUint32(I_BLOCK_OFFSET + slot * 4, block, true);
      alloc.volume.dirtyInode(handle, inode);
    } else {
      buffer.view.setUint32(slot * 4, block, true);
      handle.dirty(buffer);
    }
  }

  /** Slots of the array at a level that stand for consecutive file blocks with this one. */
  arraySlots(alloc: Allocator, level: number): number {
    if (level > 0) return pointersPerBlock(alloc.volume.geometry.blockBytes);
    return this.depth === 0 ? 12 : this.slot(0) + 1;
  }

  /** File blocks below each slot of the array at a level. */
  slotBlocks(alloc: Allocator, level: number): number {
    return blocksBelowSlot(this.depth - level, alloc.volume.geometry.blockBytes);
  }

  /** How far `find`'s file block lies behind the first below the slot at a level. */
  offsetInSlot(alloc: Allocator, level: number): number {
    let offset = 0;
    for (let below = level + 1; below <= this.depth; below++) {
      offset += this.slot(below) * this.slotBlocks(alloc, below);
    }
    return offset;
  }
}

/** Checks numbers found in a block map. @throws Corrupt */
export function checkPointers(
  alloc: Allocator,
  inode: Inode,
  diskBlock: number,
  blocks: number,
): void {
  const bad = (field: string): Corrupt => new Corrupt("block map", `inode ${inode.ino}`, field);
  if (!alloc.volume.geometry.blocksInRange(diskBlock, blocks)) {
    throw bad(`block ${diskBlock} is outside the file system`);
  }
  if (alloc.isSystemBlock(diskBlock, blocks) && !mayMapSystemBlocks(alloc, inode)) {
    throw bad(`block ${diskBlock} is fixed metadata`);
  }
}
