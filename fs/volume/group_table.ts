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
  decodeGroupColumns,
  decodeGroupDescriptor,
  encodeGroupDescriptor,
  type GroupChecksum,
  type GroupColumns,
  type GroupDescriptor,
  groupDescriptorChecksum,
} from "../layout/group_desc.ts";
import type { Superblock } from "../layout/superblock.ts";
import type { Geometry } from "./geometry.ts";

/** Descriptors are read in pieces of this size. */
const READ_BYTES = 256 << 10;

/** How the group descriptors of a file system are checksummed. */
export function groupChecksumMethod(superblock: Superblock): GroupChecksum {
  if (superblock.hasMetadataChecksums) return { kind: "crc32c", seed: superblock.checksumSeed };
  if (superblock.hasRoCompat(RoCompat.GDT_CSUM)) return { kind: "crc16", uuid: superblock.uuid };
  return { kind: "none" };
}

/** Group descriptors by group number. Columns are changed freely; `touch` makes a change stick. */
export class GroupTable implements Participant, GroupColumns {
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
    this.#load();
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
        buffer.view,
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

  /** Reads all descriptors, neighbouring blocks together. */
  #load(): void {
    const { geometry, cache } = this;
    const { blockBytes, descriptorBlocks, descriptorsPerBlock } = geometry;
    const most = Math.max(1, Math.floor(READ_BYTES / blockBytes));
    const memory = new Uint8Array(Math.min(most, descriptorBlocks) * blockBytes);
    for (let index = 0, blocks = 1; index < descriptorBlocks; index += blocks) {
      const first = geometry.descriptorBlock(index);
      const end = Math.min(index + most, descriptorBlocks);
      blocks = 1;
      while (index + blocks < end && geometry.descriptorBlock(index + blocks) === first + blocks) {
        blocks++;
      }
      const bytes = memory.subarray(0, blocks * blockBytes);
      cache.device.read(bytes, first * blockBytes);
      for (let i = 0; i < blocks; i++) {
        this.#decode(
          new DataView(memory.buffer, i * blockBytes, blockBytes),
          (index + i) * descriptorsPerBlock,
        );
      }
    }
  }

  /** Takes in a block of descriptors. @param first the group of its first. */
  #decode(view: DataView, first: number): void {
    const { descriptorsPerBlock, descriptorBytes, groupCount } = this.geometry;
    const method = this.#checksum;
    const end = Math.min(first + descriptorsPerBlock, groupCount);
    let [freeClusters, freeInodes, directories] = [0, 0, 0];
    for (let group = first, offset = 0; group < end; group++, offset += descriptorBytes) {
      decodeGroupColumns(view, offset, descriptorBytes, this, group);
      const fault = this.#fault(group);
      if (fault !== "") throw new Corrupt("group descriptor", `group ${group}`, fault);
      const computed = groupDescriptorChecksum(view, offset, descriptorBytes, group, method);
      if (method.kind !== "none" && computed !== view.getUint16(offset + 0x1e, true)) {
        throw new Corrupt("group descriptor", `group ${group}`, "bg_checksum does not match");
      }
      freeClusters += this.freeClusters[group] as number;
      freeInodes += this.freeInodes[group] as number;
      directories += this.usedDirectories[group] as number;
    }
    this.totalFreeClusters += freeClusters;
    this.totalFreeInodes += freeInodes;
    this.totalDirectories += directories;
  }

  /** The field that cannot be right; empty when all may be. */
  #fault(group: number): string {
    const { geometry } = this;
    const blockBitmap = this.blockBitmap[group] as number;
    const inodeBitmap = this.inodeBitmap[group] as number;
    const inodeTable = this.inodeTable[group] as number;
    if (!geometry.blocksInRange(blockBitmap, 1)) return `bg_block_bitmap ${blockBitmap}`;
    if (!geometry.blocksInRange(inodeBitmap, 1)) return `bg_inode_bitmap ${inodeBitmap}`;
    if (!geometry.blocksInRange(inodeTable, geometry.inodeTableBlocks)) {
      return `bg_inode_table ${inodeTable}`;
    }
    const freeClusters = this.freeClusters[group] as number;
    if (freeClusters > geometry.clustersPerGroup) return `bg_free_blocks_count ${freeClusters}`;
    const freeInodes = this.freeInodes[group] as number;
    if (freeInodes > geometry.inodesPerGroup) return `bg_free_inodes_count ${freeInodes}`;
    const unusedInodes = this.unusedInodes[group] as number;
    return unusedInodes > geometry.inodesPerGroup ? `bg_itable_unused ${unusedInodes}` : "";
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
