/**
 * Moving what files own out of the blocks that leave: content, extent nodes or indirect blocks, attribute blocks.
 *
 * Content is copied into free blocks at once; the map changes with the next commit.
 *
 * @module
 */

import type { Editor } from "../edit/editor.ts";
import { viewOf } from "../edit/blocks.ts";
import type { FileRun } from "../edit/file_map.ts";
import { mergeRuns, writeExtentTree } from "../edit/write_extents.ts";
import { I_BLOCK_SLOTS, SINGLE_INDIRECT_SLOT } from "../layout/indirect.ts";
import { I_BLOCK_OFFSET, InodeFlag, type InodeRecord } from "../layout/inode.ts";
import { setOrphanBlockChecksum } from "../layout/orphan_file.ts";
import { setXattrBlockChecksum } from "../layout/xattr.ts";
import type { BlockRun } from "./block_run.ts";
import type { Leaving } from "./leaving.ts";

const COPY_BYTES = 1 << 20;

/** Clusters of one file that were moved last. */
interface Moved {
  readonly from: number;
  readonly to: number;
  readonly blocks: number;
}

/** Moves inode by inode. */
export class ContentMover {
  #moved: Moved = { from: 0, to: 0, blocks: 0 };
  /** What the inode at work has left. */
  #left: BlockRun[] = [];

  constructor(readonly editor: Editor, readonly leaving: Leaving) {}

  /**
   * Moves an inode's content and map; its attribute block is left alone.
   * @returns by how many 512-byte sectors its i_blocks changed.
   * @throws Unsupported ENOSPC; nothing of the inode was changed for good then, as nothing is committed.
   */
  move(inode: InodeRecord): number {
    const { editor, leaving } = this;
    const { runs, nodes } = editor.readMap(inode);
    const stays = !runs.some((run) => leaving.touches(run.diskBlock, run.blocks)) &&
      !nodes.some((node) => leaving.has(node));
    if (stays) return 0;
    this.#moved = { from: 0, to: 0, blocks: 0 };
    const before = inode.sectors;
    if (inode.has(InodeFlag.EXTENTS)) this.#moveExtents(inode, runs, nodes);
    else this.#movePointers(inode, runs);
    editor.writeInode(inode);
    for (const { start, blocks } of this.#left) editor.mark(start, blocks, false);
    this.#left = [];
    return inode.sectors - before;
  }

  #moveExtents(inode: InodeRecord, runs: readonly FileRun[], nodes: readonly number[]): void {
    const { editor, leaving } = this;
    const { clusterBlocks, blockBytes } = editor.geometry;
    const moved = mergeRuns(runs.flatMap((run) => this.#moveRun(inode, run)));
    const kept = nodes.filter((node) => !leaving.has(node));
    const left = nodes.filter((node) => leaving.has(node));
    const count = writeExtentTree(editor, inode, moved, kept);
    for (const node of [...left, ...kept]) editor.mark(this.#cluster(node), clusterBlocks, false);
    inode.sectors += (count - nodes.length) * clusterBlocks * (blockBytes / 512);
  }

  /** The run as it lies afterwards. */
  #moveRun(inode: InodeRecord, run: FileRun): FileRun[] {
    const { leaving } = this;
    const parts: FileRun[] = [];
    for (let at = 0; at < run.blocks;) {
      const block = run.diskBlock + at;
      let blocks = leaving.alike(block, run.blocks - at);
      let diskBlock = block;
      if (leaving.has(block)) {
        const place = this.#placeFor(block, blocks);
        blocks = place.blocks;
        diskBlock = place.start;
        if (!run.unwritten) this.#copy(inode, block, diskBlock, blocks);
      }
      parts.push({ ...run, fileBlock: run.fileBlock + at, diskBlock, blocks });
      at += blocks;
    }
    return parts;
  }

  /** Where these blocks go, the first of them at least: into the cluster that goes there already, or new ones. */
  #placeFor(block: number, blocks: number): { start: number; blocks: number } {
    const { editor } = this;
    const ratio = editor.geometry.clusterBlocks;
    const known = this.#moved;
    if (block >= known.from && block < known.from + known.blocks) {
      const rest = known.from + known.blocks - block;
      return { start: known.to + block - known.from, blocks: Math.min(blocks, rest) };
    }
    const first = this.#cluster(block);
    const skip = block - first;
    const taken = editor.take(skip + blocks);
    const whole = Math.ceil(taken.blocks / ratio) * ratio;
    this.#moved = { from: first, to: taken.start, blocks: whole };
    const end = Math.min(first + whole, editor.geometry.blocksCount);
    // Freed when all of it has been read.
    this.#left.push({ start: first, blocks: end - first });
    return { start: taken.start + skip, blocks: taken.blocks - skip };
  }

  #cluster(block: number): number {
    const { clusterBlocks, firstDataBlock } = this.editor.geometry;
    return block - ((block - firstDataBlock) % clusterBlocks);
  }

