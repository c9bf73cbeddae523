/**
 * Where the fixed metadata lies: superblocks, group descriptors and room reserved for more of them, bitmaps, inode
 * tables, and what is added later (the journal). No file may map or free any of it.
 *
 * Kept as sorted, merged intervals: about one for each group, or for each flexible group, and backup.
 *
 * @module
 */

import { Compat, Incompat } from "../layout/features.ts";
import { groupHasSuperblock } from "../layout/superblock.ts";
import type { Geometry } from "../volume/geometry.ts";
import type { GroupTable } from "../volume/group_table.ts";

/** How many of the last intervals an added range is tried against. */
const OPEN_INTERVALS = 8;

/** Blocks at a group's start that hold copies of the superblock and of group descriptors (group 0: the originals). */
export function baseMetadataBlocks(geometry: Geometry, group: number): number {
  const { superblock, descriptorsPerBlock, descriptorBlocks } = geometry;
  const copies = groupHasSuperblock(superblock, group);
  let blocks = copies ? 1 : 0;
  // With 1 KiB blocks and clusters group 0 begins with the boot block.
  if (group === 0 && geometry.superblockBlock === 1 && geometry.firstDataBlock === 0) blocks++;
  const metaGroups = superblock.hasIncompat(Incompat.META_BG);
  const metaGroup = Math.floor(group / descriptorsPerBlock);
  if (metaGroups && metaGroup >= superblock.firstMetaBlockGroup) {
    const within = group % descriptorsPerBlock;
    return blocks + (within === 0 || within === 1 || within === descriptorsPerBlock - 1 ? 1 : 0);
  }
  if (!copies) return blocks;
  if (metaGroups) return blocks + superblock.firstMetaBlockGroup;
  const reserved = superblock.hasCompat(Compat.RESIZE_INODE) ? superblock.reservedGdtBlocks : 0;
  return blocks + descriptorBlocks + reserved;
}

/** The intervals of disk blocks that hold fixed metadata. */
export class SystemZones {
  #starts = new Float64Array(64);
  #ends = new Float64Array(64);
  #count = 0;
  #sorted = true;

  constructor(geometry: Geometry, groups: GroupTable) {
    for (let group = 0; group < geometry.groupCount; group++) {
      const base = Math.min(baseMetadataBlocks(geometry, group), geometry.groupBlocks(group));
      this.add(geometry.groupFirstBlock(group), base);
      this.add(groups.blockBitmap[group] as number, 1);
      this.add(groups.inodeBitmap[group] as number, 1);
      this.add(groups.inodeTable[group] as number, geometry.inodeTableBlocks);
    }
    this.#sort();
  }

  /** How many intervals there are. */
  get count(): number {
    return this.#count;
  }

  /** Protects `blocks` blocks from `diskBlock` on, too. */
  add(diskBlock: number, blocks: number): void {
    if (blocks === 0) return;
    for (let i = this.#count - 1; i >= 0 && i >= this.#count - OPEN_INTERVALS; i--) {
      if (this.#ends[i] !== diskBlock) continue;
      this.#ends[i] = diskBlock + blocks;
      this.#sorted = false;
      return;
    }
    this.#reserve(this.#count + 1);
    this.#starts[this.#count] = diskBlock;
    this.#ends[this.#count++] = diskBlock + blocks;
    this.#sorted = false;
  }

  /** Whether any of `blocks` (≥ 1) blocks from `diskBlock` on is fixed metadata. */
  overlaps(diskBlock: number, blocks: number): boolean {
    if (!this.#sorted) this.#sort();
    const index = this.#find(diskBlock);
    return index < this.#count && (this.#starts[index] as number) < diskBlock + blocks;
  }

  /** Calls `emit` with the parts of the intervals that lie in `[start, end)`. */
  within(start: number, end: number, emit: (diskBlock: number, blocks: number) => void): void {
    if (!this.#sorted) this.#sort();
    for (let index = this.#find(start); index < this.#count; index++) {
      const from = Math.max(start, this.#starts[index] as number);
      if (from >= end) return;
      emit(from, Math.min(end, this.#ends[index] as number) - from);
    }
  }

  /** The first interval that ends after `diskBlock`. */
  #find(diskBlock: number): number {
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#ends[middle] as number) <= diskBlock) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #reserve(count: number): void {
    if (count <= this.#starts.length) return;
    const grown = (old: Float64Array): Float64Array<ArrayBuffer> => {
      const array = new Float64Array(2 * old.length);
      array.set(old);
      return array;
    };
    this.#starts = grown(this.#starts);
    this.#ends = grown(this.#ends);
  }

  /** Sorts by start and merges what touches. */
  #sort(): void {
    const order = new Uint32Array(this.#count).map((_, index) => index);
    const starts = this.#starts;
    const ends = this.#ends;
    order.sort((a, b) => (starts[a] as number) - (starts[b] as number));
    const sortedStarts = new Float64Array(this.#count + 16);
    const sortedEnds = new Float64Array(this.#count + 16);
    let count = 0;
    for (const index of order) {
      const start = starts[index] as number;
      const end = ends[index] as number;
      const last = sortedEnds[count - 1] ?? -1;
      if (count > 0 && start <= last) sortedEnds[count - 1] = Math.max(last, end);
      else {
        sortedStarts[count] = start;
        sortedEnds[count++] = end;
      }
    }
    this.#starts = sortedStarts;
    this.#ends = sortedEnds;
    this.#count = count;
    this.#sorted = true;
  }
}
