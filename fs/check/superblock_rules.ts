/**
 * What a copy of the superblock must fulfil before anything can be found by it.
 *
 * @module
 */

import { Compat, featureNames, Incompat, RoCompat } from "../layout/features.ts";
import { groupHasSuperblock, type Superblock, SUPERBLOCK_MAGIC } from "../layout/superblock.ts";
import type { Code } from "./codes.ts";

/** A rule that a superblock breaks. */
export interface SuperblockProblem {
  readonly code: Code;
  readonly field?: string;
  readonly found?: number | string;
  readonly expected?: number | string;
}

const MAX_LOG_BLOCK = 6;
const MAX_LOG_CLUSTER = 29;
const MAX_DESCRIPTOR_BYTES = 1024;
const MIN_WIDE_DESCRIPTOR_BYTES = 64;
/** More groups than any file system of 1 EiB with usual parameters; memory grows with them. */
const MAX_GROUPS = 1 << 22;

const KNOWN_COMPAT = Compat.DIR_PREALLOC | Compat.IMAGIC_INODES | Compat.HAS_JOURNAL |
  Compat.EXT_ATTR | Compat.RESIZE_INODE | Compat.DIR_INDEX | Compat.SPARSE_SUPER2 |
  Compat.FAST_COMMIT | Compat.STABLE_INODES | Compat.ORPHAN_FILE;
const KNOWN_INCOMPAT = Incompat.FILETYPE | Incompat.RECOVER | Incompat.META_BG |
  Incompat.EXTENTS | Incompat.BIT64 | Incompat.MMP | Incompat.FLEX_BG | Incompat.EA_INODE |
  Incompat.CSUM_SEED | Incompat.LARGEDIR | Incompat.INLINE_DATA | Incompat.ENCRYPT |
  Incompat.CASEFOLD;
const KNOWN_RO_COMPAT = RoCompat.SPARSE_SUPER | RoCompat.LARGE_FILE | RoCompat.HUGE_FILE |
  RoCompat.GDT_CSUM | RoCompat.DIR_NLINK | RoCompat.EXTRA_ISIZE | RoCompat.QUOTA |
  RoCompat.BIGALLOC | RoCompat.METADATA_CSUM | RoCompat.READONLY | RoCompat.PROJECT |
  RoCompat.SHARED_BLOCKS | RoCompat.VERITY | RoCompat.ORPHAN_PRESENT;

/** Names of the features that the checker does not know, with which it must not judge. */
export function unknownFeatures(superblock: Superblock): readonly string[] {
  return [
    ...featureNames("compat", superblock.featureCompat & ~KNOWN_COMPAT),
    ...featureNames("incompat", superblock.featureIncompat & ~KNOWN_INCOMPAT),
    ...featureNames("roCompat", superblock.featureRoCompat & ~KNOWN_RO_COMPAT),
  ];
}

/** The first rule that the superblock breaks, so that the file system cannot be found by it. */
export function superblockProblem(
  superblock: Superblock,
  deviceBytes: number,
): SuperblockProblem | undefined {
  if (superblock.magic !== SUPERBLOCK_MAGIC) {
    return { code: "superblock_magic", found: `0x${superblock.magic.toString(16)}` };
  }
  if (superblock.hasMetadataChecksums) {
    if (superblock.checksumType !== 1) return bad("s_checksum_type", superblock.checksumType, 1);
    if (!superblock.checksumMatches()) return { code: "superblock_checksum" };
  }
  if (superblock.revision > 1) return bad("s_rev_level", superblock.revision, "0 or 1");
  const sizes = sizeProblem(superblock);
  if (sizes !== undefined) return sizes;
  if (unknownFeatures(superblock).length > 0) return undefined;
  return descriptorProblem(superblock) ?? countProblem(superblock, deviceBytes);
}

function bad(
  field: string,
  found: number | string,
  expected?: number | string,
): SuperblockProblem {
  return {
    code: "superblock_field",
    field,
    found,
    ...(expected === undefined ? {} : { expected }),
  };
}

function sizeProblem(superblock: Superblock): SuperblockProblem | undefined {
  const { logBlockSize, logClusterSize } = superblock;
  if (logBlockSize > MAX_LOG_BLOCK) return bad("s_log_block_size", logBlockSize, "0 to 6");
  const bigalloc = superblock.hasRoCompat(RoCompat.BIGALLOC);
  const sameSize = !bigalloc && logClusterSize !== logBlockSize;
  if (logClusterSize > MAX_LOG_CLUSTER || logClusterSize < logBlockSize || sameSize) {
    return bad("s_log_cluster_size", logClusterSize, bigalloc ? undefined : logBlockSize);
  }
  const { inodeBytes, blockBytes } = superblock;
  if (inodeBytes < 128 || inodeBytes > blockBytes || (inodeBytes & (inodeBytes - 1)) !== 0) {
    return bad("s_inode_size", inodeBytes);
  }
  if (superblock.logGroupsPerFlex > 31) {
    return bad("s_log_groups_per_flex", superblock.logGroupsPerFlex, "0 to 31");
  }
  return undefined;
}

