/**
 * Files that no directory names: quotas, orphans, and the block of multiple mount protection.
 *
 * @module
 */

import { Compat, Incompat, RoCompat } from "../layout/features.ts";
import { InodeFlag, S_IFREG } from "../layout/inode.ts";
import { encodeMmp, MMP_SEQUENCE_CLEAN } from "../layout/mmp.ts";
import { setOrphanBlockChecksum, writeEmptyOrphanBlock } from "../layout/orphan_file.ts";
import { QuotaMagic } from "../layout/quota.ts";
import { GROUP_QUOTA_INODE, USER_QUOTA_INODE } from "../layout/superblock.ts";
import { allocateFile } from "./file_blocks.ts";
import type { Maker } from "./maker.ts";
import { inBlocks } from "./options.ts";
import { quotaFile } from "./quota_file.ts";

const MMP_DEFAULT_SECONDS = 5;

/** Writes the block of multiple mount protection, if asked for. */
export function makeMmp(maker: Maker): void {
  const { superblock, options } = maker;
  if (!superblock.hasIncompat(Incompat.MMP)) return;
  if (superblock.mmpInterval === 0) superblock.mmpInterval = MMP_DEFAULT_SECONDS;
  const block = maker.space.allocate(0);
  superblock.mmpBlockLo = block >>> 0;
  superblock.mmpBlockHi = Math.floor(block / 0x100000000);
  const bytes = maker.emptyBlock();
  encodeMmp(bytes, {
    sequence: MMP_SEQUENCE_CLEAN,
    time: maker.now,
    nodeName: options.nodeName ?? "",
    deviceName: options.deviceName ?? "",
    checkInterval: Math.max(superblock.mmpInterval, MMP_DEFAULT_SECONDS),
  }, maker.seed);
  maker.writer.put(block, bytes);
}

/** Makes the quota files with the usage that was counted. */
export function makeQuotaFiles(maker: Maker): void {
  const { superblock, parameters } = maker;
  if (!superblock.hasRoCompat(RoCompat.QUOTA)) return;
  const { quotaTypes } = parameters;
  if ((quotaTypes & 1) !== 0) {
    superblock.userQuotaInode = USER_QUOTA_INODE;
    makeQuotaFile(maker, USER_QUOTA_INODE, QuotaMagic.USER, 0);
  }
  if ((quotaTypes & 2) !== 0) {
    superblock.groupQuotaInode = GROUP_QUOTA_INODE;
    makeQuotaFile(maker, GROUP_QUOTA_INODE, QuotaMagic.GROUP, 1);
  }
  if ((quotaTypes & 4) !== 0) {
    const ino = maker.space.allocateInode(false);
    superblock.projectQuotaInode = ino;
    makeQuotaFile(maker, ino, QuotaMagic.PROJECT, 2);
  }
}

/** @param kind index of the sums in `Maker.usage`. */
function makeQuotaFile(maker: Maker, ino: number, magic: number, kind: number): void {
  const { space, blockBytes } = maker;
  const content = quotaFile(magic, maker.usage[kind] ?? new Map());
  const inode = maker.newInode(ino, S_IFREG | 0o600);
  inode.setFlag(InodeFlag.IMMUTABLE, true);
  const map = maker.mapFile(inode);
  const blocks = Math.ceil(content.length / blockBytes);
  const disk = allocateFile(maker, inode, map, space.firstBlock, blocks);
  map.finish();
  inode.size = content.length;
  disk.forEach((block, index) => {
    const bytes = maker.emptyBlock();
    bytes.set(content.subarray(index * blockBytes, (index + 1) * blockBytes));
    maker.writer.put(block, bytes);
  });
}

/** Makes the orphan file, if asked for. */
export function makeOrphanFile(maker: Maker): void {
  const { superblock, space, blockBytes } = maker;
  if (!superblock.hasCompat(Compat.ORPHAN_FILE)) return;
  const ino = space.allocateInode(false);
  const inode = maker.newInode(ino, S_IFREG | 0o600);
  const blocks = orphanBlocks(maker);
  const map = maker.mapFile(inode);
  const disk = allocateFile(maker, inode, map, space.firstBlock, blocks);
  map.finish();
  inode.size = blocks * blockBytes;
  for (const block of disk) {
    const bytes = maker.emptyBlock();
    const view = new DataView(bytes.buffer);
    writeEmptyOrphanBlock(bytes, view);
    if (maker.seed !== undefined) setOrphanBlockChecksum(bytes, view, block, inode.checksumSeed);
    maker.writer.put(block, bytes);
  }
  superblock.orphanFileInode = ino;
}

/** Blocks of the orphan file: 32 to 512, a 4096th of the file system in between. */
function orphanBlocks(maker: Maker): number {
  const asked = maker.options.orphanFileSize;
  if (asked !== undefined) return Math.max(1, inBlocks(asked, maker.blockBytes));
  const { blocksCount, clusterBlocks } = maker.space.geometry;
  let blocks = 512;
  if (blocksCount < 128 * 1024) blocks = 32;
  else if (blocksCount < 2 * 1024 * 1024) blocks = Math.floor(blocksCount / 4096);
  return Math.ceil(blocks / clusterBlocks) * clusterBlocks;
}
