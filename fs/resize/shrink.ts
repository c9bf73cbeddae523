/**
 * Shrinking: whatever lies behind the new end is moved before it, then the groups behind it are dropped.
 *
 * Every commit on the way leaves a valid file system of the old size; the last one makes it smaller.
 *
 * @module
 */

import type { Editor } from "../edit/editor.ts";
import { putBits } from "../edit/bits.ts";
import { EINVAL, ENOSPC } from "../errno.ts";
import { Unsupported } from "../errors.ts";
import { Compat, Incompat, RoCompat } from "../layout/features.ts";
import { groupHasSuperblock, RESIZE_INODE } from "../layout/superblock.ts";
import type { BlockRun } from "./block_run.ts";
import { Leaving } from "./leaving.ts";
import { ContentMover } from "./move_content.ts";
import { InodeMover } from "./move_inodes.ts";
import { moveJournal } from "./move_journal.ts";
import type { ResizeProgress } from "./progress.ts";
import { QuotaChanges } from "./quota_changes.ts";
import { removeResizeInode, resizeMapBlock, writeResizeInode } from "./resize_inode.ts";
import { setCounts, sparseBackups, type TargetSize } from "./target_size.ts";

const BAD_BLOCKS = 1;

/**
 * Shrinks to `target`. The device keeps its size.
 * @throws Unsupported ENOSPC when not everything fits; the file system is valid, and of the old size, then.
 */
export function shrink(editor: Editor, target: TargetSize, progress: ResizeProgress): void {
  const { superblock, geometry } = editor;
  if (superblock.hasCompat(Compat.STABLE_INODES)) {
    throw new Unsupported(EINVAL, "its inodes must keep their numbers (feature stable_inodes)");
  }
  const leaving = new Leaving(target.blocksCount, newBackup(editor, target));
  checkRoom(editor, target);
  editor.limitBlock = target.blocksCount;
  editor.barred.push(...leaving.others);
  moveTables(editor, leaving, target);
  moveJournal(editor, leaving);
  moveFiles(editor, leaving, progress);
  moveRest(editor, leaving);
  editor.commit();
  new InodeMover(editor, target.groupCount, progress).run(editor.log());
  dropGroups(editor, target, geometry.groupCount);
  editor.commit();
  editor.writeBackups();
}

/** The blocks that a backup of the superblock will take which is not there yet. */
function newBackup(editor: Editor, target: TargetSize): BlockRun[] {
  const { superblock, geometry } = editor;
  if (!superblock.hasCompat(Compat.SPARSE_SUPER2)) return [];
  const groups = sparseBackups(superblock, geometry.groupCount, target.groupCount);
  const blocks = 1 + geometry.descriptorBlocks + superblock.reservedGdtBlocks;
  return groups.filter((group) => group !== 0 && !groupHasSuperblock(superblock, group))
    .map((group) => ({ start: geometry.groupFirstBlock(group), blocks }));
}

/** Refuses at once what cannot be: a little may be missing in the end all the same, for maps that need more blocks. */
function checkRoom(editor: Editor, target: TargetSize): void {
  const { geometry, groups } = editor;
  let free = 0;
  for (let group = 0; group < geometry.groupCount; group++) free += groups.get(group).freeClusters;
  const dropped = geometry.blocksCount - target.blocksCount;
  let overhead = 0;
  for (let group = target.groupCount; group < geometry.groupCount; group++) {
    overhead += geometry.inodeTableBlocks + 2 + editor.baseBlocks(group);
  }
  if (free * geometry.clusterBlocks + overhead + 2 * geometry.clusterBlocks < dropped) {
    throw new Unsupported(ENOSPC, "not everything in it would fit");
  }
}

