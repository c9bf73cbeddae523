/**
 * Where a file's blocks lie: its runs, and the blocks of its map, read without the engine.
 *
 * @module
 */

import { Corrupt } from "../errors.ts";
import {
  entryFileBlock,
  EXTENT_ENTRY_BYTES,
  extentBlocks,
  extentDepth,
  extentDiskBlock,
  extentEntries,
  extentEntriesProblem,
  extentEntryOffset,
  extentHeaderProblem,
  extentIsUnwritten,
  indexChildBlock,
  MAX_FILE_BLOCKS,
} from "../layout/extent.ts";
import { blocksBelowSlot, I_BLOCK_SLOTS, SINGLE_INDIRECT_SLOT } from "../layout/indirect.ts";
import { I_BLOCK_BYTES, I_BLOCK_OFFSET, InodeFlag, type InodeRecord } from "../layout/inode.ts";
import { type EditedBlocks, viewOf } from "./blocks.ts";

/** Neighbouring blocks of a file that are neighbours on the disk. */
export interface FileRun {
  readonly fileBlock: number;
  readonly diskBlock: number;
  readonly blocks: number;
  readonly unwritten: boolean;
}

/** A file's map. */
export interface FileMap {
  readonly runs: FileRun[];
  /** Disk blocks of extent nodes or indirect blocks. */
  readonly nodes: number[];
}

/** Bounds of valid block numbers. */
export interface BlockBounds {
  readonly firstDataBlock: number;
  readonly blocksCount: number;
}

/** Whether an inode's i_block maps blocks. */
export function hasMap(inode: InodeRecord): boolean {
  if (inode.has(InodeFlag.INLINE_DATA)) return false;
  if (inode.isRegular || inode.isDirectory) return true;
  // A short target lies in i_block itself.
  return inode.isSymlink && (inode.has(InodeFlag.EXTENTS) || inode.size >= I_BLOCK_BYTES);
}

/** Reads the map. @throws Corrupt */
export function readFileMap(
  inode: InodeRecord,
  blocks: EditedBlocks,
  bounds: BlockBounds,
): FileMap {
  const map: FileMap = { runs: [], nodes: [] };
  if (!hasMap(inode)) return map;
  const reader = new MapReader(inode, blocks, bounds, map);
  if (inode.has(InodeFlag.EXTENTS)) reader.extents();
  else reader.indirect();
  return map;
}

class MapReader {
  readonly #seen = new Set<number>();

  constructor(
    readonly inode: InodeRecord,
    readonly blocks: EditedBlocks,
    readonly bounds: BlockBounds,
    readonly map: FileMap,
  ) {}

  extents(): void {
    const { raw } = this.inode;
    const root = new DataView(raw.buffer, raw.byteOffset + I_BLOCK_OFFSET, I_BLOCK_BYTES);
    this.#node(root, I_BLOCK_BYTES, -1, 0, MAX_FILE_BLOCKS);
  }

  #node(view: DataView, bytes: number, depth: number, low: number, high: number): void {
    const { firstDataBlock, blocksCount } = this.bounds;
    const problem = extentHeaderProblem(view, 0, bytes, depth) ??
      extentEntriesProblem(view, 0, low, high, firstDataBlock, blocksCount);
    if (problem !== undefined) throw this.#corrupt("extent node", problem);
    const count = extentEntries(view, 0);
    const own = extentDepth(view, 0);
    for (let index = 0; index < count; index++) {
      const entry = extentEntryOffset(0, index);
      if (own === 0) {
        this.map.runs.push({
          fileBlock: entryFileBlock(view, entry),
          diskBlock: extentDiskBlock(view, entry),
          blocks: extentBlocks(view, entry),
          unwritten: extentIsUnwritten(view, entry),
        });
        continue;
      }
      const child = indexChildBlock(view, entry);
      this.#take(child);
      const next = index + 1 < count ? entryFileBlock(view, entry + EXTENT_ENTRY_BYTES) : high;
      const bytesOfChild = this.blocks.read(child);
      this.#node(
        viewOf(bytesOfChild),
        bytesOfChild.length,
        own - 1,
        entryFileBlock(view, entry),
        next,
      );
    }
  }

  indirect(): void {
    const { view } = this.inode;
    let fileBlock = 0;
    for (let slot = 0; slot < I_BLOCK_SLOTS; slot++) {
      const levels = Math.max(0, slot - SINGLE_INDIRECT_SLOT + 1);
      const block = view.getUint32(I_BLOCK_OFFSET + 4 * slot, true);
      this.#pointer(block, levels, fileBlock);
      fileBlock += blocksBelowSlot(levels, this.blocks.blockBytes);
    }
  }

  #pointer(block: number, levels: number, fileBlock: number): void {
    if (block === 0) return;
    if (block <= this.bounds.firstDataBlock || block >= this.bounds.blocksCount) {
      throw this.#corrupt("block map", `block ${block} is outside the file system`);
    }
    if (levels === 0) return this.#data(block, fileBlock);
    this.#take(block);
    const view = viewOf(this.blocks.read(block));
    const below = blocksBelowSlot(levels - 1, this.blocks.blockBytes);
    for (let slot = 0; slot < view.byteLength / 4; slot++) {
      this.#pointer(view.getUint32(4 * slot, true), levels - 1, fileBlock + slot * below);
    }
  }

  #data(block: number, fileBlock: number): void {
    const { runs } = this.map;
    const last = runs.at(-1);
    if (
      last !== undefined && last.diskBlock + last.blocks === block &&
      last.fileBlock + last.blocks === fileBlock
    ) {
      runs[runs.length - 1] = { ...last, blocks: last.blocks + 1 };
    } else runs.push({ fileBlock, diskBlock: block, blocks: 1, unwritten: false });
  }

  #take(node: number): void {
    if (this.#seen.has(node)) throw this.#corrupt("block map", `block ${node} is there twice`);
    this.#seen.add(node);
    this.map.nodes.push(node);
  }

  #corrupt(structure: string, problem: string): Corrupt {
    return new Corrupt(structure, `inode ${this.inode.ino}`, problem);
  }
}
