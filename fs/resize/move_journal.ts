/**
 * Moving the journal, which cannot go through itself: a replay reads it where its inode said it was.
 *
 * Three steps, each valid whenever it ends: the new blocks are appended to the journal's file, through the journal, which
 * uses only as many of its blocks as its superblock says; the map is put into another order by writing the one sector that
 * holds the inode, while the log is empty; what is at the end now is cut off, through the moved journal.
 *
 * @module
 */

import type { Editor } from "../edit/editor.ts";
import type { FileRun } from "../edit/file_map.ts";
import { mergeRuns, writeExtentTree } from "../edit/write_extents.ts";
import { ENOSPC } from "../errno.ts";
import { Unsupported } from "../errors.ts";
import { INODE_EXTENT_ENTRIES } from "../layout/extent.ts";
import { I_BLOCK_BYTES, I_BLOCK_OFFSET, InodeFlag, type InodeRecord } from "../layout/inode.ts";
import { ContentMover } from "./move_content.ts";
import type { Leaving } from "./leaving.ts";

const SECTOR_BYTES = 512;

/** Moves the journal's blocks that leave, if there are any. */
export function moveJournal(editor: Editor, leaving: Leaving): void {
  const { superblock, geometry } = editor;
  const ino = superblock.journalInode;
  if (ino === 0) return;
  const inode = editor.readInode(ino);
  const { runs, nodes } = editor.readMap(inode);
  const stays = !runs.some((run) => leaving.touches(run.diskBlock, run.blocks)) &&
    !nodes.some((node) => leaving.has(node));
  if (stays) return;
  const target = inode.has(InodeFlag.EXTENTS) && nodes.length === 0 && geometry.clusterBlocks === 1
    ? chooseBlocks(editor, leaving, runs)
    : undefined;
  if (target === undefined) moveAtOnce(editor, leaving, inode);
  else moveInSteps(editor, inode, runs, target);
}

/** What stays and what is new, in the file's order; and what is left behind. */
interface JournalPlan {
  readonly after: FileRun[];
  readonly left: FileRun[];
}

/** New blocks for what leaves, if the inode itself can hold both maps. */
function chooseBlocks(
  editor: Editor,
  leaving: Leaving,
  runs: readonly FileRun[],
): JournalPlan | undefined {
  const after: FileRun[] = [];
  const left: FileRun[] = [];
  const taken: { start: number; blocks: number }[] = [];
  for (const run of runs) {
    for (let at = 0; at < run.blocks;) {
      const block = run.diskBlock + at;
      const blocks = leaving.alike(block, run.blocks - at);
      const part = { ...run, fileBlock: run.fileBlock + at, diskBlock: block, blocks };
      if (!leaving.has(block)) after.push(part);
      else {
        left.push(part);
        const row = editor.takeRow(blocks);
        if (row !== undefined) {
          taken.push(row);
          after.push({ ...part, diskBlock: row.start });
        }
      }
      at += blocks;
    }
  }
  const all = mergeRuns([...after, ...behind(after, left)]);
  const allBefore = mergeRuns([...runs, ...behind(runs, newRuns(after, runs))]);
  const fits = taken.length === left.length && all.length <= INODE_EXTENT_ENTRIES &&
    allBefore.length <= INODE_EXTENT_ENTRIES;
  if (fits) return { after, left };
  for (const { start, blocks } of taken) editor.mark(start, blocks, false);
  return undefined;
}

/** The runs, to be appended behind a file's end. */
function behind(file: readonly FileRun[], more: readonly FileRun[]): FileRun[] {
  let fileBlock = file.reduce((end, run) => Math.max(end, run.fileBlock + run.blocks), 0);
  return more.map((run) => {
    const moved = { ...run, fileBlock };
    fileBlock += run.blocks;
    return moved;
  });
}

