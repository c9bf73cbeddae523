/**
 * How much space snapshots hold.
 *
 * @module
 */

import { nextFree, nextUsed } from "../alloc/bitmap.ts";
import { lookup, newMapping } from "../map/map.ts";
import type { SnapshotChain } from "./chain.ts";
import { UsedBlocks } from "./used_blocks.ts";

const mapping = newMapping();
const older = newMapping();

/** Blocks that a snapshot's file has. */
export interface HeldSpace {
  /** All of them, its map included. */
  readonly blocks: number;
  /** Those that would be free if it were deleted: no older snapshot needs them. */
  readonly aloneBlocks: number;
}

/** Tells which blocks an older snapshot would take over. */
export class Need {
  readonly #used: UsedBlocks;
  readonly #none: Int32Array;
  #group = -1;
  #view = new DataView(new ArrayBuffer(0));

  /** @param ino of the older snapshot's file. */
  constructor(readonly chain: SnapshotChain, readonly ino: number) {
    this.#used = new UsedBlocks(chain, ino);
    this.#none = new Int32Array(chain.alloc.volume.geometry.blockBytes / 4);
  }

  /**
   * How many of the blocks, which a newer snapshot's file has, the older one needs; below 0: how many it does not.
   * @throws Corrupt, DeviceError
   */
  run(block: number, blocks: number): number {
    const { alloc } = this.chain;
    const { geometry, inodes } = alloc.volume;
    const used = this.#sameUse(block, blocks);
    const file = inodes.get(this.ino);
    lookup(alloc, file, block, Math.min(Math.abs(used), geometry.blocksCount - block), older);
    return used > 0 && older.diskBlock === 0 ? older.blocks : -older.blocks;
  }

  /** How many of the blocks were in use at the older snapshot; below 0: how many were not. */
  #sameUse(block: number, blocks: number): number {
    const { geometry } = this.chain.alloc.volume;
    // Before the first group there is nothing but the boot block.
    if (block < geometry.firstDataBlock) return 1;
    const group = geometry.groupOfBlock(block);
    if (group !== this.#group) {
      this.#view = new DataView(this.#used.words(group).buffer);
      this.#group = group;
    }
    const bit = geometry.bitOfBlock(block);
    const end = Math.min(bit + blocks, geometry.groupBlocks(group));
    const used = nextUsed(this.#view, this.#none, bit, end);
    if (used > bit) return bit - used;
    return nextFree(this.#view, this.#none, bit, end) - bit;
  }
}

/** The space of the snapshot at `index`. @throws Corrupt, DeviceError */
export function heldSpace(chain: SnapshotChain, index: number): HeldSpace {
  const { alloc } = chain;
  const { blocksCount, blockBytes } = alloc.volume.geometry;
  const entry = chain.entries[index];
  if (entry === undefined) return { blocks: 0, aloneBlocks: 0 };
  const blocks = chain.file(entry).sectors / (blockBytes / 512);
  const before = chain.entries[index - 1];
  if (before === undefined || before.damaged || entry.damaged) {
    return { blocks, aloneBlocks: blocks };
  }
  const need = new Need(chain, before.ino);
  let needed = 0;
  for (let at = 0; at < blocksCount;) {
    lookup(alloc, chain.file(entry), at, blocksCount - at, mapping);
    const run = mapping.diskBlock === 0 ? -mapping.blocks : need.run(at, mapping.blocks);
    if (run > 0) needed += run;
    at += Math.abs(run);
  }
  return { blocks, aloneBlocks: blocks - needed };
}