function descriptorProblem(superblock: Superblock): SuperblockProblem | undefined {
  const { descriptorSizeRaw: size, blockBytes } = superblock;
  const tooSmall = superblock.has64bit && size < MIN_WIDE_DESCRIPTOR_BYTES;
  if (tooSmall || size > MAX_DESCRIPTOR_BYTES || (size & (size - 1)) !== 0) {
    return bad("s_desc_size", size);
  }
  if (superblock.reservedGdtBlocks > blockBytes / 4) {
    return bad("s_reserved_gdt_blocks", superblock.reservedGdtBlocks);
  }
  return undefined;
}

/** A number that must lie within bounds. */
type Bound = readonly [field: string, value: number, low: number, high: number];

function countProblem(
  superblock: Superblock,
  deviceBytes: number,
): SuperblockProblem | undefined {
  const { blockBytes, blocksCount, blocksPerGroup } = superblock;
  const ratio = superblock.clusterBytes / blockBytes;
  const perBlock = Math.floor(blockBytes / superblock.inodeBytes);
  const clusters = Math.min(8 * blockBytes, 0xfff8);
  const bounds: readonly Bound[] = [
    ["s_blocks_count", blocksCount, 1, superblock.has64bit ? 2 ** 48 - 1 : 2 ** 32 - 1],
    ["s_first_data_block", superblock.firstDataBlock, 0, blocksCount - 1],
    ["s_clusters_per_group", superblock.clustersPerGroup, 8, clusters],
    ["s_blocks_per_group", blocksPerGroup, 8, clusters * ratio],
    [
      "s_inodes_per_group",
      superblock.inodesPerGroup,
      Math.max(1, perBlock),
      Math.min(perBlock * (blocksPerGroup - 4), 65536 - perBlock),
    ],
    ["s_r_blocks_count", superblock.reservedBlocksCount, 0, Math.floor(blocksCount / 2)],
    ["number of groups", superblock.groupCount, 1, Math.min(MAX_GROUPS, deviceBytes / 32)],
  ];
  for (const [field, value, low, high] of bounds) {
    if (!(value >= low && value <= high)) return bad(field, value, `${low} to ${high}`);
  }
  if (blocksPerGroup !== superblock.clustersPerGroup * ratio || blocksPerGroup % 8 !== 0) {
    return bad("s_blocks_per_group", blocksPerGroup, superblock.clustersPerGroup * ratio);
  }
  return placeProblem(superblock, ratio);
}

function placeProblem(superblock: Superblock, ratio: number): SuperblockProblem | undefined {
  const inodes = superblock.inodesPerGroup * superblock.groupCount;
  if (superblock.inodesCount !== inodes) {
    const found = superblock.inodesCount;
    return { code: "superblock_inodes_count", found, expected: inodes };
  }
  const { firstInode } = superblock;
  if (firstInode < 11 || firstInode > inodes) return bad("s_first_ino", firstInode);
  const first = superblock.blockBytes === 1024 && ratio === 1 ? 1 : 0;
  if (superblock.firstDataBlock !== first) {
    const found = superblock.firstDataBlock;
    return { code: "superblock_first_data_block", found, expected: first };
  }
  const perBlock = Math.floor(superblock.blockBytes / superblock.descriptorBytes);
  const descriptorBlocks = Math.ceil(superblock.groupCount / perBlock);
  const firstMeta = superblock.firstMetaBlockGroup;
  if (superblock.hasIncompat(Incompat.META_BG) && firstMeta > descriptorBlocks) {
    return { code: "superblock_first_meta_bg", found: firstMeta, expected: descriptorBlocks };
  }
  return undefined;
}

/** Groups other than 0 that hold a copy of the superblock, in order. */
export function* backupGroups(superblock: Superblock, groupCount: number): Generator<number> {
  if (superblock.hasCompat(Compat.SPARSE_SUPER2)) {
    for (const group of [superblock.backupGroup0, superblock.backupGroup1]) {
      if (group > 0 && group < groupCount) yield group;
    }
    return;
  }
  if (!superblock.hasRoCompat(RoCompat.SPARSE_SUPER)) {
    for (let group = 1; group < groupCount; group++) yield group;
    return;
  }
  if (groupCount > 1) yield 1;
  for (let group = 3; group < groupCount; group += 2) {
    if (groupHasSuperblock(superblock, group)) yield group;
  }
}
