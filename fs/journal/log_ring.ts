/**
 * Which part of the log's ring is in use.
 *
 * @module
 */

import type { JournalSuperblock } from "../layout/journal_superblock.ts";

/** Journal blocks in use lie from the tail to the head, around the end. */
export class LogRing {
  readonly firstBlock: number;
  readonly endBlock: number;
  /** Where the next transaction goes. */
  head: number;
  usedBlocks = 0;

  /** Begins empty, at s_head if the superblock has one. */
  constructor(superblock: JournalSuperblock) {
    this.firstBlock = superblock.firstBlock;
    this.endBlock = superblock.logEndBlock;
    const { headBlock } = superblock;
    const usable = headBlock >= this.firstBlock && headBlock < this.endBlock;
    this.head = usable ? headBlock : this.firstBlock;
  }

  get totalBlocks(): number {
    return this.endBlock - this.firstBlock;
  }

  /** Blocks that can be taken; one is always left, so that a full ring differs from an empty one. */
  get freeBlocks(): number {
    return this.totalBlocks - this.usedBlocks - 1;
  }

  /** The journal block `count` blocks behind `block`. */
  after(block: number, count: number): number {
    const at = block + count;
    return at >= this.endBlock ? at - this.totalBlocks : at;
  }

  /** Takes blocks at the head. @returns the first of them */
  take(count: number): number {
    const { head } = this;
    this.head = this.after(head, count);
    this.usedBlocks += count;
    return head;
  }

  /** Gives blocks at the tail back. */
  give(count: number): void {
    this.usedBlocks -= count;
  }
}
