/**
 * All group descriptors, a column for each field: compact even with hundreds of thousands of groups.
 *
 * @module
 */

import {
  BG_BLOCK_UNINIT,
  BG_INODE_UNINIT,
  decodeGroupDescriptor,
  type GroupChecksum,
  groupDescriptorChecksum,
} from "../layout/group_desc.ts";
import { Incompat, RoCompat } from "../layout/features.ts";
import type { Geometry } from "../volume/geometry.ts";
import type { BlockReader } from "./block_reader.ts";

/** See `GroupDescriptor` for the fields. */
export class GroupColumns {
  readonly blockBitmap: Float64Array;
  readonly inodeBitmap: Float64Array;
  readonly inodeTable: Float64Array;
  readonly freeClusters: Uint32Array;
  readonly freeInodes: Uint32Array;
  readonly usedDirectories: Uint32Array;
  readonly unusedInodes: Uint32Array;
  readonly flags: Uint16Array;
  readonly blockBitmapChecksum: Uint32Array;
  readonly inodeBitmapChecksum: Uint32Array;
  readonly checksum: Uint16Array;
  /** What `checksum` should be. */
  readonly computedChecksum: Uint16Array;
  /** Groups whose inode table cannot be read where the descriptor says. */
  readonly tableUnusable: Uint8Array;

  constructor(readonly count: number) {
    this.blockBitmap = new Float64Array(count);
    this.inodeBitmap = new Float64Array(count);
    this.inodeTable = new Float64Array(count);
    this.freeClusters = new Uint32Array(count);
    this.freeInodes = new Uint32Array(count);
    this.usedDirectories = new Uint32Array(count);
    this.unusedInodes = new Uint32Array(count);
    this.flags = new Uint16Array(count);
    this.blockBitmapChecksum = new Uint32Array(count);
    this.inodeBitmapChecksum = new Uint32Array(count);
    this.checksum = new Uint16Array(count);
    this.computedChecksum = new Uint16Array(count);
    this.tableUnusable = new Uint8Array(count);
  }

  blockUninit(group: number): boolean {
    return ((this.flags[group] as number) & BG_BLOCK_UNINIT) !== 0;
  }
  inodeUninit(group: number): boolean {
    return ((this.flags[group] as number) & BG_INODE_UNINIT) !== 0;
  }
  checksumMatches(group: number): boolean {
    return this.checksum[group] === this.computedChecksum[group];
  }
  /** Takes nothing as uninitialised: what a backup of the descriptors says of that is outdated. */
  forgetUninitialised(): void {
    for (let group = 0; group < this.count; group++) {
      this.flags[group] = (this.flags[group] as number) & ~(BG_BLOCK_UNINIT | BG_INODE_UNINIT);
      this.unusedInodes[group] = 0;
      this.checksum[group] = this.computedChecksum[group] as number;
    }
  }
}

function checksumMethod(geometry: Geometry): GroupChecksum {
  const { superblock } = geometry;
  if (superblock.hasMetadataChecksums) {
    return { kind: "crc32c", seed: superblock.checksumSeed };
  }
  return superblock.hasRoCompat(RoCompat.GDT_CSUM)
    ? { kind: "crc16", uuid: superblock.uuid }
    : { kind: "none" };
}

/** Disk block of the `index`-th block of descriptors, beside the superblock in use. */
function descriptorBlock(geometry: Geometry, superblockBlock: number, index: number): number {
  const { superblock } = geometry;
  const primary = superblockBlock === geometry.superblockBlock;
  const metaGroup = superblock.hasIncompat(Incompat.META_BG) &&
    index >= superblock.firstMetaBlockGroup;
  return primary || metaGroup ? geometry.descriptorBlock(index) : superblockBlock + 1 + index;
}

/**
 * Reads all descriptors.
 * @param superblockBlock the block of the superblock that is used, whose copy of them is read.
 */
export function readGroups(
  reader: BlockReader,
  geometry: Geometry,
  superblockBlock: number,
): GroupColumns {
  const groups = new GroupColumns(geometry.groupCount);
  const method = checksumMethod(geometry);
  const { descriptorsPerBlock, descriptorBytes } = geometry;
  const bytes = reader.buffer();
  const view = new DataView(bytes.buffer);
  for (let index = 0; index < geometry.descriptorBlocks; index++) {
    if (!reader.read(descriptorBlock(geometry, superblockBlock, index), bytes)) bytes.fill(0);
    const first = index * descriptorsPerBlock;
    const end = Math.min(groups.count, first + descriptorsPerBlock);
    for (let group = first; group < end; group++) {
      const offset = (group - first) * descriptorBytes;
      store(groups, group, view, offset, descriptorBytes);
      groups.computedChecksum[group] = method.kind === "none"
        ? groups.checksum[group] as number
        : groupDescriptorChecksum(view, offset, descriptorBytes, group, method);
    }
  }
  return groups;
}

function store(
  groups: GroupColumns,
  group: number,
  view: DataView,
  offset: number,
  descriptorBytes: number,
): void {
  const descriptor = decodeGroupDescriptor(view, offset, descriptorBytes);
  groups.blockBitmap[group] = descriptor.blockBitmap;
  groups.inodeBitmap[group] = descriptor.inodeBitmap;
  groups.inodeTable[group] = descriptor.inodeTable;
  groups.freeClusters[group] = descriptor.freeClusters;
  groups.freeInodes[group] = descriptor.freeInodes;
  groups.usedDirectories[group] = descriptor.usedDirectories;
  groups.unusedInodes[group] = descriptor.unusedInodes;
  groups.flags[group] = descriptor.flags;
  groups.blockBitmapChecksum[group] = descriptor.blockBitmapChecksum;
  groups.inodeBitmapChecksum[group] = descriptor.inodeBitmapChecksum;
  groups.checksum[group] = descriptor.checksum;
}
