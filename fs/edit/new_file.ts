/**
 * Making files that no directory names: journal, quota files, orphan file.
 *
 * @module
 */

import { I_BLOCK_OFFSET, InodeFlag, InodeRecord, S_IFREG } from "../layout/inode.ts";
import { Incompat } from "../layout/features.ts";
import { DIRECT_BLOCKS } from "../layout/indirect.ts";
import { viewOf } from "./blocks.ts";
import type { Editor } from "./editor.ts";
import type { FileRun } from "./file_map.ts";
import { mergeRuns, writeExtentTree } from "./write_extents.ts";

/** Bytes of the extra fields of a new inode that is large enough. */
const EXTRA_BYTES = 32;

/** A file that was made; its content is not written. */
export interface NewFile {
  readonly inode: InodeRecord;
  /** Disk blocks, by file block. */
  readonly places: readonly number[];
}

/**
 * Makes a file of `blocks` blocks in inode `ino`, which must be marked as in use or reserved.
 * @throws Unsupported ENOSPC
 */
export function makeHiddenFile(editor: Editor, ino: number, blocks: number): NewFile {
  const { geometry, superblock } = editor;
  const inode = new InodeRecord(ino, editor.inodeFormat);
  const now = editor.options.now();
  inode.mode = S_IFREG | 0o600;
  inode.links = 1;
  inode.size = blocks * geometry.blockBytes;
  inode.atime =
    inode.mtime =
    inode.ctime =
    inode.crtime =
      now;
  inode.extraBytes = geometry.inodeBytes > 128 ? superblock.wantExtraIsize || EXTRA_BYTES : 0;
  inode.updateChecksumSeed();
  const runs: FileRun[] = [];
  for (let fileBlock = 0; fileBlock < blocks;) {
    const { start, blocks: got } = editor.take(Math.min(blocks - fileBlock, 0x8000));
    runs.push({ fileBlock, diskBlock: start, blocks: got, unwritten: false });
    fileBlock += got;
  }
  const places = runs.flatMap((run) =>
    Array.from({ length: run.blocks }, (_, i) => run.diskBlock + i)
  );
  let nodes: number;
  if (superblock.hasIncompat(Incompat.EXTENTS)) {
    inode.setFlag(InodeFlag.EXTENTS, true);
    nodes = writeExtentTree(editor, inode, mergeRuns(runs), []);
  } else nodes = writeBlockMap(editor, inode, places);
  const ratio = geometry.clusterBlocks;
  const clusters = Math.ceil(blocks / ratio) + nodes;
  inode.sectors = clusters * ratio * (geometry.blockBytes / 512);
  editor.writeInode(inode);
  return { inode, places };
}

/** Writes a block map. @returns how many indirect blocks it has. */
function writeBlockMap(editor: Editor, inode: InodeRecord, places: readonly number[]): number {
  const pointers = editor.geometry.blockBytes / 4;
  let [next, nodes] = [0, 0];
  const build = (levels: number): number => {
    if (levels === 0) return places[next++] as number;
    nodes++;
    const block = editor.take(1).start;
    const view = viewOf(editor.blocks.fresh(block));
    for (let slot = 0; slot < pointers && next < places.length; slot++) {
      view.setUint32(4 * slot, build(levels - 1), true);
    }
    return block;
  };
  for (let slot = 0; slot < DIRECT_BLOCKS + 3 && next < places.length; slot++) {
    const levels = Math.max(0, slot - DIRECT_BLOCKS + 1);
    inode.view.setUint32(I_BLOCK_OFFSET + 4 * slot, build(levels), true);
  }
  return nodes;
}

/** Frees a hidden file's blocks and clears its inode. */
export function removeHiddenFile(editor: Editor, ino: number): void {
  const { clusterBlocks, firstDataBlock } = editor.geometry;
  const inode = editor.readInode(ino);
  const { runs, nodes } = editor.readMap(inode);
  for (const { diskBlock, blocks } of runs) editor.mark(diskBlock, blocks, false);
  for (const node of nodes) {
    editor.mark(node - (node - firstDataBlock) % clusterBlocks, clusterBlocks, false);
  }
  if (ino >= editor.superblock.firstInode) {
    editor.dropInode(ino, false);
    return;
  }
  const { block, offset } = editor.inodePlace(ino);
  editor.blocks.change(block).fill(0, offset, offset + editor.geometry.inodeBytes);
}
