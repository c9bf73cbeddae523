/**
 * What size a file system gets, and what changes in the superblock with it.
 *
 * @module
 */

import { EFBIG, EINVAL } from "../errno.ts";
import { Unsupported } from "../errors.ts";
import { Compat, Incompat, RoCompat } from "../layout/features.ts";
import { groupHasSuperblock, type Superblock } from "../layout/superblock.ts";
import type { Geometry } from "../volume/geometry.ts";

/** A last group smaller than its own metadata and this many blocks is not worth having. */
const LEAST_USEFUL_BLOCKS = 50;
const MAX_INODES = 0xffffffff;
const MAX_BLOCKS_32 = 0xffffffff;

/** Numbers of a file system of another size. */
export interface TargetSize {
  readonly blocksCount: number;
  readonly groupCount: number;
}

/**
 * The size nearest below `blocks` that a file system may have: whole clusters, no tiny last group.
 * @throws Unsupported EINVAL, EFBIG
 */
export function targetSize(geometry: Geometry, blocks: number): TargetSize {
  const { superblock, firstDataBlock, blocksPerGroup, clusterBlocks } = geometry;
  let blocksCount = blocks - (blocks % clusterBlocks);
  if (!superblock.has64bit && blocksCount > MAX_BLOCKS_32) {
    throw new Unsupported(EFBIG, "more than 2^32 blocks need the feature 64bit");
  }
  for (;;) {
    const groupCount = Math.ceil((blocksCount - firstDataBlock) / blocksPerGroup);
    const rest = (blocksCount - firstDataBlock) % blocksPerGroup;
    const overhead = lastGroupOverhead(geometry, groupCount);
    if (blocksCount <= firstDataBlock || (groupCount <= 1 && rest !== 0 && rest < overhead)) {
      throw new Unsupported(EINVAL, `a file system of ${blocks} blocks is too small`);
    }
    if (groupCount > 1 && rest !== 0 && rest < overhead + LEAST_USEFUL_BLOCKS) {
      blocksCount -= rest;
      continue;
    }
    if (groupCount * geometry.inodesPerGroup > MAX_INODES) {
      const limit = Math.floor(MAX_INODES / geometry.inodesPerGroup) * blocksPerGroup;
      throw new Unsupported(EFBIG, `at most ${limit} blocks: there would be too many inodes`);
    }
    return { blocksCount, groupCount };
  }
}

/** Metadata that the last group of so many has to hold, at most. */
function lastGroupOverhead(geometry: Geometry, groupCount: number): number {
  const { superblock } = geometry;
  const last = groupCount - 1;
  const own = 2 + geometry.inodeTableBlocks;
  const copies = groupHasSuperblock(superblock, last) || (
    superblock.hasCompat(Compat.SPARSE_SUPER2) &&
    superblock.backupGroup1 === geometry.groupCount - 1 && superblock.backupGroup1 !== 0
  );
  if (!copies) return own;
  if (superblock.hasIncompat(Incompat.META_BG)) return own + 2;
  const blocks = Math.ceil(groupCount / geometry.descriptorsPerBlock);
  return own + 1 + blocks + superblock.reservedGdtBlocks;
}

/** Groups with backups under sparse_super2, after a change of the number of groups. */
export function sparseBackups(
  superblock: Superblock,
  oldCount: number,
  newCount: number,
): readonly [number, number] {
  let [first, second] = [superblock.backupGroup0, superblock.backupGroup1];
  const [oldLast, last] = [oldCount - 1, newCount - 1];
  if (last > oldLast) {
    if (oldCount === 1) first = 1;
    const followed = superblock.backupGroup1 === oldLast && superblock.backupGroup1 !== 0;
    if ((oldCount === 1 && newCount > 2) || followed) second = last;
  } else if (last < oldLast) {
    if (first > last) first = 0;
    if (second > last) second = 0;
    if (last > 1 && superblock.backupGroup1 === oldLast) second = last;
  }
  return [first, second];
}

/** Sets the counts that go with the size; the share of reserved blocks stays. */
export function setCounts(superblock: Superblock, geometry: Geometry, target: TargetSize): void {
  const share = superblock.reservedBlocksCount * 100 / superblock.blocksCount;
  superblock.blocksCount = target.blocksCount;
  superblock.reservedBlocksCount = Math.floor(share * target.blocksCount / 100);
  superblock.inodesCount = geometry.inodesPerGroup * target.groupCount;
  superblock.overheadClusters = 0;
  if (superblock.hasRoCompat(RoCompat.BIGALLOC)) {
    superblock.reservedBlocksCount -= superblock.reservedBlocksCount % geometry.clusterBlocks;
  }
}
