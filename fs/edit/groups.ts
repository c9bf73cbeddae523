/**
 * The groups of a file system that is being edited: descriptors and both bitmaps, decoded, and how they are stored.
 *
 * @module
 */

import { baseMetadataBlocks } from "../alloc/system_zones.ts";
import { Corrupt } from "../errors.ts";
import { crc32c } from "../layout/crc32c.ts";
import {
  BG_BLOCK_UNINIT,
  BG_INODE_UNINIT,
  decodeGroupDescriptor,
  encodeGroupDescriptor,
  type GroupDescriptor,
  groupDescriptorChecksum,
} from "../layout/group_desc.ts";
import type { Superblock } from "../layout/superblock.ts";
import { Geometry } from "../volume/geometry.ts";
import { groupChecksumMethod } from "../volume/group_table.ts";
import { countBits, putBits } from "./bits.ts";
import { type EditedBlocks, viewOf } from "./blocks.ts";

/** Descriptors and bitmaps. Descriptors are changed freely, with `touch`. */
export class Groups {
  readonly descriptors: GroupDescriptor[] = [];
  geometry: Geometry;
  readonly #blockBitmaps = new Map<number, Uint8Array>();
  readonly #inodeBitmaps = new Map<number, Uint8Array>();
  readonly #touched = new Set<number>();
  readonly #touchedBlocks = new Set<number>();
  readonly #touchedInodes = new Set<number>();

  /**
   * @param lenient takes descriptors as they are: only to look at.
   * @throws Corrupt for descriptors whose checksums or places are wrong.
   */
  constructor(
    readonly superblock: Superblock,
    readonly blocks: EditedBlocks,
    lenient = false,
  ) {
    this.geometry = new Geometry(superblock);
    const { descriptorBytes, descriptorsPerBlock, groupCount } = this.geometry;
    const method = groupChecksumMethod(superblock);
    let view: DataView = new DataView(new ArrayBuffer(0));
    for (let group = 0; group < groupCount; group++) {
      const within = group % descriptorsPerBlock;
      if (within === 0) {
        const index = Math.floor(group / descriptorsPerBlock);
        view = viewOf(blocks.read(this.geometry.descriptorBlock(index)));
      }
      const offset = within * descriptorBytes;
      const descriptor = decodeGroupDescriptor(view, offset, descriptorBytes);
      const computed = groupDescriptorChecksum(view, offset, descriptorBytes, group, method);
      const wrong = method.kind !== "none" && computed !== descriptor.checksum;
      if (wrong && !lenient) {
        throw new Corrupt("group descriptor", `group ${group}`, "bg_checksum does not match");
      }
      if (!lenient) this.#checkPlaces(group, descriptor);
      this.descriptors.push(descriptor);
    }
  }

  /** The superblock's sizes or features changed. */
  refresh(): void {
    this.geometry = new Geometry(this.superblock);
  }

  get isUntouched(): boolean {
    return this.#touched.size === 0;
  }

  get(group: number): GroupDescriptor {
    const descriptor = this.descriptors[group];
    if (descriptor === undefined) throw new RangeError(`group ${group}`);
    return descriptor;
  }

