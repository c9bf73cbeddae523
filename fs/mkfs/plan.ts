/**
 * The superblock of a file system to be made: how many groups there are, how large their tables are,
 * and what follows from that. The arithmetic is that of libext2fs, so that the same options give the
 * same layout.
 *
 * @module
 */

import { Compat, Incompat, RoCompat } from "../layout/features.ts";
import {
  FLAG_SIGNED_HASH,
  FLAG_TEST,
  groupHasSuperblock,
  STATE_VALID,
  Superblock,
  SUPERBLOCK_BYTES,
  SUPERBLOCK_MAGIC,
} from "../layout/superblock.ts";
import { FormatError } from "./format_error.ts";
import type { Parameters } from "./parameters.ts";

const MAX_32 = 0xffffffff;
const FIRST_INODE = 11;
const MAX_CLUSTERS_PER_GROUP = 65536 - 8;
/** Blocks that a last group must hold beyond its own metadata to be worth having. */
const WORTHWHILE_BLOCKS = 50;
/** s_default_mount_opts: user_xattr and acl. */
const DEFAULT_MOUNT_OPTIONS = 0xc;
const EXTRA_INODE_BYTES = 32;

/** Fills in everything but UUID, times and counts of what is free. @throws FormatError */
export function planSuperblock(parameters: Parameters): Superblock {
  const superblock = new Superblock(new Uint8Array(SUPERBLOCK_BYTES));
  setIdentity(superblock, parameters);
  setGroupSize(superblock, parameters);
  const clusterBlocks = parameters.clusterBytes / parameters.blockBytes;
  superblock.blocksCount = parameters.blocksCount - (parameters.blocksCount % clusterBlocks);
  superblock.reservedBlocksCount = parameters.reservedBlocks;
  if (parameters.features.hasIncompat(Incompat.JOURNAL_DEV)) return superblock;
  for (;;) {
    const again = setGroups(superblock, parameters);
    if (!again) break;
  }
  setBackupGroups(superblock, parameters);
  return superblock;
}

function setIdentity(superblock: Superblock, parameters: Parameters): void {
  const { options, features } = parameters;
  superblock.magic = SUPERBLOCK_MAGIC;
  superblock.state = STATE_VALID;
  superblock.logBlockSize = Math.log2(parameters.blockBytes) - 10;
  superblock.logClusterSize = Math.log2(parameters.clusterBytes) - 10;
  superblock.firstDataBlock = superblock.logClusterSize === 0 ? 1 : 0;
  superblock.maxMountCount = 0xffff;
  superblock.errorsBehavior = { continue: 1, "remount-ro": 2, panic: 3 }[
    options.errors ?? "continue"
  ];
  superblock.revision = parameters.revision;
  superblock.creatorOs = options.creatorOs ?? 0;
  superblock.featureCompat = features.compat;
  superblock.featureIncompat = features.incompat;
  superblock.featureRoCompat = features.roCompat;
  superblock.defaultMountOptions = parameters.revision === 0 ? 0 : DEFAULT_MOUNT_OPTIONS;
  superblock.raidStride = options.raidStride ?? wholeBlocks(parameters, options.minimumIoBytes);
  superblock.raidStripeWidth = options.raidStripeWidth ??
    wholeBlocks(parameters, options.optimalIoBytes);
  superblock.logGroupsPerFlex = parameters.logGroupsPerFlex;
  const journalDevice = features.hasIncompat(Incompat.JOURNAL_DEV);
  superblock.flags = (journalDevice ? 0 : FLAG_SIGNED_HASH) |
    (options.testFileSystem === true ? FLAG_TEST : 0);
  superblock.encoding = parameters.encoding;
  superblock.encodingFlags = parameters.encoding === 0 ? 0 : parameters.encodingFlags;
  superblock.mmpInterval = options.mmpIntervalSeconds ?? 0;
  superblock.defaultHashVersion = 1;
  superblock.firstInodeRaw = FIRST_INODE;
  superblock.inodeSizeRaw = parameters.inodeBytes;
  if (parameters.revision === 0) return;
  if (parameters.inodeBytes > 128) {
    superblock.minExtraIsize = EXTRA_INODE_BYTES;
    superblock.wantExtraIsize = EXTRA_INODE_BYTES;
  }
  superblock.descriptorSizeRaw = parameters.descriptorBytes;
  if (features.hasRoCompat(RoCompat.METADATA_CSUM)) superblock.checksumType = 1;
}