/** Bitmaps and inode tables of groups that stay, where they lie in blocks that leave. */
function moveTables(editor: Editor, leaving: Leaving, target: TargetSize): void {
  const { groups, geometry, blocks } = editor;
  const { blockBytes, inodeTableBlocks } = geometry;
  let moved = false;
  for (let group = 0; group < target.groupCount; group++) {
    const descriptor = groups.get(group);
    if (leaving.has(descriptor.blockBitmap)) {
      groups.changeBlockBitmap(group);
      const old = descriptor.blockBitmap;
      descriptor.blockBitmap = editor.take(1).start;
      editor.mark(old, 1, false);
      moved = true;
    }
    if (leaving.has(descriptor.inodeBitmap)) {
      groups.changeInodeBitmap(group);
      const old = descriptor.inodeBitmap;
      descriptor.inodeBitmap = editor.take(1).start;
      editor.mark(old, 1, false);
      moved = true;
    }
    if (!leaving.touches(descriptor.inodeTable, inodeTableBlocks)) continue;
    const row = editor.takeRow(inodeTableBlocks);
    if (row === undefined) throw new Unsupported(ENOSPC, "there is no room for an inode table");
    const bytes = new Uint8Array(blockBytes);
    for (let i = 0; i < inodeTableBlocks; i++) {
      blocks.overlay.read(bytes, (descriptor.inodeTable + i) * blockBytes);
      editor.device.write(bytes, (row.start + i) * blockBytes);
    }
    editor.mark(descriptor.inodeTable, inodeTableBlocks, false);
    descriptor.inodeTable = row.start;
    groups.touch(group);
    moved = true;
  }
  if (moved) editor.commit();
}

/** Content, maps and attribute blocks of all inodes. */
function moveFiles(editor: Editor, leaving: Leaving, progress: ResizeProgress): void {
  const { superblock } = editor;
  const log = editor.log();
  const mover = new ContentMover(editor, leaving);
  const quota = new QuotaChanges(editor);
  const xattrBlocks = new Map<number, number[]>();
  const total = superblock.inodesCount - superblock.freeInodesCount;
  let done = 0;
  for (const ino of editor.usedInodes()) {
    progress("moving files", ++done, total);
    if (ino === RESIZE_INODE || ino === superblock.journalInode) continue;
    const inode = editor.readInode(ino);
    if (ino === BAD_BLOCKS) {
      refuseBadBlocks(editor, leaving);
      continue;
    }
    if (inode.fileAcl !== 0 && leaving.has(inode.fileAcl)) {
      const users = xattrBlocks.get(inode.fileAcl);
      if (users === undefined) xattrBlocks.set(inode.fileAcl, [ino]);
      else users.push(ino);
    }
    const sectors = mover.move(inode);
    if (sectors !== 0) quota.add(inode, sectors * 512);
    editor.commitIfLarge(log);
  }
  for (const [block, users] of xattrBlocks) {
    mover.moveXattrBlock(block, users);
    editor.commitIfLarge(log);
  }
}

function refuseBadBlocks(editor: Editor, leaving: Leaving): void {
  const inode = editor.readInode(BAD_BLOCKS);
  // The list of bad blocks is a map without a type.
  inode.mode = 0o100000;
  const { runs } = editor.readMap(inode);
  if (!runs.some((run) => leaving.touches(run.diskBlock, run.blocks))) return;
  throw new Unsupported(EINVAL, "there are bad blocks in the part that would be cut off");
}

/** Single blocks that the superblock or the resize inode name. */
function moveRest(editor: Editor, leaving: Leaving): void {
  const { superblock, blocks } = editor;
  if (superblock.hasIncompat(Incompat.MMP) && leaving.has(superblock.mmpBlock)) {
    const old = superblock.mmpBlock;
    const place = editor.take(1).start;
    blocks.fresh(place).set(blocks.read(old));
    superblock.mmpBlockLo = place >>> 0;
    superblock.mmpBlockHi = Math.floor(place / 0x100000000);
    editor.mark(old, 1, false);
  }
  const map = resizeMapBlock(editor);
  if (map !== 0 && leaving.has(map)) {
    const place = editor.take(1).start;
    writeResizeInode(editor, place);
    editor.mark(map, 1, false);
  }
}

