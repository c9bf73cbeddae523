/**
 * Files that no directory names: quotas, orphans, and the block of multiple mount protection.
 *
 * @module
 */

import { Compat, Incompat, RoCompat } from "../layout/features.ts";
import { InodeFlag, S_IFREG } from "../layout/inode.ts";
import { encodeMmp, MMP_SEQUENCE_CLEAN } from "../layout/mmp.ts";
import { setOrphanBlockChecksum, writeEmptyOrphanBlock } from "../layout/orphan_file.ts";
import { QUOTA_BLOCK_BYTES, QuotaMagic } from "../layout/quota.ts";
import { GROUP_QUOTA_INODE, USER_QUOTA_INODE } from "../layout/superblock.ts";
import { allocateFile } from "./file_blocks.ts";
import type { Maker } from "./maker.ts";
import { inBlocks } from "./options.ts";
import { quotaFile, type Usage } from "./quota_file.ts";

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

/** Makes the quota files with the usage of the two directories that exist. */
export function makeQuotaFiles(maker: Maker): void {
  const { superblock, parameters } = maker;
  if (!superblock.hasRoCompat(RoCompat.QUOTA)) return;
  const { quotaTypes } = parameters;
  if ((quotaTypes & 1) !== 0) {
    superblock.userQuotaInode = USER_QUOTA_INODE;
    makeQuotaFile(maker, USER_QUOTA_INODE, QuotaMagic.USER, usage(maker, (inode) => inode.uid));
  }
  if ((quotaTypes & 2) !== 0) {
    superblock.groupQuotaInode = GROUP_QUOTA_INODE;
    makeQuotaFile(maker, GROUP_QUOTA_INODE, QuotaMagic.GROUP, usage(maker, (inode) => inode.gid));
  }
  if ((quotaTypes & 4) !== 0) {
    const used = usage(maker, (inode) => inode.projectId);
    const ino = maker.space.allocateInode(false);
    superblock.projectQuotaInode = ino;
    makeQuotaFile(maker, ino, QuotaMagic.PROJECT, used);
  }
}

interface Owned {
  readonly uid: number;
  readonly gid: number;
  readonly projectId: number;
}

function usage(maker: Maker, idOf: (inode: Owned) => number): Map<number, Usage> {
  const sums = new Map<number, Usage>();
  for (const inode of maker.inodes.values()) {
    if (!inode.isDirectory) continue;
    const id = idOf(inode);
    const sum = sums.get(id) ?? { spaceBytes: 0, inodes: 0 };
    sums.set(id, { spaceBytes: sum.spaceBytes + inode.sectors * 512, inodes: sum.inodes + 1 });
  }
  return sums;
}

function makeQuotaFile(
  maker: Maker,
  ino: number,
  magic: number,
  sums: ReadonlyMap<number, Usage>,
): void {
  const { space, blockBytes } = maker;
  const content = quotaFile(magic, sums);
  const inode = maker.newInode(ino, S_IFREG | 0o600);
  inode.setFlag(InodeFlag.IMMUTABLE, true);
  const map = maker.mapFile(inode);
  const disk = allocateFile(
    maker,
    inode,
    map,
    space.firstBlock,
    Math.ceil(content.length / blockBytes),
  );
  map.finish();
  inode.size = Math.ceil(content.length / QUOTA_BLOCK_BYTES) * QUOTA_BLOCK_BYTES;
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
