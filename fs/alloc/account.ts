/**
 * Accounting: takes chosen clusters into use and gives clusters back, in bitmaps, group descriptors and inodes.
 *
 * @module
 */

import { Corrupt } from "../errors.ts";
import type { Handle } from "../journal/transaction.ts";
import type { Inode } from "../volume/inode.ts";
import { chargeSectors } from "../volume/usage.ts";
import type { Volume } from "../volume/volume.ts";
import { allSet, clearBits, setBits } from "./bitmap.ts";
import type { BlockBitmaps } from "./block_bitmaps.ts";
import { PendingFrees } from "./pending_frees.ts";
import type { SystemZones } from "./system_zones.ts";

/** Keeps bitmaps, descriptors and inodes in step with what is allocated. */
export class Account {
  readonly pending: PendingFrees;
  /** Units of 512 bytes. */
  readonly sectorsPerCluster: number;

  constructor(
    readonly volume: Volume,
    readonly bitmaps: BlockBitmaps,
    readonly zones: SystemZones,
  ) {
    const { geometry } = volume;
    this.pending = new PendingFrees(geometry.blockBytes / 4);
    this.sectorsPerCluster = geometry.clusterBlocks * (geometry.blockBytes / 512);
  }

  /**
   * Takes free clusters of one group into use.
   * @throws Corrupt when they are fixed metadata, or more than the descriptor counts as free.
   */
  take(handle: Handle, inode: Inode | null, group: number, bit: number, clusters: number): void {
    const { geometry, groups } = this.volume;
    const block = geometry.groupFirstBlock(group) + bit * geometry.clusterBlocks;
    const blocks = Math.min(clusters * geometry.clusterBlocks, geometry.blocksCount - block);
    if (this.zones.overlaps(block, blocks)) {
      throw new Corrupt("block bitmap", `group ${group}`, `metadata block ${block} is free`);
    }
    const buffer = this.bitmaps.change(handle, group);
    if ((groups.freeClusters[group] as number) < clusters) {
      throw new Corrupt("group descriptor", `group ${group}`, "bg_free_blocks_count is too low");
    }
    setBits(buffer.view, bit, clusters);
    groups.addFreeClusters(group, -clusters);
    this.#charge(handle, inode, clusters);
  }

  /** Undoes `take` within the same operation: the clusters may be used again at once. */
  untake(handle: Handle, inode: Inode | null, group: number, bit: number, clusters: number): void {
    const buffer = this.bitmaps.change(handle, group);
    clearBits(buffer.view, bit, clusters);
    this.volume.groups.addFreeClusters(group, clusters);
    this.#charge(handle, inode, -clusters);
  }

  /**
   * Checks that `blocks` blocks from `diskBlock` on can be freed.
   * @throws Corrupt when they are out of range, fixed metadata, or free already.
   */
  check(diskBlock: number, blocks: number): void {
    const { geometry } = this.volume;
    const bad = (field: string): Corrupt =>
      new Corrupt("block map", `blocks ${diskBlock} to ${diskBlock + blocks - 1}`, field);
    if (!geometry.blocksInRange(diskBlock, blocks)) throw bad("outside the file system");
    if (this.zones.overlaps(diskBlock, blocks)) throw bad("freed, but fixed metadata");
    this.#eachGroup(diskBlock, blocks, (group, bit, clusters) => {
      const used = allSet(this.bitmaps.load(group).view, bit, clusters);
      if (!used || this.pending.overlaps(group, bit, clusters)) throw bad("freed, but not in use");
    });
  }

  /** Frees blocks that `check` has passed; whole clusters. Their bits are cleared when the transaction is sealed. */
  free(handle: Handle, inode: Inode | null, diskBlock: number, blocks: number): void {
    let total = 0;
    this.#eachGroup(diskBlock, blocks, (group, bit, clusters) => {
      // Makes the bitmap part of the transaction, so that its room there is accounted for.
      this.bitmaps.change(handle, group);
      this.pending.add(group, bit, clusters);
      this.volume.groups.addFreeClusters(group, clusters);
      total += clusters;
    });
    this.#charge(handle, inode, -total);
  }

  /** Clears the bits of everything pending. */
  seal(handle: Handle): void {
    for (const [group, { words }] of this.pending.groups) {
      const { view } = this.bitmaps.change(handle, group);
      for (let index = 0; index < words.length; index++) {
        const mask = words[index] as number;
        if (mask === 0) continue;
        view.setInt32(index << 2, view.getInt32(index << 2, true) & ~mask, true);
      }
    }
  }

  /** Calls `emit` for each group's part of a range of blocks, in clusters. */
  #eachGroup(
    diskBlock: number,
    blocks: number,
    emit: (group: number, bit: number, clusters: number) => void,
  ): void {
    const { geometry } = this.volume;
    const end = diskBlock + blocks;
    for (let block = diskBlock; block < end;) {
      const group = geometry.groupOfBlock(block);
      const next = Math.min(end, geometry.groupFirstBlock(group) + geometry.blocksPerGroup);
      const bit = geometry.bitOfBlock(block);
      emit(group, bit, geometry.bitOfBlock(next - 1) - bit + 1);
      block = next;
    }
  }

  #charge(handle: Handle, inode: Inode | null, clusters: number): void {
    if (inode === null) return;
    chargeSectors(this.volume, handle, inode, clusters * this.sectorsPerCluster);
  }
}
