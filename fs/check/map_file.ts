/**
 * Where the blocks of a small hidden file lie, without checking more than is needed to be safe.
 *
 * @module
 */

import {
  entryFileBlock,
  extentBlocks,
  extentDepth,
  extentDiskBlock,
  extentEntries,
  extentEntryOffset,
  indexChildBlock,
} from "../layout/extent.ts";
import { DIRECT_BLOCKS, I_BLOCK_SLOTS } from "../layout/indirect.ts";
import { I_BLOCK_BYTES, I_BLOCK_OFFSET, InodeFlag } from "../layout/inode.ts";
import type { BlockReader } from "./block_reader.ts";
import { extentHeaderIsGood } from "./extent_tree.ts";
import type { RawInode } from "./raw_inode.ts";

const MAX_DEPTH = 5;

/** Disk block of each of the first `count` file blocks; 0 where nothing is mapped. */
export function diskBlocksOf(reader: BlockReader, raw: RawInode, count: number): Float64Array {
  const mapper = new FileMapper(reader, Math.max(0, count));
  if (raw.has(InodeFlag.EXTENTS)) mapper.addTree(raw);
  else if (!raw.has(InodeFlag.INLINE_DATA)) mapper.addMap(raw);
  return mapper.blocks;
}

class FileMapper {
  readonly blocks: Float64Array;
  readonly #reader: BlockReader;
  /** Blocks of the map that were read: none is read twice. */
  readonly #seen = new Set<number>();
  /** Blocks that may still be entered; extents that overlap use it up. */
  #left: number;

  constructor(reader: BlockReader, count: number) {
    this.#reader = reader;
    this.blocks = new Float64Array(count);
    this.#left = 2 * count;
  }

  addTree(raw: RawInode): void {
    const root = raw.offset + I_BLOCK_OFFSET;
    if (extentHeaderIsGood(raw.view, root, I_BLOCK_BYTES)) this.#node(raw.view, root, 0);
  }

  #node(view: DataView, node: number, level: number): void {
    const depth = extentDepth(view, node);
    for (let index = 0; index < extentEntries(view, node); index++) {
      const entry = extentEntryOffset(node, index);
      if (depth === 0) this.#extent(view, entry);
      else if (level < MAX_DEPTH) this.#child(indexChildBlock(view, entry), depth - 1, level + 1);
    }
  }

  #extent(view: DataView, entry: number): void {
    const first = entryFileBlock(view, entry);
    const disk = extentDiskBlock(view, entry);
    const end = Math.min(this.blocks.length, first + extentBlocks(view, entry));
    if (end > first) this.#left -= end - first;
    if (this.#left < 0) return;
    for (let block = first; block < end; block++) this.blocks[block] = disk + block - first;
  }

  #child(block: number, depth: number, level: number): void {
    const bytes = this.#read(block);
    if (bytes === undefined) return;
    const view = new DataView(bytes.buffer);
    if (!extentHeaderIsGood(view, 0, bytes.length) || extentDepth(view, 0) !== depth) return;
    this.#node(view, 0, level);
  }

  addMap(raw: RawInode): void {
    const pointers = this.#reader.blockBytes / 4;
    let fileBlock = 0;
    for (let slot = 0; slot < I_BLOCK_SLOTS && fileBlock < this.blocks.length; slot++) {
      const levels = Math.max(0, slot - DIRECT_BLOCKS + 1);
      this.#slot(raw.block(slot), levels, fileBlock);
      fileBlock += pointers ** levels;
    }
  }

  #slot(block: number, levels: number, fileBlock: number): void {
    if (block === 0 || fileBlock >= this.blocks.length) return;
    if (levels === 0) {
      this.blocks[fileBlock] = block;
      return;
    }
    const bytes = this.#read(block);
    if (bytes === undefined) return;
    const view = new DataView(bytes.buffer);
    const below = (bytes.length / 4) ** (levels - 1);
    for (let at = 0; at < bytes.length; at += 4) {
      this.#slot(view.getUint32(at, true), levels - 1, fileBlock + (at / 4) * below);
    }
  }

  /** A block of the map; undefined when it was read before, or cannot be. */
  #read(block: number): Uint8Array<ArrayBuffer> | undefined {
    if (this.#seen.has(block) || block >= this.#reader.deviceBlocks) return undefined;
    this.#seen.add(block);
    const bytes = this.#reader.buffer();
    return this.#reader.read(block, bytes) ? bytes : undefined;
  }
}