/** Takes the groups behind the end away, and what they have before it. */
function dropGroups(editor: Editor, target: TargetSize, oldCount: number): void {
  const { superblock, groups } = editor;
  const before = editor.geometry;
  const map = resizeMapBlock(editor);
  const oldBase = Array.from({ length: target.groupCount }, (_, group) => editor.baseBlocks(group));
  // Bitmaps that are made up by rule have to be there before the rule changes.
  oldBase.forEach((blocks, group) => {
    if (blocks > 0 || group === target.groupCount - 1) groups.changeBlockBitmap(group);
  });
  freeTables(editor, target, oldCount);
  const backups = sparseBackups(superblock, oldCount, target.groupCount);
  setCounts(superblock, before, target);
  if (superblock.hasCompat(Compat.SPARSE_SUPER2)) {
    superblock.backupGroup0 = backups[0];
    superblock.backupGroup1 = backups[1];
  }
  groups.cutOff(target.groupCount);
  groups.refresh();
  const { geometry } = editor;
  if (map !== 0) {
    const less = before.descriptorBlocks - geometry.descriptorBlocks;
    superblock.reservedGdtBlocks = Math.min(
      superblock.reservedGdtBlocks + less,
      geometry.blockBytes / 4,
    );
  }
  cutLastGroup(editor);
  if (superblock.hasIncompat(Incompat.META_BG)) {
    if (superblock.firstMetaBlockGroup > geometry.descriptorBlocks) {
      superblock.featureIncompat &= ~Incompat.META_BG;
      superblock.firstMetaBlockGroup = 0;
    }
  }
  fitBaseBlocks(editor, oldBase);
  if (map !== 0) {
    if (superblock.reservedGdtBlocks === 0 && geometry.groupCount === 0) removeResizeInode(editor);
    else writeResizeInode(editor, map);
  }
  for (const block of [...editor.blocks.changed.keys()]) {
    if (block >= target.blocksCount) editor.blocks.changed.delete(block);
  }
}

/** Bitmaps and tables of dropped groups that lie before the end are free. */
function freeTables(editor: Editor, target: TargetSize, oldCount: number): void {
  const { groups, geometry } = editor;
  const free = (block: number, blocks: number, used: boolean): void => {
    const end = Math.min(block + blocks, target.blocksCount);
    if (end > block) editor.groups.mark(block, end - block, used);
  };
  for (let group = target.groupCount; group < oldCount; group++) {
    const descriptor = groups.get(group);
    free(descriptor.blockBitmap, 1, false);
    free(descriptor.inodeBitmap, 1, false);
    free(descriptor.inodeTable, geometry.inodeTableBlocks, false);
  }
  if (!editor.superblock.hasRoCompat(RoCompat.BIGALLOC)) return;
  // Other groups' tables may share a cluster with those.
  for (let group = 0; group < target.groupCount; group++) {
    const descriptor = groups.get(group);
    free(descriptor.blockBitmap, 1, true);
    free(descriptor.inodeBitmap, 1, true);
    free(descriptor.inodeTable, geometry.inodeTableBlocks, true);
  }
}

/** What lies behind the end of the last group is marked, and not counted. */
function cutLastGroup(editor: Editor): void {
  const { geometry, groups } = editor;
  const group = geometry.groupCount - 1;
  const bitmap = groups.changeBlockBitmap(group);
  const clusters = geometry.groupClusters(group);
  putBits(bitmap, clusters, 8 * geometry.blockBytes - clusters, true);
  let used = 0;
  for (let bit = 0; bit < clusters; bit++) {
    used += ((bitmap[bit >>> 3] as number) >>> (bit & 7)) & 1;
  }
  groups.get(group).freeClusters = clusters - used;
}

/** Backups begin where there were none, or become shorter. */
function fitBaseBlocks(editor: Editor, oldBase: readonly number[]): void {
  const { geometry } = editor;
  oldBase.forEach((old, group) => {
    const now = editor.baseBlocks(group);
    const first = geometry.groupFirstBlock(group);
    if (now > old) editor.groups.mark(first + old, now - old, true);
    else if (now < old) editor.groups.mark(first + now, old - now, false);
  });
}
