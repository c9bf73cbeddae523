/**
 * The blocks and inodes of a file system in the making, with the columns that become its group
 * descriptors.
 *
 * @module
 */

import { ENOSPC } from "../errno.ts";
import { FsError } from "../errors.ts";
import { BG_BLOCK_UNINIT, BG_INODE_UNINIT } from "../layout/group_desc.ts";
import { Compat, Incompat, RoCompat } from "../layout/features.ts";
import type { Superblock } from "../layout/superblock.ts";
import { Geometry } from "../volume/geometry.ts";
import { UsedRanges } from "./used_ranges.ts";

/** Where a group's copies of superblock and group descriptors are; 0 for those that it has not. */
export interface GroupHead {
  /** Block of the superblock, -1 when there is none. */
  superblock: number;
  /** First block of a copy of the descriptor table (with its reserved blocks). */
  descriptors: number;
  /** Block of one descriptor block (meta_bg). */
  metaDescriptors: number;
  /** Blocks that these take. */
  blocks: number;
}

/** The groups behind group 0 that hold a copy of superblock and descriptors, in ascending order. */
export function backupGroups(superblock: Superblock): number[] {
  const { groupCount } = superblock;
  let candidates: number[] = [1];
  if (superblock.hasCompat(Compat.SPARSE_SUPER2)) {
    candidates = [superblock.backupGroup0, superblock.backupGroup1];
  } else if (superblock.hasRoCompat(RoCompat.SPARSE_SUPER)) {
    for (const base of [3, 5, 7]) {
      for (let group = base; group < groupCount; group *= base) candidates.push(group);
    }
  } else candidates = Array.from({ length: groupCount }, (_, group) => group);
  const groups = candidates.filter((group) => group > 0 && group < groupCount);
  return groups.sort((a, b) => a - b);
}

/** Space, by group. */
export class Space {
  readonly geometry: Geometry;
  /** Blocks in use; widened to clusters once the tables are placed. */
  used = new UsedRanges();
  readonly blockBitmap: Float64Array;
  readonly inodeBitmap: Float64Array;
  readonly inodeTable: Float64Array;
  /** BG_* bits. */
  readonly flags: Uint16Array;
  readonly unusedInodes: Uint32Array;
  readonly usedInodes: Uint32Array;
  readonly usedDirectories: Uint32Array;
  /**
   * Free space as libext2fs counts it while it works: blocks before bigalloc's clusters are known. It
   * decides where the journal goes, nothing else.
   */
  readonly accountedFree: Float64Array;
  readonly groupChecksums: boolean;
  /** Numbers of inodes taken. */
  readonly inodes = new UsedRanges();
  /** Groups with copies of the superblock. */
  readonly backupGroups: readonly number[];
  readonly #hasSuperblock: Uint8Array;
  readonly #metaGroups: boolean;

  constructor(readonly superblock: Superblock) {
    this.geometry = new Geometry(superblock);
    const { groupCount } = this.geometry;
    this.blockBitmap = new Float64Array(groupCount);
    this.inodeBitmap = new Float64Array(groupCount);
    this.inodeTable = new Float64Array(groupCount);
    this.flags = new Uint16Array(groupCount);
    this.unusedInodes = new Uint32Array(groupCount);
    this.usedInodes = new Uint32Array(groupCount);
    this.usedDirectories = new Uint32Array(groupCount);
    this.accountedFree = new Float64Array(groupCount);
    this.groupChecksums = superblock.hasGroupChecksums;
    this.backupGroups = backupGroups(superblock);
    this.#hasSuperblock = new Uint8Array(groupCount);
    for (const group of [0, ...this.backupGroups]) this.#hasSuperblock[group] = 1;
    this.#metaGroups = superblock.hasIncompat(Incompat.META_BG);
    this.#reserveHeads();
  }

  /** The first block that can be allocated, and one past the last. */
  get firstBlock(): number {
    return this.geometry.firstDataBlock;
  }
  get endBlock(): number {
    return this.geometry.blocksCount;
  }

  /** Whether a group keeps copies of superblock or descriptors at all. */
  hasHead(group: number): boolean {
    return this.#metaGroups || this.#hasSuperblock[group] === 1;
  }

  /** Where group `group` keeps copies of superblock and descriptors. */
  head(group: number): GroupHead {
    const { superblock, geometry } = this;
    let block = geometry.groupFirstBlock(group);
    if (block === 0) block = geometry.superblockBlock;
    const hasSuperblock = this.#hasSuperblock[group] === 1;
    const head: GroupHead = {
      superblock: hasSuperblock ? block : -1,
      descriptors: 0,
      metaDescriptors: 0,
      blocks: hasSuperblock ? 1 : 0,
    };
    const metaGroup = Math.floor(group / geometry.descriptorsPerBlock);
    if (!this.#metaGroups || metaGroup < superblock.firstMetaBlockGroup) {
      if (hasSuperblock) {
        head.descriptors = block + 1;
        head.blocks += this.tableBlocks;
      }
      return head;
    }
    const inMeta = group % geometry.descriptorsPerBlock;
    if (inMeta === 0 || inMeta === 1 || inMeta === geometry.descriptorsPerBlock - 1) {
      head.metaDescriptors = block + (hasSuperblock ? 1 : 0);
      head.blocks++;
    }
    return head;
  }

