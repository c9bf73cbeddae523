/**
 * The last step: inodes, bitmaps, group descriptors and superblocks, the primary superblock at the very
 * end, so that an interrupted run leaves nothing that looks like a file system.
 *
 * @module
 */

import { crc32c } from "../layout/crc32c.ts";
import { Incompat } from "../layout/features.ts";
import {
  BG_BLOCK_UNINIT,
  BG_INODE_UNINIT,
  BG_INODE_ZEROED,
  encodeGroupDescriptor,
  type GroupDescriptor,
  groupDescriptorChecksum,
} from "../layout/group_desc.ts";
import { STATE_VALID, Superblock, SUPERBLOCK_OFFSET } from "../layout/superblock.ts";
import type { InodeRecord } from "../layout/inode.ts";
import { groupChecksumMethod } from "../volume/group_table.ts";
import type { Maker } from "./maker.ts";

/** What the file system has, after everything is placed. */
export interface Summary {
  readonly freeClusters: number;
  readonly freeInodes: number;
  readonly directories: number;
}

/** Zeroes the inode tables as far as needed, and notes which of them are known to be zero. */
export function clearInodeTables(maker: Maker): void {
  const { space, options, blockBytes } = maker;
  const { geometry, flags, unusedInodes, inodeTable } = space;
  const lazy = options.lazyInodeTables ?? true;
  for (let group = 0; group < geometry.groupCount; group++) {
    if (maker.zeroed || !lazy) flags[group] = (flags[group] ?? 0) | BG_INODE_ZEROED;
    if (maker.zeroed) continue;
    const inodes = geometry.inodesPerGroup - (lazy ? unusedInodes[group] ?? 0 : 0);
    const blocks = Math.ceil((inodes * geometry.inodeBytes) / blockBytes);
    if (blocks === 0) continue;
    maker.writer.device.zero((inodeTable[group] ?? 0) * blockBytes, blocks * blockBytes);
    options.progress?.("Writing inode tables", group, geometry.groupCount);
  }
}

/** Blocks of the inode tables in the making. */
export class InodeTables {
  readonly #blocks = new Map<number, { readonly bytes: Uint8Array; left: number }>();

  constructor(readonly maker: Maker) {}

  /** Takes an inode that is complete; a block of which all inodes are there is written. */
  put(inode: InodeRecord): void {
    const { space, writer, blockBytes } = this.maker;
    const { geometry, inodeTable } = space;
    const index = (inode.ino - 1) % geometry.inodesPerGroup;
    const table = inodeTable[geometry.groupOfInode(inode.ino)] ?? 0;
    const block = table + Math.floor(index / geometry.inodesPerBlock);
    let entry = this.#blocks.get(block);
    if (entry === undefined) {
      entry = { bytes: new Uint8Array(blockBytes), left: geometry.inodesPerBlock };
      this.#blocks.set(block, entry);
    }
    inode.encode(entry.bytes, (index % geometry.inodesPerBlock) * geometry.inodeBytes);
    if (--entry.left > 0) return;
    writer.put(block, entry.bytes);
    this.#blocks.delete(block);
  }

