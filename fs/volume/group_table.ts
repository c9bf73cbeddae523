/**
 * The group descriptors of a mounted file system, decoded into columns.
 *
 * All descriptors are read at mount (8 MiB at 16 TiB). A changed group is encoded, with its
 * checksums, when a transaction is sealed.
 *
 * @module
 */

import type { BufferCache } from "../device/cache.ts";
import { Corrupt } from "../errors.ts";
import type { Handle, Participant } from "../journal/transaction.ts";
import { crc32c } from "../layout/crc32c.ts";
import { RoCompat } from "../layout/features.ts";
import {
  decodeGroupDescriptor,
  encodeGroupDescriptor,
  type GroupChecksum,
  type GroupDescriptor,
  groupDescriptorChecksum,
} from "../layout/group_desc.ts";
import type { Superblock } from "../layout/superblock.ts";
import type { Geometry } from "./geometry.ts";

/** How the group descriptors of a file system are checksummed. */
export function groupChecksumMethod(superblock: Superblock): GroupChecksum {
  if (superblock.hasMetadataChecksums) return { kind: "crc32c", seed: superblock.checksumSeed };
  if (superblock.hasRoCompat(RoCompat.GDT_CSUM)) return { kind: "crc16", uuid: superblock.uuid };
  return { kind: "none" };
}

/** Group descriptors by group number. Columns are changed freely; `touch` makes a change stick. */
export class GroupTable implements Participant {
  readonly blockBitmap: Float64Array;
  readonly inodeBitmap: Float64Array;
  readonly inodeTable: Float64Array;
  readonly freeClusters: Uint32Array;
  readonly freeInodes: Uint32Array;
  readonly usedDirectories: Uint32Array;
  readonly unusedInodes: Uint32Array;
  /** BG_* bits. */
  readonly flags: Uint16Array;
  readonly blockBitmapChecksum: Uint32Array;
  readonly inodeBitmapChecksum: Uint32Array;
  /** Sums over all groups, kept current by `addFree…`. */
  totalFreeClusters = 0;
  totalFreeInodes = 0;
  totalDirectories = 0;

  readonly #checksum: GroupChecksum;
  readonly #dirty = new Set<number>();
  readonly #dirtyBlockBitmaps = new Set<number>();
  readonly #dirtyInodeBitmaps = new Set<number>();

  constructor(readonly cache: BufferCache, readonly geometry: Geometry) {
    const count = geometry.groupCount;
    this.blockBitmap = new Float64Array(count);
    this.inodeBitmap = new Float64Array(count);
    this.inodeTable = new Float64Array(count);
    this.freeClusters = new Uint32Array(count);
    this.freeInodes = new Uint32Array(count);
    this.usedDirectories = new Uint32Array(count);
    this.unusedInodes = new Uint32Array(count);
    this.flags = new Uint16Array(count);
    this.blockBitmapChecksum = new Uint32Array(count);
    this.inodeBitmapChecksum = new Uint32Array(count);
    this.#checksum = groupChecksumMethod(geometry.superblock);
    for (let index = 0; index < geometry.descriptorBlocks; index++) this.#load(index);
  }

  /** Adds to the free clusters of a group and to the sum. */
  addFreeClusters(group: number, change: number): void {
    this.freeClusters[group] = (this.freeClusters[group] ?? 0) + change;
    this.totalFreeClusters += change;
    this.#dirty.add(group);
  }
  addFreeInodes(group: number, change: number): void {
    this.freeInodes[group] = (this.freeInodes[group] ?? 0) + change;
    this.totalFreeInodes += change;
    this.#dirty.add(group);
  }
  addDirectories(group: number, change: number): void {
    this.usedDirectories[group] = (this.usedDirectories[group] ?? 0) + change;
    this.totalDirectories += change;
    this.#dirty.add(group);
  }

  /** The group's descriptor changed. */
  touch(group: number): void {
    this.#dirty.add(group);
  }
  /** The group's block bitmap (which is in the cache, dirty) changed. */
  touchBlockBitmap(group: number): void {
    this.#dirty.add(group);
    this.#dirtyBlockBitmaps.add(group);
  }
  /** The group's inode bitmap (which is in the cache, dirty) changed. */
  touchInodeBitmap(group: number): void {
    this.#dirty.add(group);
    this.#dirtyInodeBitmaps.add(group);
  }

  beforeSeal(handle: Handle): void {
    this.#sealBitmaps();
    const { descriptorsPerBlock, descriptorBytes } = this.geometry;
    for (const group of this.#dirty) {
      const index = Math.floor(group / descriptorsPerBlock);
      const buffer = this.cache.get(this.geometry.descriptorBlock(index));
      const offset = (group % descriptorsPerBlock) * descriptorBytes;
      encodeGroupDescriptor(
        buffer.view,
        offset,
        descriptorBytes,
        this.#descriptor(buffer.view, group),
      );
      const checksum = groupDescriptorChecksum(
        buffer.bytes,
        offset,
        descriptorBytes,
        group,
        this.#checksum,
      );
      buffer.view.setUint16(offset + 0x1e, checksum, true);
      handle.dirty(buffer);
    }
    this.#dirty.clear();
  }

