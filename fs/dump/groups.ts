/**
 * The groups: where their metadata lies, and what is free.
 *
 * @module
 */

import { baseMetadataBlocks } from "../alloc/system_zones.ts";
import { nextClear, nextSet } from "../edit/bits.ts";
import type { Groups } from "../edit/groups.ts";
import { Compat, Incompat } from "../layout/features.ts";
import { BG_BLOCK_UNINIT, BG_INODE_UNINIT, BG_INODE_ZEROED } from "../layout/group_desc.ts";
import { groupHasSuperblock } from "../layout/superblock.ts";

/** The first and the last of a range. */
export type Range = readonly [first: number, last: number];

/** One group. Blocks are disk blocks. */
export interface GroupDump {
  readonly group: number;
  readonly blocks: Range;
  /** bg_checksum; null without checksums of descriptors. */
  readonly checksum: number | null;
  readonly flags: readonly string[];
  readonly superblock: { readonly kind: "primary" | "backup"; readonly block: number } | null;
  /** The classic descriptor table, or its copy. */
  readonly descriptors: Range | null;
  /** A block of descriptors by meta_bg. */
  readonly metaDescriptor: number | null;
  readonly reservedDescriptors: Range | null;
  /** Checksums are null without metadata_csum. */
  readonly blockBitmap: { readonly block: number; readonly checksum: number | null };
  readonly inodeBitmap: { readonly block: number; readonly checksum: number | null };
  readonly inodeTable: Range;
  readonly freeClusters: number;
  readonly freeInodes: number;
  readonly directories: number;
  readonly unusedInodes: number;
  /** By the bitmaps; null when a bitmap lies outside of the file system. */
  readonly freeBlocks: readonly Range[] | null;
  readonly freeInodeNumbers: readonly Range[] | null;
}

const FLAGS: readonly (readonly [number, string])[] = [
  [BG_INODE_UNINIT, "INODE_UNINIT"],
  [BG_BLOCK_UNINIT, "BLOCK_UNINIT"],
  [BG_INODE_ZEROED, "ITABLE_ZEROED"],
];

/** Describes a group. @throws DeviceError */
export function dumpGroup(groups: Groups, group: number): GroupDump {
  const { geometry, superblock } = groups;
  const descriptor = groups.get(group);
  const first = geometry.groupFirstBlock(group);
  const sealed = superblock.hasMetadataChecksums;
  return {
    group,
    blocks: [first, first + geometry.groupBlocks(group) - 1],
    checksum: superblock.hasGroupChecksums ? descriptor.checksum : null,
    flags: superblock.hasGroupChecksums
      ? FLAGS.filter(([bit]) => (descriptor.flags & bit) !== 0).map(([, name]) => name)
      : [],
    ...tablesOf(groups, group),
    blockBitmap: {
      block: descriptor.blockBitmap,
      checksum: sealed ? descriptor.blockBitmapChecksum : null,
    },
    inodeBitmap: {
      block: descriptor.inodeBitmap,
      checksum: sealed ? descriptor.inodeBitmapChecksum : null,
    },
    inodeTable: [descriptor.inodeTable, descriptor.inodeTable + geometry.inodeTableBlocks - 1],
    freeClusters: descriptor.freeClusters,
    freeInodes: descriptor.freeInodes,
    directories: descriptor.usedDirectories,
    unusedInodes: superblock.hasGroupChecksums ? descriptor.unusedInodes : 0,
    freeBlocks: freeBlocks(groups, group),
    freeInodeNumbers: freeInodes(groups, group),
  };
}

/** Superblock and descriptors at the group's beginning. */
function tablesOf(groups: Groups, group: number) {
  const { geometry, superblock } = groups;
  const has = groupHasSuperblock(superblock, group);
  const block = group === 0 ? geometry.superblockBlock : geometry.groupFirstBlock(group);
  const meta = superblock.hasIncompat(Incompat.META_BG);
  const inMeta = meta &&
    Math.floor(group / geometry.descriptorsPerBlock) >= superblock.firstMetaBlockGroup;
  const classic = meta
    ? Math.min(superblock.firstMetaBlockGroup, geometry.descriptorBlocks)
    : geometry.descriptorBlocks;
  const base = baseMetadataBlocks(geometry, group);
  const afterSuper = has ? block + 1 : geometry.groupFirstBlock(group);
  const behind = geometry.groupFirstBlock(group) + base;
  const reserved = superblock.hasCompat(Compat.RESIZE_INODE) && has && !meta
    ? superblock.reservedGdtBlocks
    : 0;
  const kind = group === 0 ? "primary" as const : "backup" as const;
  return {
    superblock: has ? { kind, block } : null,
    descriptors: has && !inMeta && classic > 0 ? [block + 1, block + classic] as const : null,
    metaDescriptor: inMeta && behind > afterSuper ? afterSuper : null,
    reservedDescriptors: reserved > 0
      ? [block + classic + 1, block + classic + reserved] as const
      : null,
  };
}

function freeBlocks(groups: Groups, group: number): readonly Range[] | null {
  const { geometry } = groups;
  if (!geometry.blocksInRange(groups.get(group).blockBitmap, 1)) return null;
  const first = geometry.groupFirstBlock(group);
  const last = first + geometry.groupBlocks(group) - 1;
  const ratio = geometry.clusterBlocks;
  return runs(groups.blockBitmap(group), geometry.groupClusters(group)).map(([from, to]) =>
    [first + from * ratio, Math.min(last, first + to * ratio + ratio - 1)] as const
  );
}

function freeInodes(groups: Groups, group: number): readonly Range[] | null {
  const { geometry } = groups;
  if (!geometry.blocksInRange(groups.get(group).inodeBitmap, 1)) return null;
  const first = group * geometry.inodesPerGroup + 1;
  return runs(groups.inodeBitmap(group), geometry.inodesPerGroup)
    .map(([from, to]) => [first + from, first + to] as const);
}

/** Runs of clear bits. */
function runs(bitmap: Uint8Array, end: number): Range[] {
  const found: Range[] = [];
  for (let bit = nextClear(bitmap, 0, end); bit < end;) {
    const stop = nextSet(bitmap, bit, end);
    found.push([bit, stop - 1]);
    bit = nextClear(bitmap, stop, end);
  }
  return found;
}