  #copy(inode: InodeRecord, from: number, to: number, blocks: number): void {
    const { editor } = this;
    const { blockBytes } = editor.geometry;
    const { changed } = editor.blocks;
    const orphans = inode.ino === editor.superblock.orphanFileInode;
    const most = Math.max(1, COPY_BYTES / blockBytes);
    for (let at = 0; at < blocks;) {
      const count = Math.min(most, blocks - at);
      const bytes = new Uint8Array(count * blockBytes);
      editor.blocks.overlay.read(bytes, (from + at) * blockBytes);
      for (let i = at; i < at + count; i++) changed.delete(to + i);
      editor.device.write(bytes, (to + at) * blockBytes);
      for (let i = 0; i < count && orphans; i++) this.#sealOrphans(inode, to + at + i);
      at += count;
    }
  }

  #sealOrphans(inode: InodeRecord, block: number): void {
    const { editor } = this;
    if (!editor.superblock.hasMetadataChecksums) return;
    const bytes = editor.blocks.change(block);
    setOrphanBlockChecksum(bytes, viewOf(bytes), block, inode.checksumSeed);
  }

  #movePointers(inode: InodeRecord, runs: readonly FileRun[]): void {
    const places = new Map<number, number>();
    for (const run of runs) {
      for (let at = 0; at < run.blocks;) {
        const part = { ...run, diskBlock: run.diskBlock + at, blocks: run.blocks - at };
        const blocks = this.leaving.alike(part.diskBlock, part.blocks);
        if (this.leaving.has(part.diskBlock)) {
          let old = part.diskBlock;
          for (const moved of this.#moveRun(inode, { ...part, blocks })) {
            for (let i = 0; i < moved.blocks; i++) places.set(old++, moved.diskBlock + i);
          }
        }
        at += blocks;
      }
    }
    for (let slot = 0; slot < I_BLOCK_SLOTS; slot++) {
      const levels = Math.max(0, slot - SINGLE_INDIRECT_SLOT + 1);
      this.#movePointer(inode.view, I_BLOCK_OFFSET + 4 * slot, levels, places);
    }
  }

  /** Moves the block that a pointer names, and what hangs below it. */
  #movePointer(
    view: DataView,
    at: number,
    levels: number,
    places: ReadonlyMap<number, number>,
  ): void {
    const block = view.getUint32(at, true);
    if (block === 0) return;
    if (levels === 0) {
      const place = places.get(block);
      if (place !== undefined) view.setUint32(at, place, true);
      return;
    }
    const { editor, leaving } = this;
    let own = block;
    if (leaving.has(block)) {
      own = editor.take(1).start;
      editor.blocks.fresh(own).set(editor.blocks.read(block));
      editor.mark(block, 1, false);
      view.setUint32(at, own, true);
    }
    const below = viewOf(editor.blocks.read(own));
    const before = places.size > 0 || levels > 1;
    if (!before) return;
    const copy = below.byteLength;
    let changed = false;
    const bytes = new Uint8Array(copy);
    bytes.set(new Uint8Array(below.buffer, below.byteOffset, copy));
    const edited = viewOf(bytes);
    for (let slot = 0; slot < copy / 4; slot++) {
      const old = edited.getUint32(4 * slot, true);
      this.#movePointer(edited, 4 * slot, levels - 1, places);
      if (edited.getUint32(4 * slot, true) !== old) changed = true;
    }
    if (changed) editor.blocks.change(own).set(bytes);
  }

  /** Moves an attribute block, which these inodes share. */
  moveXattrBlock(block: number, inodes: readonly number[]): void {
    const { editor } = this;
    const { clusterBlocks } = editor.geometry;
    const place = editor.take(1).start;
    const bytes = editor.blocks.fresh(place);
    bytes.set(editor.blocks.read(block));
    if (editor.superblock.hasMetadataChecksums) {
      setXattrBlockChecksum(bytes, viewOf(bytes), place, editor.superblock.checksumSeed);
    }
    for (const ino of inodes) {
      const inode = editor.readInode(ino);
      inode.fileAcl = place;
      editor.writeInode(inode);
    }
    editor.mark(this.#cluster(block), clusterBlocks, false);
  }
}