function newRuns(after: readonly FileRun[], before: readonly FileRun[]): FileRun[] {
  return after.filter((run) =>
    !before.some((old) =>
      run.diskBlock >= old.diskBlock && run.diskBlock < old.diskBlock + old.blocks
    )
  );
}

function moveInSteps(
  editor: Editor,
  inode: InodeRecord,
  runs: readonly FileRun[],
  plan: JournalPlan,
): void {
  const { blockBytes } = editor.geometry;
  const size = inode.size;
  const sectors = inode.sectors;
  const more = plan.left.reduce((sum, run) => sum + run.blocks, 0);
  const log = editor.log();
  writeExtentTree(
    editor,
    inode,
    mergeRuns([...runs, ...behind(runs, newRuns(plan.after, runs))]),
    [],
  );
  inode.size = size + more * blockBytes;
  inode.sectors = sectors + more * (blockBytes / SECTOR_BYTES);
  editor.writeInode(inode);
  editor.commit(log);
  // The log is empty and needs_recovery is clear: one sector decides.
  copyRuns(editor, plan.left, newRuns(plan.after, runs));
  editor.device.flush();
  const swapped = editor.readInode(inode.ino);
  writeExtentTree(
    editor,
    swapped,
    mergeRuns([...plan.after, ...behind(plan.after, plan.left)]),
    [],
  );
  writeInodeSector(editor, swapped);
  const final = editor.readInode(inode.ino);
  writeExtentTree(editor, final, mergeRuns(plan.after), []);
  final.size = size;
  final.sectors = sectors;
  editor.writeInode(final);
  for (const { diskBlock, blocks } of plan.left) editor.mark(diskBlock, blocks, false);
  backUp(editor, final);
  editor.commit();
}

/** Copies what the log's blocks hold; its superblock is among them, perhaps. */
function copyRuns(editor: Editor, from: readonly FileRun[], to: readonly FileRun[]): void {
  const { blockBytes } = editor.geometry;
  from.forEach((run, index) => {
    const target = to[index];
    if (target === undefined) return;
    const bytes = new Uint8Array(blockBytes);
    for (let i = 0; i < run.blocks; i++) {
      editor.device.read(bytes, (run.diskBlock + i) * blockBytes);
      editor.device.write(bytes, (target.diskBlock + i) * blockBytes);
    }
  });
}

/** Writes the sector of the inode, past the journal. */
function writeInodeSector(editor: Editor, inode: InodeRecord): void {
  const { blockBytes } = editor.geometry;
  const { block, offset } = editor.inodePlace(inode.ino);
  const bytes = editor.blocks.read(block).slice();
  inode.updateChecksumSeed();
  inode.encode(bytes, offset);
  const unit = Math.max(SECTOR_BYTES, editor.geometry.inodeBytes);
  const start = offset - (offset % unit);
  editor.device.write(bytes.subarray(start, start + unit), block * blockBytes + start);
  editor.device.flush();
}

/** The superblock's copy of the journal's map. */
export function backUp(editor: Editor, inode: InodeRecord): void {
  const { superblock } = editor;
  for (let word = 0; word < I_BLOCK_BYTES / 4; word++) {
    superblock.setJournalBackup(word, inode.view.getUint32(I_BLOCK_OFFSET + 4 * word, true));
  }
  superblock.setJournalBackup(15, Math.floor(inode.size / 0x100000000));
  superblock.setJournalBackup(16, inode.size >>> 0);
  superblock.journalBackupType = 1;
}

/** For journals in many pieces, and of old kinds: not through the journal. */
function moveAtOnce(editor: Editor, leaving: Leaving, inode: InodeRecord): void {
  new ContentMover(editor, leaving).move(inode);
  const moved = editor.readInode(inode.ino);
  if (editor.readMap(moved).runs.some((run) => leaving.touches(run.diskBlock, run.blocks))) {
    throw new Unsupported(ENOSPC, "there is no room for the journal");
  }
  backUp(editor, moved);
  editor.commit(null);
}
