/**
 * Fifth pass: the bitmaps against what was found in use, and the counts of the groups.
 *
 * @module
 */

import { crc32c } from "../layout/crc32c.ts";
import type { Code } from "./codes.ts";
import type { CheckContext } from "./context.ts";
import type { Where } from "./findings.ts";

/** Set bits of each byte. */
const BITS_OF = Uint8Array.from({ length: 256 }, (_, byte) => {
  let count = 0;
  for (let rest = byte; rest !== 0; rest &= rest - 1) count++;
  return count;
});

function countOf(count: number): { readonly count?: number } {
  return count === 1 ? {} : { count };
}

/** Works through the groups. */
export class BitmapPass {
  readonly #check: CheckContext;
  readonly #bitmap: Uint8Array<ArrayBuffer>;
  readonly #actual: Uint8Array<ArrayBuffer>;
  #freeClusters = 0;
  #freeInodes = 0;
  #foundUnmarked = false;

  constructor(check: CheckContext) {
    this.#check = check;
    this.#bitmap = check.reader.buffer();
    this.#actual = check.reader.buffer();
  }

  run(): void {
    const { groups, geometry, superblock, findings } = this.#check;
    for (let group = 0; group < groups.count; group++) {
      if ((group & 0xff) === 0) this.#check.step("bitmaps", group, groups.count);
      this.#blocks(group);
      this.#inodes(group);
    }
    const freeBlocks = this.#freeClusters * geometry.clusterBlocks;
    if (superblock.freeBlocksCount !== freeBlocks) {
      findings.add("superblock_free_blocks", {}, superblock.freeBlocksCount, freeBlocks);
    }
    if (superblock.freeInodesCount !== this.#freeInodes) {
      findings.add("superblock_free_inodes", {}, superblock.freeInodesCount, this.#freeInodes);
    }
  }

  #blocks(group: number): void {
    const { groups, geometry, features, findings, usedClusters, uninitClusters } = this.#check;
    const bytes = geometry.clustersPerGroup / 8;
    const start = group * geometry.clustersPerGroup;
    const clusters = geometry.groupClusters(group);
    const actual = this.#actual.subarray(0, bytes);
    usedClusters.copyTo(start, actual);
    const uninit = features.groupChecksums && groups.blockUninit(group) &&
      groups.checksumMatches(group);
    if (uninit) uninitClusters.copyTo(start, this.#bitmap.subarray(0, bytes));
    else {
      const block = groups.blockBitmap[group] as number;
      if (!this.#readBitmap(block)) return;
      this.#blockPadding(group, clusters, bytes);
      this.#checksum("block_bitmap_checksum", group, bytes, groups.blockBitmapChecksum);
    }
    const { clusterBlocks } = geometry;
    const free = this.#compare({
      count: clusters,
      unused: "block_not_in_use",
      unmarked: "block_not_marked",
      where: (bit, count) => {
        const block = (start + bit) * clusterBlocks + this.#firstClusterBlock();
        return { group, block, ...countOf(count * clusterBlocks) };
      },
    });
    if (uninit && this.#foundUnmarked) {
      findings.add("block_uninit_in_use", { group });
    }
    this.#freeClusters += free;
    if (free !== groups.freeClusters[group]) {
      findings.add("group_free_blocks", { group }, groups.freeClusters[group], free);
    }
  }