/** An I/O size in blocks; 0 when it says nothing because it is no more than a block. */
function wholeBlocks({ blockBytes }: Parameters, bytes = 0): number {
  return bytes > blockBytes ? Math.floor(bytes / blockBytes) : 0;
}

function setGroupSize(superblock: Superblock, parameters: Parameters): void {
  const { blockBytes, clusterBytes } = parameters;
  if (!superblock.hasRoCompat(RoCompat.BIGALLOC)) {
    const asked = parameters.blocksPerGroup === 0 ? blockBytes * 8 : parameters.blocksPerGroup;
    superblock.blocksPerGroup = Math.min(asked, MAX_CLUSTERS_PER_GROUP);
    superblock.clustersPerGroup = superblock.blocksPerGroup;
    return;
  }
  let clusters = parameters.clustersPerGroup;
  if (clusters === 0) {
    clusters = superblock.logClusterSize + 15 < 32 ? blockBytes * 8 : (blockBytes - 1) * 8;
  }
  clusters = Math.min(clusters, MAX_CLUSTERS_PER_GROUP);
  const blocks = clusters * (clusterBytes / blockBytes);
  if (blocks > MAX_32) {
    throw new FormatError("clusterBytes", "clusters of this size make the groups too large");
  }
  superblock.clustersPerGroup = clusters;
  superblock.blocksPerGroup = blocks;
}

/** One round: groups from blocks. Returns true when blocks or group size changed and another is needed. */
function setGroups(superblock: Superblock, parameters: Parameters): boolean {
  const groups = superblock.groupCount;
  if (groups <= 0) throw new FormatError("sizeBytes", "the size is too small for a file system");
  if (!setInodesPerGroup(superblock, parameters, groups)) return true;
  const descriptorBlocks = Math.ceil(
    groups / Math.floor(superblock.blockBytes / superblock.descriptorBytes),
  );
  setReservedGdt(superblock, parameters, descriptorBlocks);
  const tableBlocks = Math.ceil(
    (superblock.inodesPerGroup * superblock.inodeBytes) / superblock.blockBytes,
  );
  const reserved = superblock.reservedGdtBlocks;
  const perGroup = 3 + tableBlocks + reserved +
    (superblock.hasIncompat(Incompat.META_BG) ? 1 : descriptorBlocks);
  if (perGroup > superblock.blocksPerGroup) {
    throw new FormatError(
      "inodes",
      `${superblock.inodesPerGroup} inodes a group leave no room for anything else`,
    );
  }
  let lastGroup = 2 + tableBlocks;
  if (lastGroupHasSuperblock(superblock, parameters, groups)) {
    lastGroup += 1 + descriptorBlocks + reserved;
  }
  const rest = (superblock.blocksCount - superblock.firstDataBlock) % superblock.blocksPerGroup;
  if (groups === 1 && rest > 0 && rest < lastGroup) {
    throw new FormatError(
      "sizeBytes",
      `${superblock.blocksCount} blocks are too few: the metadata alone take ${lastGroup}`,
    );
  }
  if (rest === 0 || rest >= lastGroup + WORTHWHILE_BLOCKS) return false;
  dropLastGroup(superblock, parameters, rest);
  return true;
}

function dropLastGroup(superblock: Superblock, parameters: Parameters, blocks: number): void {
  const left = superblock.blocksCount - blocks;
  if (left <= superblock.firstDataBlock) {
    throw new FormatError(
      "sizeBytes",
      `${superblock.blocksCount} blocks are too few for a file system`,
    );
  }
  superblock.blocksCount = left;
  const ratio = (100.0 * parameters.reservedBlocks) / parameters.blocksCount;
  superblock.reservedBlocksCount = Math.floor((ratio * left) / 100.0);
}

