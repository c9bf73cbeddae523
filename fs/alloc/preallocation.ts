/**
 * Windows of clusters reserved, in memory only, behind the end of files that grow: a file that is written in pieces
 * while others are written too still gets few extents. Other allocations do not see the windows until room is short.
 *
 * @module
 */

import type { Geometry } from "../volume/geometry.ts";
import type { Inode, Preallocation } from "../volume/inode.ts";
import type { BlockChooser } from "./choose_block.ts";
import type { HiddenSpace } from "./hidden_space.ts";

/** Longest window in bytes. */
const LONGEST_BYTES = 8 << 20;
/** Shortest window in blocks. */
const SHORTEST = 8;
/** A first write of so many blocks is taken for the beginning of a large file. */
const LARGE_FIRST_WRITE = 16;
/** Windows kept at a time; an older one makes room for a newer. */
const MOST_WINDOWS = 1024;
/** One window takes at most this part of the free clusters. */
const SHARE = 64;

/** The windows of all files. */
export class Preallocations {
  readonly #owners = new Set<Inode>();
  /** Blocks in all windows. */
  reservedBlocks = 0;

  constructor(
    readonly geometry: Geometry,
    readonly hidden: HiddenSpace,
    readonly chooser: BlockChooser,
  ) {}

  get count(): number {
    return this.#owners.size;
  }

  /**
   * Blocks to reserve behind an append of `blocks` blocks at `fileBlock`: as many as the file has, in bounds.
   * @param freeClusters what is left in the file system.
   */
  windowBlocks(fileBlock: number, blocks: number, freeClusters: number): number {
    if (fileBlock === 0 && blocks < LARGE_FIRST_WRITE) return 0;
    const longest = LONGEST_BYTES / this.geometry.blockBytes;
    const size = Math.min(Math.max(fileBlock + blocks, SHORTEST), longest);
    return Math.min(size, Math.floor(freeClusters / SHARE) * this.geometry.clusterBlocks);
  }

  /** Reserves whole clusters from `diskBlock` on, within one group, for `fileBlock` and what follows. */
  reserve(inode: Inode, fileBlock: number, diskBlock: number, blocks: number): void {
    this.release(inode);
    if (this.#owners.size >= MOST_WINDOWS) {
      for (const oldest of this.#owners) {
        this.release(oldest);
        break;
      }
    }
    this.#hide(diskBlock, blocks);
    inode.preallocation = { diskBlock, fileBlock, blocks };
    this.#owners.add(inode);
    this.reservedBlocks += blocks;
  }

  /**
   * Shows what a window holds for `fileBlock` on, to be taken at once: `blocks` blocks at most, whole clusters. What
   * the file skipped is given back, the rest stays reserved.
   *
   * @returns the blocks at `taken.diskBlock`; 0 when the file has no window there (one elsewhere is given back).
   */
  draw(inode: Inode, fileBlock: number, blocks: number, taken: { diskBlock: number }): number {
    const window = inode.preallocation;
    if (window === null) return 0;
    const skipped = fileBlock - window.fileBlock;
    if (skipped !== 0) {
      if (skipped < 0 || skipped >= window.blocks) {
        this.release(inode);
        return 0;
      }
      this.#giveBack(inode, window, skipped);
    }
    const count = Math.min(blocks, window.blocks);
    taken.diskBlock = window.diskBlock;
    this.#shrink(inode, window, count);
    return count;
  }

  /** Gives the file's window back. */
  release(inode: Inode): void {
    const window = inode.preallocation;
    if (window !== null) this.#giveBack(inode, window, window.blocks);
  }

  /** Gives all windows back. */
  releaseAll(): void {
    for (const inode of this.#owners) this.release(inode);
  }

  /** Lets others have the first `blocks` blocks of a window. */
  #giveBack(inode: Inode, window: Preallocation, blocks: number): void {
    const { diskBlock } = window;
    this.#shrink(inode, window, blocks);
    const { geometry } = this;
    this.chooser.revealed(geometry.groupOfBlock(diskBlock), geometry.bitOfBlock(diskBlock));
  }

  /** Takes the first `blocks` blocks off a window. */
  #shrink(inode: Inode, window: Preallocation, blocks: number): void {
    const { geometry } = this;
    const group = geometry.groupOfBlock(window.diskBlock);
    const bit = geometry.bitOfBlock(window.diskBlock);
    this.hidden.reveal(group, bit, blocks / geometry.clusterBlocks);
    this.reservedBlocks -= blocks;
    window.diskBlock += blocks;
    window.fileBlock += blocks;
    window.blocks -= blocks;
    if (window.blocks > 0) return;
    inode.preallocation = null;
    this.#owners.delete(inode);
  }

  #hide(diskBlock: number, blocks: number): void {
    const { geometry } = this;
    const group = geometry.groupOfBlock(diskBlock);
    const bit = geometry.bitOfBlock(diskBlock);
    this.hidden.hide(group, bit, blocks / geometry.clusterBlocks);
    this.chooser.taken(group, bit, blocks / geometry.clusterBlocks);
  }
}
