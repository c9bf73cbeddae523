/**
 * Group descriptors: their own rules, and the blocks that they and the superblocks take.
 *
 * @module
 */

import { Incompat } from "../layout/features.ts";
import { groupHasSuperblock } from "../layout/superblock.ts";
import type { CheckContext } from "./context.ts";

/** Checks what the descriptors say, before any of it is used. */
export function checkGroups(check: CheckContext): void {
  const { geometry, groups } = check;
  const flexible = check.superblock.hasIncompat(Incompat.FLEX_BG);
  for (let group = 0; group < groups.count; group++) {
    if ((group & 0xfff) === 0) check.step("group descriptors", group, groups.count);
    const first = flexible ? geometry.firstDataBlock : geometry.groupFirstBlock(group);
    const end = flexible ? geometry.blocksCount : first + geometry.groupBlocks(group);
    checkPlaces(check, group, first, end);
    checkState(check, group);
  }
}

function checkPlaces(check: CheckContext, group: number, first: number, end: number): void {
  const { groups, findings, geometry, reader } = check;
  const blockBitmap = groups.blockBitmap[group] as number;
  const inodeBitmap = groups.inodeBitmap[group] as number;
  const table = groups.inodeTable[group] as number;
  const within = `${first} to ${end - 1}`;
  if (blockBitmap < first || blockBitmap >= end || blockBitmap === 0) {
    findings.add("group_block_bitmap_place", { group }, blockBitmap, within);
  }
  if (inodeBitmap < first || inodeBitmap >= end || inodeBitmap === 0) {
    findings.add("group_inode_bitmap_place", { group }, inodeBitmap, within);
  }
  const tableEnd = table + geometry.inodeTableBlocks;
  if (table < first || tableEnd > end || table === 0) {
    findings.add("group_inode_table_place", { group }, table, within);
  }
  if (table < geometry.firstDataBlock || table === 0 || tableEnd > reader.deviceBlocks) {
    groups.tableUnusable[group] = 1;
  }
}

function checkState(check: CheckContext, group: number): void {
  const { groups, findings, features, geometry } = check;
  const unused = groups.unusedInodes[group] as number;
  const blockUninit = groups.blockUninit(group);
  if (!features.groupChecksums) {
    if (blockUninit || groups.inodeUninit(group) || unused !== 0) {
      findings.add("group_uninit_without_feature", { group });
    }
    return;
  }
  if (!groups.checksumMatches(group)) {
    const hex = (value: number | undefined): string => `0x${(value ?? 0).toString(16)}`;
    const found = hex(groups.checksum[group]);
    findings.add("group_checksum", { group }, found, hex(groups.computedChecksum[group]));
  }
  if (blockUninit && group === groups.count - 1) findings.add("group_last_uninit", { group });
  const free = groups.freeInodes[group] as number;
  if (unused > free || unused > geometry.inodesPerGroup) {
    findings.add("group_unused_inodes", { group }, unused, `up to ${free}`);
  }
}

/** Claims the file system's own blocks; what overlaps is found here. */
export function claimSystemBlocks(check: CheckContext): void {
  const { groups, geometry, superblock } = check;
  for (let group = 0; group < groups.count; group++) {
    if ((group & 0xfff) === 0) check.step("metadata blocks", group, groups.count);
    claimSuperblockAndDescriptors(check, group);
    claimTable(check, group);
    claimBitmaps(check, group);
  }
  const { mmpBlock } = superblock;
  const hasMmp = superblock.hasIncompat(Incompat.MMP);
  if (hasMmp && mmpBlock > geometry.firstDataBlock && mmpBlock < geometry.blocksCount) {
    check.usedClusters.set(check.cluster(mmpBlock));
  }
}

/** Claims blocks that may be claimed already. */
function take(check: CheckContext, group: number, block: number, count: number): void {
  const room = Math.min(count, check.geometry.blocksCount - block);
  if (room <= 0 || block < 0) return;
  check.systemBlocks.setRange(block, room);
  const from = check.cluster(block);
  const clusters = check.cluster(block + room - 1) - from + 1;
  if (from < 0) return;
  check.usedClusters.setRange(from, clusters);
  if (check.groups.blockUninit(group)) check.uninitClusters.setRange(from, clusters);
}

function claimSuperblockAndDescriptors(check: CheckContext, group: number): void {
  const { geometry, superblock } = check;
  const hasSuperblock = groupHasSuperblock(superblock, group);
  let block = geometry.groupFirstBlock(group);
  if (block === 0 && geometry.blockBytes === 1024) {
    take(check, group, 0, 1);
    block = 1;
  }
  if (hasSuperblock || group === 0) take(check, group, block, 1);
  const metaGroups = superblock.hasIncompat(Incompat.META_BG);
  const metaGroup = Math.floor(group / geometry.descriptorsPerBlock);
  if (!metaGroups || metaGroup < superblock.firstMetaBlockGroup) {
    const blocks = metaGroups
      ? superblock.firstMetaBlockGroup
      : geometry.descriptorBlocks + superblock.reservedGdtBlocks;
    if (hasSuperblock) take(check, group, block + 1, blocks);
    return;
  }
  const within = group % geometry.descriptorsPerBlock;
  if (within === 0 || within === 1 || within === geometry.descriptorsPerBlock - 1) {
    take(check, group, block + (hasSuperblock ? 1 : 0), 1);
  }
}

function claimTable(check: CheckContext, group: number): void {
  const { groups, geometry, systemBlocks, findings } = check;
  const table = groups.inodeTable[group] as number;
  if (!check.inRange(table) || table === 0) return;
  if (systemBlocks.hasAny(table, geometry.inodeTableBlocks)) {
    findings.add("group_inode_table_conflict", { group, block: table });
    // Tables that overlap are read as long as that is no more than the device holds once.
    check.overlappingTableBlocks += geometry.inodeTableBlocks;
    const isTooMuch = check.overlappingTableBlocks > check.reader.deviceBlocks;
    if (systemBlocks.has(table) || isTooMuch) groups.tableUnusable[group] = 1;
  }
  take(check, group, table, geometry.inodeTableBlocks);
}

function claimBitmaps(check: CheckContext, group: number): void {
  const { groups, systemBlocks, findings } = check;
  const blockBitmap = groups.blockBitmap[group] as number;
  const inodeBitmap = groups.inodeBitmap[group] as number;
  if (check.inRange(blockBitmap) && blockBitmap !== 0) {
    if (systemBlocks.has(blockBitmap)) {
      findings.add("group_block_bitmap_conflict", { group, block: blockBitmap });
    }
    take(check, group, blockBitmap, 1);
  }
  if (check.inRange(inodeBitmap) && inodeBitmap !== 0) {
    if (systemBlocks.has(inodeBitmap)) {
      findings.add("group_inode_bitmap_conflict", { group, block: inodeBitmap });
    }
    take(check, group, inodeBitmap, 1);
  }
}
