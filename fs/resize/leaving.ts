/**
 * Which blocks have to be empty before a file system gets smaller.
 *
 * @module
 */

import type { BlockRun } from "./block_run.ts";

/** The blocks from `limit` on, and some before it. */
export class Leaving {
  /** @param others below `limit`, not overlapping, sorted. */
  constructor(readonly limit: number, readonly others: readonly BlockRun[]) {}

  has(block: number): boolean {
    return block >= this.limit ||
      this.others.some(({ start, blocks }) => block >= start && block < start + blocks);
  }

  /** Whether any of the blocks has to go. */
  touches(block: number, blocks: number): boolean {
    return block + blocks > this.limit ||
      this.others.some((run) => run.start < block + blocks && block < run.start + run.blocks);
  }

  /** How many of `blocks` blocks from `block` on share its fate. */
  alike(block: number, blocks: number): number {
    let end = block + blocks;
    for (const edge of this.#edges()) if (edge > block && edge < end) end = edge;
    return end - block;
  }

  *#edges(): Generator<number> {
    yield this.limit;
    for (const { start, blocks } of this.others) {
      yield start;
      yield start + blocks;
    }
  }
}
