/** Blocks taken by the format itself. @module */

import { Compat, Incompat } from "../layout/features.ts";
import { groupHasSuperblock } from "../layout/superblock.ts";
import type { Volume } from "../volume/volume.ts";

/**
 * Blocks of superblocks, group descriptors (with those kept for growing), bitmaps, inode tables and
 * the internal journal: what `statfs` leaves out of the size.
 */
export function overheadBlocks(volume: Volume): number {
  const { geometry, superblock, inodes } = volume;
  const stored = superblock.overheadClusters * geometry.clusterBlocks;
  if (stored > 0) return stored;
  let blocks = superblock.firstDataBlock;
  const metaGroups = superblock.hasIncompat(Incompat.META_BG);
  const table = metaGroups ? superblock.firstMetaBlockGroup : geometry.descriptorBlocks;
  for (let group = 0; group < geometry.groupCount; group++) {
    blocks += geometry.inodeTableBlocks + 2;
    if (groupHasSuperblock(superblock, group)) blocks += 1 + table + superblock.reservedGdtBlocks;
  }
  if (superblock.hasCompat(Compat.HAS_JOURNAL) && superblock.journalInode !== 0) {
    blocks += Math.ceil(inodes.load(superblock.journalInode).size / geometry.blockBytes);
  }
  return blocks;
}