  touch(group: number): void {
    this.#touched.add(group);
  }
  touchAll(): void {
    for (let group = 0; group < this.descriptors.length; group++) this.#touched.add(group);
  }
  /** Every bitmap that exists on the disk gets its checksum anew. */
  touchAllBitmaps(): void {
    for (let group = 0; group < this.descriptors.length; group++) {
      if (!this.#uninit(group, BG_BLOCK_UNINIT)) this.changeBlockBitmap(group);
      if (!this.#uninit(group, BG_INODE_UNINIT)) this.changeInodeBitmap(group);
    }
  }

  /** The block bitmap, to look at. */
  blockBitmap(group: number): Uint8Array {
    let bitmap = this.#blockBitmaps.get(group);
    if (bitmap === undefined) {
      bitmap = this.#uninit(group, BG_BLOCK_UNINIT)
        ? this.initialBitmap(group)
        : this.blocks.read(this.get(group).blockBitmap).slice();
      this.#blockBitmaps.set(group, bitmap);
    }
    return bitmap;
  }

  /** The block bitmap, to be changed. */
  changeBlockBitmap(group: number): Uint8Array {
    const bitmap = this.blockBitmap(group);
    const descriptor = this.get(group);
    if (this.#uninit(group, BG_BLOCK_UNINIT)) {
      descriptor.flags &= ~BG_BLOCK_UNINIT;
      const clusters = this.geometry.groupClusters(group);
      descriptor.freeClusters = clusters - countBits(bitmap, clusters);
    }
    this.#touched.add(group);
    this.#touchedBlocks.add(group);
    return bitmap;
  }

  /** The inode bitmap, to look at. */
  inodeBitmap(group: number): Uint8Array {
    let bitmap = this.#inodeBitmaps.get(group);
    if (bitmap === undefined) {
      if (this.#uninit(group, BG_INODE_UNINIT)) {
        bitmap = this.emptyInodeBitmap();
      } else bitmap = this.blocks.read(this.get(group).inodeBitmap).slice();
      this.#inodeBitmaps.set(group, bitmap);
    }
    return bitmap;
  }

  /** The inode bitmap, to be changed. */
  changeInodeBitmap(group: number): Uint8Array {
    const bitmap = this.inodeBitmap(group);
    const descriptor = this.get(group);
    descriptor.flags &= ~BG_INODE_UNINIT;
    this.#touched.add(group);
    this.#touchedInodes.add(group);
    return bitmap;
  }

  emptyInodeBitmap(): Uint8Array {
    const { inodesPerGroup, blockBytes } = this.geometry;
    const bitmap = new Uint8Array(blockBytes);
    putBits(bitmap, inodesPerGroup, 8 * blockBytes - inodesPerGroup, true);
    return bitmap;
  }

  /** The bitmap of a group with nothing in it but fixed metadata, as far as the descriptors place it there. */
  initialBitmap(group: number): Uint8Array {
    const { geometry } = this;
    const { clusterBlocks, blockBytes } = geometry;
    const bitmap = new Uint8Array(blockBytes);
    const first = geometry.groupFirstBlock(group);
    const end = first + geometry.groupBlocks(group);
    const mark = (start: number, blocks: number): void => {
      const from = Math.max(start, first);
      const to = Math.min(start + blocks, end);
      if (to <= from) return;
      const bit = Math.floor((from - first) / clusterBlocks);
      putBits(bitmap, bit, Math.floor((to - 1 - first) / clusterBlocks) - bit + 1, true);
    };
    mark(first, baseMetadataBlocks(geometry, group));
    // Another flexible group's metadata would have made this one's bitmap exist.
    const low = group - group % geometry.groupsPerFlex;
    const high = Math.min(low + geometry.groupsPerFlex, this.descriptors.length);
    for (let other = low; other < high; other++) {
      const descriptor = this.get(other);
      mark(descriptor.blockBitmap, 1);
      mark(descriptor.inodeBitmap, 1);
      mark(descriptor.inodeTable, geometry.inodeTableBlocks);
    }
    const clusters = geometry.groupClusters(group);
    putBits(bitmap, clusters, 8 * blockBytes - clusters, true);
    return bitmap;
  }

  /** The group's bitmap in memory is this one from now on; it will be stored. */
  setBlockBitmap(group: number, bitmap: Uint8Array): void {
    this.#blockBitmaps.set(group, bitmap);
    this.changeBlockBitmap(group);
  }

  /** Marks clusters by their blocks as used or free, and counts. */
  mark(block: number, blocks: number, used: boolean): void {
    const { geometry } = this;
    let at = block;
    const end = block + blocks;
    while (at < end) {
      const group = geometry.groupOfBlock(at);
      const groupEnd = geometry.groupFirstBlock(group) + geometry.groupBlocks(group);
      const to = Math.min(end, groupEnd);
      const bitmap = this.changeBlockBitmap(group);
      const first = geometry.bitOfBlock(at);
      const last = geometry.bitOfBlock(to - 1);
      const clusters = geometry.groupClusters(group);
      const before = countBits(bitmap, clusters);
      putBits(bitmap, first, last - first + 1, used);
      this.get(group).freeClusters -= countBits(bitmap, clusters) - before;
      at = to;
    }
  }

  /** Forgets groups from `count` on. */
  cutOff(count: number): void {
    this.descriptors.length = Math.min(count, this.descriptors.length);
    for (
      const kept of [
        this.#blockBitmaps,
        this.#inodeBitmaps,
        this.#touched,
        this.#touchedBlocks,
        this.#touchedInodes,
      ]
    ) {
      for (const group of [...kept.keys()]) if (group >= count) kept.delete(group);
    }
  }

  /** Puts changed bitmaps and descriptors, with their checksums, into blocks; counts into the superblock. */
  store(): void {
    const { superblock, blocks } = this;
    const { geometry } = this;
    const seed = superblock.hasMetadataChecksums ? superblock.checksumSeed : undefined;
    const mask = geometry.descriptorBytes >= 64 ? 0xffffffff : 0xffff;
    const sealed = (bitmap: Uint8Array, bytes: number): number =>
      seed === undefined ? 0 : (crc32c(seed, bitmap, 0, bytes) & mask) >>> 0;
    for (const group of this.#touchedBlocks) {
      const bitmap = this.blockBitmap(group);
      const descriptor = this.get(group);
      blocks.fresh(descriptor.blockBitmap).set(bitmap);
      descriptor.blockBitmapChecksum = sealed(bitmap, geometry.clustersPerGroup / 8);
    }
    for (const group of this.#touchedInodes) {
      const bitmap = this.inodeBitmap(group);
      const descriptor = this.get(group);
      blocks.fresh(descriptor.inodeBitmap).set(bitmap);
      descriptor.inodeBitmapChecksum = sealed(bitmap, Math.floor(geometry.inodesPerGroup / 8));
    }
    this.#storeDescriptors();
    this.#touched.clear();
    this.#touchedBlocks.clear();
    this.#touchedInodes.clear();
    this.#blockBitmaps.clear();
    this.#inodeBitmaps.clear();
    let [free, inodes] = [0, 0];
    for (const descriptor of this.descriptors) {
      free += descriptor.freeClusters;
      inodes += descriptor.freeInodes;
    }
    superblock.freeBlocksCount = free * geometry.clusterBlocks;
    superblock.freeInodesCount = inodes;
  }

  #storeDescriptors(): void {
    const { descriptorBytes, descriptorsPerBlock } = this.geometry;
    const method = groupChecksumMethod(this.superblock);
    for (const group of this.#touched) {
      const index = Math.floor(group / descriptorsPerBlock);
      const view = viewOf(this.blocks.change(this.geometry.descriptorBlock(index)));
      const offset = (group % descriptorsPerBlock) * descriptorBytes;
      encodeGroupDescriptor(view, offset, descriptorBytes, this.get(group));
      const checksum = groupDescriptorChecksum(view, offset, descriptorBytes, group, method);
      this.get(group).checksum = checksum;
      view.setUint16(offset + 0x1e, checksum, true);
    }
  }

  #uninit(group: number, flag: number): boolean {
    return this.superblock.hasGroupChecksums && (this.get(group).flags & flag) !== 0;
  }

  #checkPlaces(group: number, descriptor: GroupDescriptor): void {
    const { geometry } = this;
    const bad = (field: string): Corrupt =>
      new Corrupt("group descriptor", `group ${group}`, field);
    if (!geometry.blocksInRange(descriptor.blockBitmap, 1)) throw bad("bg_block_bitmap");
    if (!geometry.blocksInRange(descriptor.inodeBitmap, 1)) throw bad("bg_inode_bitmap");
    if (!geometry.blocksInRange(descriptor.inodeTable, geometry.inodeTableBlocks)) {
      throw bad("bg_inode_table");
    }
    if (descriptor.unusedInodes > geometry.inodesPerGroup) throw bad("bg_itable_unused");
  }
}
