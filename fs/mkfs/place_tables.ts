/**
 * Where bitmaps and inode tables go: packed together for each flex group, at the start of every group,
 * or all at the start of the file system.
 *
 * @module
 */

import { ENOSPC } from "../errno.ts";
import { FsError } from "../errors.ts";
import { Incompat } from "../layout/features.ts";
import type { Space } from "./space.ts";

/** Places the tables of all groups. @throws FsError ENOSPC when there is no room for them. */
export function placeTables(space: Space, packed: boolean): void {
  const flex = space.superblock.hasIncompat(Incompat.FLEX_BG);
  if (flex && packed) return placeAtStart(space);
  const { groupCount } = space.geometry;
  const flexGroups = flex ? 2 ** space.superblock.logGroupsPerFlex : 1;
  for (let group = 0; group < groupCount; group++) {
    if (flexGroups > 1) placeInFlexGroup(space, group, flexGroups);
    else placeInGroup(space, group);
  }
}

function full(what: string, group: number): FsError {
  return new FsError(
    ENOSPC,
    `the file system is too small: no room for the ${what} of group ${group}`,
  );
}

/** Searches as libext2fs does: from `start` towards `finish`, wrapping when `finish` is not behind it. */
function search(space: Space, start: number, finish: number, count: number): number {
  const { used } = space;
  const from = start === 0 ? space.firstBlock : start;
  const highest = space.endBlock - count + 1;
  if (finish > from) return used.findFree(from, Math.min(finish, highest), count);
  const found = used.findFree(from, highest, count);
  return found >= 0 ? found : used.findFree(space.firstBlock, finish, count);
}

function placeInGroup(space: Space, group: number): void {
  const { geometry, used, superblock } = space;
  const first = geometry.groupFirstBlock(group);
  const last = first + geometry.groupBlocks(group) - 1;
  const tableBlocks = geometry.inodeTableBlocks;
  let start = first;
  if (superblock.raidStride > 0) {
    const free = search(space, first, last, 1);
    if (free < 0) throw full("bitmaps", group);
    start = free + tableBlocks;
    start += (superblock.raidStride * group) % (last - start + 1);
    if (start >= last) start = first;
  }
  const bitmap = (): number => {
    let block = search(space, start, last, 1);
    if (block < 0) block = search(space, first, last, 1);
    if (block < 0) throw full("bitmaps", group);
    used.mark(block, 1);
    return block;
  };
  space.blockBitmap[group] = bitmap();
  space.inodeBitmap[group] = bitmap();
  const table = search(space, first, last, tableBlocks);
  if (table < 0) throw full("inode table", group);
  used.mark(table, tableBlocks);
  space.inodeTable[group] = table;
}

/** One kind of table of a flex group: where the one of group `group` goes. */
function flexPlace(
  space: Space,
  group: number,
  flexGroups: number,
  previous: number,
  blocks: number,
): number {
  const { geometry, used } = space;
  const first = group - (group % flexGroups);
  const lastGroup = Math.min(first + flexGroups - 1, geometry.groupCount - 1);
  const limit = Math.floor(geometry.blocksPerGroup / 4);
  const room = Math.min((lastGroup - group + 1) * blocks, limit);
  if (previous > 0 && previous < space.endBlock) {
    const next = search(space, previous, previous + room, blocks);
    if (next >= 0) return next;
  }
  const firstBlock = geometry.groupFirstBlock(first);
  const lastBlock = geometry.groupFirstBlock(lastGroup) + geometry.groupBlocks(lastGroup) - 1;
  let found = search(space, firstBlock, lastBlock, room);
  if (found < 0) found = search(space, firstBlock, lastBlock, blocks);
  if (found < 0) found = used.findFree(space.firstBlock, lastBlock, blocks);
  return Math.max(found, 0);
}

function placeInFlexGroup(space: Space, group: number, flexGroups: number): void {
  const { geometry } = space;
  const inFlex = group % flexGroups;
  const lastGroup = Math.min(group - inFlex + flexGroups - 1, geometry.groupCount - 1);
  const lastBlock = geometry.groupFirstBlock(lastGroup) + geometry.groupBlocks(lastGroup) - 1;
  const groupBlock = geometry.groupFirstBlock(group);
  // The tables of the last flex group follow each other without gaps for groups that do not exist.
  const inLast = lastGroup % flexGroups;
  const gap = lastGroup === geometry.groupCount - 1 && inLast > 0 ? inLast + 1 : flexGroups;
  const put = (previous: number, blocks: number, what: string, fallback: boolean): number => {
    const start = flexPlace(space, group, flexGroups, previous, blocks);
    let block = search(space, start, lastBlock, blocks);
    if (block < 0 && fallback) block = search(space, groupBlock, lastBlock, blocks);
    if (block < 0) throw full(what, group);
    takeForFlex(space, block, blocks);
    return block;
  };
  const after = (column: Float64Array, blocks: number): number => (column[group - 1] ?? 0) + blocks;
  const { blockBitmap, inodeBitmap, inodeTable } = space;
  const bitmap = put(inFlex === 0 ? 0 : after(blockBitmap, 1), 1, "block bitmap", true);
  blockBitmap[group] = bitmap;
  const inodes = put(inFlex === 0 ? bitmap + gap : after(inodeBitmap, 1), 1, "inode bitmap", true);
  inodeBitmap[group] = inodes;
  const tableBlocks = geometry.inodeTableBlocks;
  const previous = inFlex === 0 ? inodes + gap : after(inodeTable, tableBlocks);
  inodeTable[group] = put(previous, tableBlocks, "inode table", false);
}

function takeForFlex(space: Space, block: number, blocks: number): void {
  space.take(block, blocks, blocks === 1 ? 1 : undefined);
}

function placeAtStart(space: Space): void {
  const { geometry, used } = space;
  const { groupCount } = geometry;
  let goal = space.firstBlock;
  const next = (): number => {
    goal = used.firstFree(goal);
    if (goal >= space.endBlock) throw full("bitmaps", 0);
    space.take(goal, 1, 1);
    return goal;
  };
  for (let group = 0; group < groupCount; group++) space.blockBitmap[group] = next();
  for (let group = 0; group < groupCount; group++) space.inodeBitmap[group] = next();
  const tableBlocks = geometry.inodeTableBlocks;
  for (let group = 0; group < groupCount; group++) {
    goal = search(space, goal, space.endBlock - 1, tableBlocks);
    if (goal < 0) throw full("inode table", group);
    space.take(goal, tableBlocks);
    space.inodeTable[group] = goal;
  }
}