  /** Blocks of a copy of the descriptor table, its reserved blocks included. */
  get tableBlocks(): number {
    const { superblock, geometry } = this;
    if (this.#metaGroups) return superblock.firstMetaBlockGroup;
    return geometry.descriptorBlocks + superblock.reservedGdtBlocks;
  }

  #reserveHeads(): void {
    const { geometry, groupChecksums } = this;
    const tables = this.superblock.logGroupsPerFlex === 0 ? 2 + geometry.inodeTableBlocks : 0;
    let reservedInodes = this.superblock.firstInode;
    for (let group = 0; group < geometry.groupCount; group++) {
      if (groupChecksums) {
        const last = group === geometry.groupCount - 1;
        this.flags[group] = BG_INODE_UNINIT | (last ? 0 : BG_BLOCK_UNINIT);
        const reserved = Math.min(reservedInodes, geometry.inodesPerGroup);
        reservedInodes -= reserved;
        this.unusedInodes[group] = geometry.inodesPerGroup - reserved;
      }
      const free = geometry.groupBlocks(group) - tables;
      this.accountedFree[group] = free - (this.hasHead(group) ? this.#markHead(group) : 0);
    }
  }

  /** Returns how many blocks it takes. */
  #markHead(group: number): number {
    const { geometry, used } = this;
    const head = this.head(group);
    if (group === 0 && geometry.blockBytes === 1024 && geometry.clusterBlocks > 1) used.mark(0, 1);
    if (head.superblock >= 0) used.mark(head.superblock, 1);
    if (head.descriptors > 0) {
      const end = Math.min(head.descriptors + this.tableBlocks, this.endBlock);
      used.mark(head.descriptors, end - head.descriptors);
    }
    if (head.metaDescriptors > 0) used.mark(head.metaDescriptors, 1);
    return head.blocks;
  }

  /** Tables are placed: from here on whole clusters are allocated. Returns how many are in use. */
  finishTables(): number {
    const { clusterBlocks } = this.geometry;
    this.used = this.used.inClusters(clusterBlocks);
    return this.used.countUsed(this.firstBlock, this.endBlock) / clusterBlocks;
  }

  /** Takes blocks and accounts for them group by group. */
  take(block: number, blocks: number, accounted = blocks / this.geometry.clusterBlocks): void {
    const { geometry } = this;
    this.used.mark(block, blocks);
    for (let at = block; at < block + blocks;) {
      const group = geometry.groupOfBlock(at);
      const end = Math.min(block + blocks, geometry.groupFirstBlock(group + 1));
      const share = Math.trunc((accounted * (end - at)) / blocks);
      this.accountedFree[group] = (this.accountedFree[group] ?? 0) - share;
      this.flags[group] = (this.flags[group] ?? 0) & ~BG_BLOCK_UNINIT;
      at = end;
    }
  }

  /** The first free cluster at or after `goal`, wrapping around; not taken. @throws FsError ENOSPC */
  findCluster(goal: number): number {
    const { clusterBlocks } = this.geometry;
    let from = goal <= 0 || goal >= this.endBlock ? this.firstBlock : goal;
    from -= from % clusterBlocks;
    let found = this.used.firstFree(from);
    if (found >= this.endBlock) found = this.used.firstFree(this.firstBlock);
    if (found >= this.endBlock) {
      throw new FsError(ENOSPC, "the file system is too small: it is full");
    }
    return found;
  }

  /** Takes the first free cluster at or after `goal`; returns its first block. */
  allocate(goal: number): number {
    const block = this.findCluster(goal);
    this.take(block, this.geometry.clusterBlocks);
    return block;
  }

  /** A run of at most `blocks` free blocks at or after `goal`, taken. */
  allocateRun(goal: number, blocks: number): { block: number; blocks: number } {
    const block = this.findCluster(goal);
    const end = this.used.firstUsed(block, Math.min(block + blocks, this.endBlock));
    const { clusterBlocks } = this.geometry;
    this.take(block, Math.ceil((end - block) / clusterBlocks) * clusterBlocks);
    return { block, blocks: end - block };
  }

  /** Takes an inode number. */
  takeInode(ino: number, isDirectory: boolean): void {
    const { geometry } = this;
    const group = geometry.groupOfInode(ino);
    this.inodes.mark(ino, 1);
    this.usedInodes[group] = (this.usedInodes[group] ?? 0) + 1;
    if (isDirectory) this.usedDirectories[group] = (this.usedDirectories[group] ?? 0) + 1;
    this.flags[group] = (this.flags[group] ?? 0) & ~BG_INODE_UNINIT;
    if (!this.groupChecksums) return;
    const behind = (group + 1) * geometry.inodesPerGroup - ino;
    this.unusedInodes[group] = Math.min(this.unusedInodes[group] ?? 0, behind);
  }

  /** Takes the first free inode for ordinary files. As libext2fs does, this makes its group's bitmaps real. */
  allocateInode(isDirectory: boolean): number {
    const first = this.superblock.firstInode;
    const ino = this.inodes.firstFree(first);
    if (ino > this.superblock.inodesCount) {
      throw new FsError(ENOSPC, "the file system is too small: it has no inodes left");
    }
    const group = this.geometry.groupOfInode(ino);
    if (((this.flags[group] ?? 0) & BG_INODE_UNINIT) !== 0) {
      this.flags[group] = (this.flags[group] ?? 0) & ~(BG_INODE_UNINIT | BG_BLOCK_UNINIT);
    }
    this.takeInode(ino, isDirectory);
    return ino;
  }

  /** First block to try for the contents of an inode: the start of its (flex) group. */
  inodeGoal(ino: number): number {
    const { geometry, superblock } = this;
    const group = geometry.groupOfInode(ino);
    const packed = 2 ** superblock.logGroupsPerFlex;
    return geometry.groupFirstBlock(group - (group % packed));
  }
}