/** Returns false when groups had to be made smaller to hold all inodes. */
function setInodesPerGroup(
  superblock: Superblock,
  parameters: Parameters,
  groups: number,
): boolean {
  const { blockBytes } = parameters;
  const { inodeBytes } = superblock;
  const perKilobytes = blockBytes >= 4096 ? 1 : 4096 / blockBytes;
  const automatic = Math.min(MAX_32, Math.floor(superblock.blocksCount / perKilobytes));
  const asked = parameters.inodesCount === 0 ? automatic : parameters.inodesCount;
  const inodes = Math.max(asked, FIRST_INODE + 1);
  let perGroup = Math.ceil(inodes / groups);
  if (perGroup > blockBytes * 8) {
    if (superblock.hasRoCompat(RoCompat.BIGALLOC) || superblock.blocksPerGroup < 256) {
      throw new FormatError("inodes", `${inodes} inodes are too many for ${groups} groups`);
    }
    superblock.blocksPerGroup -= 8;
    superblock.clustersPerGroup = superblock.blocksPerGroup;
    superblock.blocksCount = parameters.blocksCount;
    return false;
  }
  perGroup = Math.min(perGroup, 65536 - Math.floor(blockBytes / inodeBytes));
  for (;; perGroup--) {
    const filled = Math.floor(
      (Math.ceil((perGroup * inodeBytes) / blockBytes) * blockBytes) / inodeBytes,
    );
    const rounded = Math.max(8, filled) & ~7;
    if (rounded * groups > MAX_32) continue;
    if (rounded * groups < FIRST_INODE) throw tooFewInodes(parameters, rounded * groups);
    superblock.inodesPerGroup = rounded;
    superblock.inodesCount = rounded * groups;
    superblock.freeInodesCount = superblock.inodesCount;
    return true;
  }
}

function tooFewInodes(parameters: Parameters, inodes: number): FormatError {
  const { options, blocksCount, blockBytes } = parameters;
  const few = `${inodes} inodes are too few: a file system needs ${FIRST_INODE + 1}`;
  if (options.inodes !== undefined) return new FormatError("inodes", few);
  if (options.inodeRatioBytes !== undefined) return new FormatError("inodeRatioBytes", few);
  return new FormatError("sizeBytes", `${blocksCount * blockBytes} bytes are too small: ${few}`);
}

function setReservedGdt(
  superblock: Superblock,
  parameters: Parameters,
  descriptorBlocks: number,
): void {
  const wanted = superblock.hasCompat(Compat.RESIZE_INODE)
    ? defaultReservedGdt(superblock, descriptorBlocks)
    : 0;
  superblock.reservedGdtBlocks = parameters.reservedGdtBlocks ?? wanted;
  const limit = Math.floor((superblock.blocksPerGroup * 3) / 4);
  if (superblock.reservedGdtBlocks + descriptorBlocks <= limit) return;
  superblock.featureIncompat |= Incompat.META_BG;
  superblock.featureCompat = (superblock.featureCompat & ~Compat.RESIZE_INODE) >>> 0;
  superblock.reservedGdtBlocks = 0;
}

/** Descriptor blocks to grow to 1024 times the size, or to 2^32 blocks. */
function defaultReservedGdt(superblock: Superblock, descriptorBlocks: number): number {
  const { blocksCount, blockBytes, descriptorBytes } = superblock;
  const most = blocksCount < Math.floor(MAX_32 / 1024) ? blocksCount * 1024 : MAX_32;
  const groups = Math.ceil((most - superblock.firstDataBlock) / superblock.blocksPerGroup);
  const blocks = Math.ceil(groups / Math.floor(blockBytes / descriptorBytes)) - descriptorBlocks;
  return Math.max(0, Math.min(blocks, blockBytes / 4));
}

function lastGroupHasSuperblock(
  superblock: Superblock,
  parameters: Parameters,
  groups: number,
): boolean {
  if (!superblock.hasCompat(Compat.SPARSE_SUPER2)) {
    return groupHasSuperblock(superblock, groups - 1);
  }
  const backups = parameters.options.backupSuperblocks ?? 2;
  return groups === 2 ? backups >= 1 : backups >= 2;
}

/** Places the one or two backups of sparse_super2: in group 1 and in the last. */
function setBackupGroups(superblock: Superblock, parameters: Parameters): void {
  if (!superblock.hasCompat(Compat.SPARSE_SUPER2)) return;
  const backups = parameters.options.backupSuperblocks ?? 2;
  if (!Number.isInteger(backups) || backups < 0 || backups > 2) {
    throw new FormatError("backupSuperblocks", `${backups} backup superblocks are not 0, 1 or 2`);
  }
  const last = superblock.groupCount - 1;
  let first = backups >= 1 ? Math.min(1, last) : 0;
  let second = backups >= 2 ? last : 0;
  if (first === second) second = 0;
  if (first > second) [first, second] = [second, first];
  superblock.backupGroup0 = first;
  superblock.backupGroup1 = second;
}