  /** Writes what is left. */
  finish(): void {
    for (const [block, { bytes }] of this.#blocks) this.maker.writer.put(block, bytes);
    this.#blocks.clear();
  }
}

/** Writes all bitmaps that are not implied, and the descriptors; returns the table and the sums. */
export function buildDescriptors(maker: Maker): { table: Uint8Array; summary: Summary } {
  const { superblock, space, options } = maker;
  const { geometry } = space;
  const table = new Uint8Array(geometry.descriptorBlocks * maker.blockBytes);
  const view = new DataView(table.buffer);
  const method = groupChecksumMethod(superblock);
  const size = geometry.descriptorBytes;
  const perBlock = geometry.descriptorsPerBlock;
  const summary = { freeClusters: 0, freeInodes: 0, directories: 0 };
  const descriptor = blankDescriptor();
  const bitmaps = new BlockBitmaps(maker);
  for (let group = 0; group < geometry.groupCount; group++) {
    fillDescriptor(maker, group, descriptor);
    if (options.superblockOnly === true) {
      // A checker is to look at every inode and block: nothing counts as never used.
      descriptor.unusedInodes = 0;
      descriptor.flags = 0;
    } else writeBitmaps(maker, bitmaps, group, descriptor);
    const offset = Math.floor(group / perBlock) * maker.blockBytes + (group % perBlock) * size;
    encodeGroupDescriptor(view, offset, size, descriptor);
    const checksum = groupDescriptorChecksum(view, offset, size, group, method);
    view.setUint16(offset + 0x1e, checksum, true);
    summary.freeClusters += descriptor.freeClusters;
    summary.freeInodes += descriptor.freeInodes;
    summary.directories += descriptor.usedDirectories;
  }
  return { table, summary };
}

function blankDescriptor(): GroupDescriptor {
  return {
    blockBitmap: 0,
    inodeBitmap: 0,
    inodeTable: 0,
    freeClusters: 0,
    freeInodes: 0,
    usedDirectories: 0,
    flags: 0,
    excludeBitmap: 0,
    blockBitmapChecksum: 0,
    inodeBitmapChecksum: 0,
    unusedInodes: 0,
    checksum: 0,
  };
}

function fillDescriptor(maker: Maker, group: number, descriptor: GroupDescriptor): void {
  const { space } = maker;
  const { geometry } = space;
  const first = geometry.groupFirstBlock(group);
  const end = first + geometry.groupBlocks(group);
  const used = space.used.countUsed(first, end) / geometry.clusterBlocks;
  descriptor.blockBitmap = space.blockBitmap[group] ?? 0;
  descriptor.inodeBitmap = space.inodeBitmap[group] ?? 0;
  descriptor.inodeTable = space.inodeTable[group] ?? 0;
  descriptor.freeClusters = geometry.groupClusters(group) - used;
  descriptor.freeInodes = geometry.inodesPerGroup - (space.usedInodes[group] ?? 0);
  descriptor.usedDirectories = space.usedDirectories[group] ?? 0;
  descriptor.flags = space.flags[group] ?? 0;
  descriptor.unusedInodes = space.unusedInodes[group] ?? 0;
  descriptor.blockBitmapChecksum = 0;
  descriptor.inodeBitmapChecksum = 0;
}

function writeBitmaps(
  maker: Maker,
  bitmaps: BlockBitmaps,
  group: number,
  descriptor: GroupDescriptor,
): void {
  const { space, seed } = maker;
  const { geometry } = space;
  const mask = geometry.descriptorBytes >= 64 ? 0xffffffff : 0xffff;
  if ((descriptor.flags & BG_BLOCK_UNINIT) === 0) {
    const { bytes, checksum } = bitmaps.ofGroup(group);
    maker.writer.put(descriptor.blockBitmap, bytes);
    descriptor.blockBitmapChecksum = (checksum & mask) >>> 0;
  }
  if ((descriptor.flags & BG_INODE_UNINIT) === 0) {
    const bitmap = inodeBitmap(maker, group);
    maker.writer.put(descriptor.inodeBitmap, bitmap);
    if (seed !== undefined) {
      const crc = crc32c(seed, bitmap, 0, Math.floor(geometry.inodesPerGroup / 8));
      descriptor.inodeBitmapChecksum = (crc & mask) >>> 0;
    }
  }
}

interface Bitmap {
  readonly bytes: Uint8Array;
  readonly checksum: number;
}

/** Block bitmaps. Most groups look like one before them: the bytes and their checksum are made once. */
class BlockBitmaps {
  readonly #known = new Map<string, Bitmap>();

  constructor(readonly maker: Maker) {}