  /** Bytes of a block bitmap that its checksum covers. */
  get blockBitmapBytes(): number {
    return this.geometry.clustersPerGroup / 8;
  }
  /** Bytes of an inode bitmap that its checksum covers. */
  get inodeBitmapBytes(): number {
    return Math.floor(this.geometry.inodesPerGroup / 8);
  }

  #sealBitmaps(): void {
    const seed = this.#checksum.kind === "crc32c" ? this.#checksum.seed : undefined;
    if (seed !== undefined) {
      const mask = this.geometry.descriptorBytes >= 64 ? 0xffffffff : 0xffff;
      for (const group of this.#dirtyBlockBitmaps) {
        const bitmap = this.cache.get(this.blockBitmap[group] ?? 0).bytes;
        this.blockBitmapChecksum[group] = crc32c(seed, bitmap, 0, this.blockBitmapBytes) & mask;
      }
      for (const group of this.#dirtyInodeBitmaps) {
        const bitmap = this.cache.get(this.inodeBitmap[group] ?? 0).bytes;
        this.inodeBitmapChecksum[group] = crc32c(seed, bitmap, 0, this.inodeBitmapBytes) & mask;
      }
    }
    this.#dirtyBlockBitmaps.clear();
    this.#dirtyInodeBitmaps.clear();
  }

  #load(index: number): void {
    const { geometry } = this;
    const { descriptorsPerBlock, descriptorBytes, groupCount } = geometry;
    const buffer = this.cache.get(geometry.descriptorBlock(index));
    const first = index * descriptorsPerBlock;
    const end = Math.min(first + descriptorsPerBlock, groupCount);
    for (let group = first; group < end; group++) {
      const offset = (group - first) * descriptorBytes;
      const descriptor = decodeGroupDescriptor(buffer.view, offset, descriptorBytes);
      this.#check(group, descriptor);
      const computed = groupDescriptorChecksum(
        buffer.bytes,
        offset,
        descriptorBytes,
        group,
        this.#checksum,
      );
      if (this.#checksum.kind !== "none" && computed !== descriptor.checksum) {
        throw new Corrupt("group descriptor", `group ${group}`, "bg_checksum does not match");
      }
      this.#store(group, descriptor);
    }
    this.cache.trim();
  }

  #check(group: number, descriptor: GroupDescriptor): void {
    const { geometry } = this;
    const bad = (field: string): Corrupt =>
      new Corrupt("group descriptor", `group ${group}`, field);
    const { blockBitmap, inodeBitmap, inodeTable } = descriptor;
    if (!geometry.blocksInRange(blockBitmap, 1)) throw bad(`bg_block_bitmap ${blockBitmap}`);
    if (!geometry.blocksInRange(inodeBitmap, 1)) throw bad(`bg_inode_bitmap ${inodeBitmap}`);
    if (!geometry.blocksInRange(inodeTable, geometry.inodeTableBlocks)) {
      throw bad(`bg_inode_table ${inodeTable}`);
    }
    if (descriptor.freeClusters > geometry.clustersPerGroup) {
      throw bad(`bg_free_blocks_count ${descriptor.freeClusters}`);
    }
    if (descriptor.freeInodes > geometry.inodesPerGroup) {
      throw bad(`bg_free_inodes_count ${descriptor.freeInodes}`);
    }
    if (descriptor.unusedInodes > geometry.inodesPerGroup) {
      throw bad(`bg_itable_unused ${descriptor.unusedInodes}`);
    }
  }

  #store(group: number, descriptor: GroupDescriptor): void {
    this.blockBitmap[group] = descriptor.blockBitmap;
    this.inodeBitmap[group] = descriptor.inodeBitmap;
    this.inodeTable[group] = descriptor.inodeTable;
    this.freeClusters[group] = descriptor.freeClusters;
    this.freeInodes[group] = descriptor.freeInodes;
    this.usedDirectories[group] = descriptor.usedDirectories;
    this.unusedInodes[group] = descriptor.unusedInodes;
    this.flags[group] = descriptor.flags;
    this.blockBitmapChecksum[group] = descriptor.blockBitmapChecksum;
    this.inodeBitmapChecksum[group] = descriptor.inodeBitmapChecksum;
    this.totalFreeClusters += descriptor.freeClusters;
    this.totalFreeInodes += descriptor.freeInodes;
    this.totalDirectories += descriptor.usedDirectories;
  }

  /** The descriptor as it is to be stored; fields that are not kept in columns come from the block. */
  #descriptor(view: DataView, group: number): GroupDescriptor {
    const { descriptorsPerBlock, descriptorBytes } = this.geometry;
    const offset = (group % descriptorsPerBlock) * descriptorBytes;
    const old = decodeGroupDescriptor(view, offset, descriptorBytes);
    return {
      ...old,
      freeClusters: this.freeClusters[group] ?? 0,
      freeInodes: this.freeInodes[group] ?? 0,
      usedDirectories: this.usedDirectories[group] ?? 0,
      unusedInodes: this.unusedInodes[group] ?? 0,
      flags: this.flags[group] ?? 0,
      blockBitmapChecksum: this.blockBitmapChecksum[group] ?? 0,
      inodeBitmapChecksum: this.inodeBitmapChecksum[group] ?? 0,
    };
  }
}
