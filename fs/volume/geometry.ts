/**
 * Where things are: numbers computed once from the superblock.
 *
 * @module
 */

import { Incompat } from "../layout/features.ts";
import { groupHasSuperblock, type Superblock } from "../layout/superblock.ts";

/** Fixed numbers of a mounted file system. Blocks are disk blocks unless a name says otherwise. */
export class Geometry {
  readonly blockBytes: number;
  /** log2 of `blockBytes`. */
  readonly blockBits: number;
  readonly blocksCount: number;
  readonly firstDataBlock: number;
  readonly blocksPerGroup: number;
  readonly clustersPerGroup: number;
  /** Blocks of a cluster: 1 without bigalloc. */
  readonly clusterBlocks: number;
  /** log2 of `clusterBlocks`. */
  readonly clusterBits: number;
  readonly groupCount: number;
  readonly inodesPerGroup: number;
  readonly inodesCount: number;
  readonly inodeBytes: number;
  readonly inodesPerBlock: number;
  /** Blocks of one group's inode table. */
  readonly inodeTableBlocks: number;
  readonly descriptorBytes: number;
  readonly descriptorsPerBlock: number;
  /** Blocks of the group descriptor table. */
  readonly descriptorBlocks: number;
  /** Block that holds the primary superblock: 1 with 1 KiB blocks, else 0. */
  readonly superblockBlock: number;
  /** Groups that share their metadata's place (flex_bg), at least 1. */
  readonly groupsPerFlex: number;
  /** Largest number of a link count before ext4 says EMLINK. */
  readonly maxLinks = 65000;

  constructor(readonly superblock: Superblock) {
    const s = superblock;
    this.blockBytes = s.blockBytes;
    this.blockBits = 10 + s.logBlockSize;
    this.blocksCount = s.blocksCount;
    this.firstDataBlock = s.firstDataBlock;
    this.blocksPerGroup = s.blocksPerGroup;
    this.clusterBlocks = s.clusterBytes / s.blockBytes;
    this.clusterBits = Math.log2(this.clusterBlocks);
    this.clustersPerGroup = s.blocksPerGroup / this.clusterBlocks;
    this.groupCount = s.groupCount;
    this.inodesPerGroup = s.inodesPerGroup;
    this.inodesCount = s.inodesCount;
    this.inodeBytes = s.inodeBytes;
    this.inodesPerBlock = Math.floor(s.blockBytes / s.inodeBytes);
    this.inodeTableBlocks = Math.ceil(s.inodesPerGroup / this.inodesPerBlock);
    this.descriptorBytes = s.descriptorBytes;
    this.descriptorsPerBlock = Math.floor(s.blockBytes / s.descriptorBytes);
    this.descriptorBlocks = Math.ceil(s.groupCount / this.descriptorsPerBlock);
    this.superblockBlock = s.blockBytes === 1024 ? 1 : 0;
    this.groupsPerFlex = s.hasIncompat(Incompat.FLEX_BG) ? 2 ** s.logGroupsPerFlex : 1;
  }

  groupFirstBlock(group: number): number {
    return this.firstDataBlock + group * this.blocksPerGroup;
  }
  /** Blocks in a group: fewer in the last. */
  groupBlocks(group: number): number {
    return Math.min(this.blocksPerGroup, this.blocksCount - this.groupFirstBlock(group));
  }
  /** Clusters in a group: fewer in the last. */
  groupClusters(group: number): number {
    return Math.ceil(this.groupBlocks(group) / this.clusterBlocks);
  }
  groupOfBlock(block: number): number {
    return Math.floor((block - this.firstDataBlock) / this.blocksPerGroup);
  }
  /** Bit of the group's block bitmap that stands for a block. */
  bitOfBlock(block: number): number {
    return ((block - this.firstDataBlock) % this.blocksPerGroup) >>> this.clusterBits;
  }
  groupOfInode(ino: number): number {
    return Math.floor((ino - 1) / this.inodesPerGroup);
  }
  /** Whether `count` blocks from `block` on are inside the file system and after its start. */
  blocksInRange(block: number, count: number): boolean {
    return block > this.firstDataBlock && count > 0 && block + count <= this.blocksCount;
  }

  /** Disk block of the `index`-th block of the primary group descriptor table. */
  descriptorBlock(index: number): number {
    const { superblock } = this;
    const metaGroups = superblock.hasIncompat(Incompat.META_BG);
    if (!metaGroups || index < superblock.firstMetaBlockGroup) {
      return this.superblockBlock + 1 + index;
    }
    const group = index * this.descriptorsPerBlock;
    let skip = groupHasSuperblock(superblock, group) ? 1 : 0;
    if (index === 0 && this.superblockBlock === 1 && this.firstDataBlock === 0) skip++;
    return this.groupFirstBlock(group) + skip;
  }
}