  /** Block of the cluster that bit 0 of group 0 stands for. */
  #firstClusterBlock(): number {
    const { clusterBlocks, firstDataBlock } = this.#check.geometry;
    return Math.floor(firstDataBlock / clusterBlocks) * clusterBlocks;
  }

  #inodes(group: number): void {
    const { groups, geometry, features, findings, usedInodes } = this.#check;
    const perGroup = geometry.inodesPerGroup;
    const bytes = Math.ceil(perGroup / 8);
    const first = group * perGroup + 1;
    const actual = this.#actual.subarray(0, bytes);
    this.#copyInodes(usedInodes, first, perGroup, actual);
    const uninit = features.groupChecksums && groups.inodeUninit(group);
    if (uninit) this.#bitmap.fill(0);
    else {
      if (!this.#readBitmap(groups.inodeBitmap[group] as number)) return;
      this.#inodePadding(group, Math.floor(perGroup / 8));
      const covered = Math.floor(perGroup / 8);
      this.#checksum("inode_bitmap_checksum", group, covered, groups.inodeBitmapChecksum);
    }
    const free = this.#compare({
      count: perGroup,
      unused: "inode_not_in_use",
      unmarked: "inode_not_marked",
      where: (bit, count) => ({ group, inode: first + bit, ...countOf(count) }),
    });
    if (uninit && this.#foundUnmarked) findings.add("inode_uninit_in_use", { group });
    this.#freeInodes += free;
    if (free !== groups.freeInodes[group]) {
      findings.add("group_free_inodes", { group }, groups.freeInodes[group], free);
    }
    const directories = this.#countDirectories(first, perGroup);
    if (directories !== groups.usedDirectories[group]) {
      findings.add("group_directories", { group }, groups.usedDirectories[group], directories);
    }
  }

  /** Inode numbers begin with 1, so groups' bits are not at the sets' byte boundaries. */
  #copyInodes(
    set: { has(index: number): boolean; hasAny(start: number, count: number): boolean },
    first: number,
    count: number,
    target: Uint8Array,
  ): void {
    target.fill(0);
    if (!set.hasAny(first, count)) return;
    for (let bit = 0; bit < count; bit++) {
      if (set.has(first + bit)) target[bit >>> 3] = (target[bit >>> 3] as number) | 1 << (bit & 7);
    }
  }

  /** Directories that the bitmap has marked. */
  #countDirectories(first: number, count: number): number {
    const { directoryInodes } = this.#check;
    if (!directoryInodes.hasAny(first, count)) return 0;
    let directories = 0;
    for (let bit = 0; bit < count; bit++) {
      const marked = ((this.#bitmap[bit >>> 3] as number) & (1 << (bit & 7))) !== 0;
      if (marked && directoryInodes.has(first + bit)) directories++;
    }
    return directories;
  }

  #readBitmap(block: number): boolean {
    const { reader } = this.#check;
    if (block === 0 || !this.#check.inRange(block)) return false;
    return reader.read(block, this.#bitmap);
  }

  /** Bits behind the last group's blocks, and bytes behind the group's. */
  #blockPadding(group: number, clusters: number, bytes: number): void {
    const bitmap = this.#bitmap;
    let isSet = bitmap.subarray(bytes).every((byte) => byte === 0xff);
    for (let bit = clusters; bit < bytes * 8 && isSet; bit++) {
      isSet = ((bitmap[bit >>> 3] as number) & (1 << (bit & 7))) !== 0;
    }
    if (!isSet) this.#check.findings.add("block_bitmap_padding", { group });
  }

  #inodePadding(group: number, bytes: number): void {
    const isSet = this.#bitmap.subarray(bytes).every((byte) => byte === 0xff);
    if (!isSet) this.#check.findings.add("inode_bitmap_padding", { group });
  }

  #checksum(
    code: "block_bitmap_checksum" | "inode_bitmap_checksum",
    group: number,
    bytes: number,
    stored: Uint32Array,
  ): void {
    const { seed, geometry, findings } = this.#check;
    if (seed === undefined) return;
    const computed = crc32c(seed, this.#bitmap, 0, bytes);
    const expected = geometry.descriptorBytes >= 64 ? computed : computed & 0xffff;
    if (stored[group] !== expected) findings.add(code, { group });
  }

  /** Compares bitmap and actual use of `kind.count` bits. @returns bits that the bitmap has as free. */
  #compare(kind: Comparison): number {
    const { count } = kind;
    const bitmap = this.#bitmap;
    const actual = this.#actual;
    const bytes = Math.ceil(count / 8);
    const lastMask = (count & 7) === 0 ? 0xff : (1 << (count & 7)) - 1;
    this.#foundUnmarked = false;
    let used = 0;
    let unusedBefore = 0;
    let unmarkedBefore = 0;
    for (let at = 0; at < bytes; at++) {
      const mask = at === bytes - 1 ? lastMask : 0xff;
      const marked = (bitmap[at] as number) & mask;
      const inUse = (actual[at] as number) & mask;
      used += BITS_OF[marked] as number;
      if (marked === inUse) {
        unusedBefore = unmarkedBefore = 0;
        continue;
      }
      const unused = marked & ~inUse;
      const unmarked = inUse & ~marked;
      if (unmarked !== 0) this.#foundUnmarked = true;
      this.#report(kind, at, unused, unusedBefore, false);
      this.#report(kind, at, unmarked, unmarkedBefore, true);
      unusedBefore = unused >>> 7;
      unmarkedBefore = unmarked >>> 7;
    }
    return count - used;
  }

  /**
   * Reports the runs of differing bits that begin in a byte.
   * @param bits that differ in this byte.
   * @param before 1 when the last bit of the byte before differs, too.
   */
  #report(kind: Comparison, at: number, bits: number, before: number, unmarked: boolean): void {
    const { findings } = this.#check;
    const starts = bits & ~((bits << 1) | before) & 0xff;
    if (starts === 0) return;
    const code = unmarked ? kind.unmarked : kind.unused;
    if (findings.isFull(code)) {
      findings.addUnkept(code, BITS_OF[starts] as number);
      return;
    }
    for (let bit = 0; bit < 8; bit++) {
      if ((starts & (1 << bit)) === 0) continue;
      const first = at * 8 + bit;
      let end = first + 1;
      while (end < kind.count && this.#differs(end, unmarked)) end++;
      findings.add(code, kind.where(first, end - first));
    }
  }

  #differs(bit: number, unmarked: boolean): boolean {
    const mask = 1 << (bit & 7);
    const marked = ((this.#bitmap[bit >>> 3] as number) & mask) !== 0;
    const inUse = ((this.#actual[bit >>> 3] as number) & mask) !== 0;
    return unmarked ? inUse && !marked : marked && !inUse;
  }
}

/** What is compared, and how its differences are reported. */
interface Comparison {
  /** Bits. */
  readonly count: number;
  readonly unused: Code;
  readonly unmarked: Code;
  /** Place of a run of bits. */
  where(bit: number, count: number): Where;
}
