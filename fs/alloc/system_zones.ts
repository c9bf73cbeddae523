/**
 * Where the fixed metadata lies: superblocks, group descriptors and room reserved for more of them, bitmaps, inode
 * tables, and what is added later (the journal). No file may map or free any of it.
 *
 * Kept as sorted, merged intervals: about one for each group, or for each flexible group, and backup.
 *
 * @module
 */

import { Compat, Incompat, RoCompat } from "../layout/features.ts";
import { groupHasSuperblock } from "../layout/superblock.ts";
import type { Geometry } from "../volume/geometry.ts";
import type { GroupTable } from "../volume/group_table.ts";

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

/** Groups that may have backups; with sparse_super, few of all. */
function backupGroups(geometry: Geometry): number[] {
  const { superblock, groupCount } = geometry;
  const everyGroup = superblock.hasIncompat(Incompat.META_BG) ||
    !superblock.hasCompat(Compat.SPARSE_SUPER2) && !superblock.hasRoCompat(RoCompat.SPARSE_SUPER);
  if (everyGroup) return Array.from({ length: groupCount }, (_, group) => group);
  const groups = [0, 1, superblock.backupGroup0, superblock.backupGroup1];
  for (const base of [3, 5, 7]) {
    for (let group = base; group < groupCount; group *= base) groups.push(group);
  }
  return groups.filter((group, at) => group < groupCount && groups.indexOf(group) === at);
}

/** The intervals of disk blocks that hold fixed metadata. */
export class SystemZones {
  #starts = new Float64Array(64);
  #ends = new Float64Array(64);
  #count = 0;
  #sorted = false;

  constructor(geometry: Geometry, groups: GroupTable) {
    this.#addTables(geometry, groups);
    for (const group of backupGroups(geometry).sort((a, b) => a - b)) {
      const base = Math.min(baseMetadataBlocks(geometry, group), geometry.groupBlocks(group));
      this.add(geometry.groupFirstBlock(group), base);
    }
    this.#sort();
  }

  /**
   * Bitmaps and inode tables. One that lies behind that of the group before continues its interval, as all do
   * within a flexible group.
   */
  #addTables(geometry: Geometry, { blockBitmap, inodeBitmap, inodeTable }: GroupTable): void {
    const tableBlocks = geometry.inodeTableBlocks;
    let [blocksStart, blocksEnd, inodesStart, inodesEnd] = [0, 0, 0, 0];
    let [tableStart, tableEnd] = [0, 0];
    for (let group = 0; group < geometry.groupCount; group++) {
      const blocks = blockBitmap[group] as number;
      const inodes = inodeBitmap[group] as number;
      const table = inodeTable[group] as number;
      const together = inodes === blocks + 1 && table === blocks + 2;
      if (blocks !== blocksEnd) {
        this.add(blocksStart, blocksEnd - blocksStart);
        blocksStart = blocks;
      }
      blocksEnd = together ? table + tableBlocks : blocks + 1;
      if (together) continue;
      if (inodes !== inodesEnd) {
        this.add(inodesStart, inodesEnd - inodesStart);
        inodesStart = inodes;
      }
      inodesEnd = inodes + 1;
      if (table !== tableEnd) {
        this.add(tableStart, tableEnd - tableStart);
        tableStart = table;
      }
      tableEnd = table + tableBlocks;
    }
    this.add(blocksStart, blocksEnd - blocksStart);
    this.add(inodesStart, inodesEnd - inodesStart);
    this.add(tableStart, tableEnd - tableStart);
  }

  /** How many intervals there are. */
  get count(): number {
    return this.#count;
  }

  /** Protects `blocks` blocks from `diskBlock` on, too. */
  add(diskBlock: number, blocks: number): void {
    if (blocks === 0) return;
    this.#reserve(this.#count + 1);
    if (this.#sorted && this.#insert(diskBlock, blocks)) return;
    this.#starts[this.#count] = diskBlock;
    this.#ends[this.#count++] = diskBlock + blocks;
    this.#sorted = false;
  }

  /** Puts an interval into its place. @returns false when it touches another. */
  #insert(diskBlock: number, blocks: number): boolean {
    const at = this.#find(diskBlock - 1);
    if (at < this.#count && (this.#starts[at] as number) <= diskBlock + blocks) return false;
    this.#starts.copyWithin(at + 1, at, this.#count);
    this.#ends.copyWithin(at + 1, at, this.#count);
    this.#starts[at] = diskBlock;
    this.#ends[at] = diskBlock + blocks;
    this.#count++;
    return true;
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
    const starts = this.#starts;
    const ends = this.#ends;
    const order = this.#order();
    const sortedStarts = new Float64Array(this.#count + 16);
    const sortedEnds = new Float64Array(this.#count + 16);
    let count = 0;
    let last = -1;
    for (let i = 0; i < order.length; i++) {
      const index = order[i] as number;
      const start = starts[index] as number;
      if (start > last) sortedStarts[count++] = start;
      last = Math.max(last, ends[index] as number);
      sortedEnds[count - 1] = last;
    }
    this.#starts = sortedStarts;
    this.#ends = sortedEnds;
    this.#count = count;
    this.#sorted = true;
  }

  /** The intervals' numbers, sorted by start. As a rule there are two sorted sequences, one after the other. */
  #order(): Uint32Array {
    const starts = this.#starts;
    const count = this.#count;
    const order = new Uint32Array(count);
    const second = this.#descent(1);
    let left = 0;
    let right = second;
    for (let i = 0; i < count; i++) {
      const takesLeft = left < second &&
        (right >= count || (starts[left] as number) <= (starts[right] as number));
      order[i] = takesLeft ? left++ : right++;
    }
    if (this.#descent(second + 1) < count) {
      order.sort((a, b) => (starts[a] as number) - (starts[b] as number));
    }
    return order;
  }

  /** The first interval from `from` on that begins before the one in front of it. */
  #descent(from: number): number {
    for (let i = from; i < this.#count; i++) {
      if ((this.#starts[i] as number) < (this.#starts[i - 1] as number)) return i;
    }
    return this.#count;
  }
}