  ofGroup(group: number): Bitmap {
    const { maker } = this;
    const { geometry, used } = maker.space;
    const { clusterBlocks } = geometry;
    const first = geometry.groupFirstBlock(group);
    const end = first + geometry.groupBlocks(group);
    const bounds: number[] = [geometry.groupClusters(group)];
    for (let i = used.after(first); i < used.length && used.start(i) < end; i++) {
      bounds.push((Math.max(first, used.start(i)) - first) / clusterBlocks);
      bounds.push((Math.min(end, used.end(i)) - first) / clusterBlocks);
    }
    const key = bounds.join();
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const bytes = maker.emptyBlock();
    for (let i = 1; i < bounds.length; i += 2) setBits(bytes, bounds[i] ?? 0, bounds[i + 1] ?? 0);
    setBits(bytes, bounds[0] ?? 0, maker.blockBytes * 8);
    const covered = geometry.clustersPerGroup / 8;
    const checksum = maker.seed === undefined ? 0 : crc32c(maker.seed, bytes, 0, covered);
    const bitmap = { bytes, checksum };
    this.#known.set(key, bitmap);
    return bitmap;
  }
}

function inodeBitmap(maker: Maker, group: number): Uint8Array {
  const { space } = maker;
  const { inodesPerGroup } = space.geometry;
  const bitmap = maker.emptyBlock();
  if ((space.usedInodes[group] ?? 0) > 0) {
    const first = 1 + group * inodesPerGroup;
    const end = first + inodesPerGroup;
    const { inodes } = space;
    for (let i = inodes.after(first); i < inodes.length && inodes.start(i) < end; i++) {
      const from = Math.max(first, inodes.start(i));
      setBits(bitmap, from - first, Math.min(end, inodes.end(i)) - first);
    }
  }
  setBits(bitmap, inodesPerGroup, maker.blockBytes * 8);
  return bitmap;
}

/** Sets bits `[from, to)`, whole bytes at a time where it can. */
function setBits(bitmap: Uint8Array, from: number, to: number): void {
  let bit = from;
  for (; bit < to && (bit & 7) !== 0; bit++) setBit(bitmap, bit);
  const bytes = (to - bit) >>> 3;
  if (to > bit && bytes > 0) {
    bitmap.fill(0xff, bit >>> 3, (bit >>> 3) + bytes);
    bit += bytes * 8;
  }
  for (; bit < to; bit++) setBit(bitmap, bit);
}

function setBit(bitmap: Uint8Array, bit: number): void {
  bitmap[bit >>> 3] = (bitmap[bit >>> 3] ?? 0) | (1 << (bit & 7));
}

/** Writes the descriptors and the backups; the primary superblock comes last, after a flush. */
export function writeSuperblocks(maker: Maker, table: Uint8Array): void {
  const { superblock, space, writer, blockBytes } = maker;
  const { geometry } = space;
  writer.flushBlocks();
  const metaGroups = superblock.hasIncompat(Incompat.META_BG);
  const wholeTable = metaGroups
    ? Math.min(superblock.firstMetaBlockGroup, geometry.descriptorBlocks)
    : geometry.descriptorBlocks;
  const oldTable = table.subarray(0, wholeTable * blockBytes);
  for (let group = 0; group < geometry.groupCount; group++) {
    if (!space.hasHead(group)) continue;
    const head = space.head(group);
    if (head.superblock < 0 && head.metaDescriptors === 0) continue;
    const parts: Uint8Array[] = [];
    if (head.superblock >= 0) parts.push(backupSuperblock(maker, group));
    if (head.descriptors > 0) parts.push(oldTable);
    if (head.metaDescriptors > 0) {
      const index = Math.floor(group / geometry.descriptorsPerBlock) * blockBytes;
      parts.push(table.subarray(index, index + blockBytes));
    }
    let first = head.superblock >= 0 ? head.superblock : head.metaDescriptors;
    if (group === 0) {
      // The primary superblock is written last of all.
      parts.shift();
      first++;
    }
    if (parts.length > 0) writer.putBytes(first * blockBytes, parts);
    maker.options.progress?.("Writing superblocks", group, geometry.groupCount);
  }
}

/** One block: the superblock as a backup holds it. */
function backupSuperblock(maker: Maker, group: number): Uint8Array {
  const block = maker.emptyBlock();
  const copy = new Superblock(block.subarray(0, 1024));
  copy.bytes.set(maker.superblock.bytes);
  copy.blockGroupNumber = Math.min(group, 0xffff);
  copy.state &= ~STATE_VALID;
  copy.setChecksum();
  return block;
}

/** Makes everything written so far durable, then writes the primary superblock. */
export function writePrimarySuperblock(maker: Maker): void {
  const { superblock, writer } = maker;
  writer.device.flush();
  superblock.setChecksum();
  writer.putBytes(SUPERBLOCK_OFFSET, [superblock.bytes]);
  writer.device.flush();
}
