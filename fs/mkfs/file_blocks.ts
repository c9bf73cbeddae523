/**
 * Maps of new files, built by appending: an extent tree or a block map. Blocks of the map itself are
 * allocated on the way, where libext2fs would.
 *
 * @module
 */

import {
  extentCapacity,
  extentEntryOffset,
  INODE_EXTENT_ENTRIES,
  MAX_WRITTEN_BLOCKS,
  setExtentBlockChecksum,
  writeExtent,
  writeExtentHeader,
  writeExtentIndex,
} from "../layout/extent.ts";
import { DIRECT_BLOCKS, pointersPerBlock } from "../layout/indirect.ts";
import { I_BLOCK_OFFSET, InodeFlag, type InodeRecord } from "../layout/inode.ts";
import type { Maker } from "./maker.ts";

/** The map of a new file. */
export interface FileBlocks {
  /** Leaves a hole: what is appended next goes to `fileBlock`. */
  skipTo(fileBlock: number): void;
  /** Appends blocks that are taken already (and charged to the inode by the caller). */
  append(diskBlock: number, blocks: number): void;
  /** A block of the map must be allocated before file block `fileBlock` can be; false with extents. */
  prepare(fileBlock: number, goal: number): number;
  /** Writes the map. */
  finish(): void;
}

export function mapFile(maker: Maker, inode: InodeRecord): FileBlocks {
  return inode.has(InodeFlag.EXTENTS) ? new ExtentMap(maker, inode) : new BlockMap(maker, inode);
}

/** An entry of a node: an extent, or a child of an index. */
interface Entry {
  fileBlock: number;
  diskBlock: number;
  blocks: number;
  child: Node | undefined;
}

interface Node {
  readonly entries: Entry[];
  readonly depth: number;
}

class ExtentMap implements FileBlocks {
  #root: Node = { entries: [], depth: 0 };
  #fileBlocks = 0;
  readonly #capacity: number;

  constructor(readonly maker: Maker, readonly inode: InodeRecord) {
    this.#capacity = extentCapacity(maker.blockBytes);
  }

  prepare(_fileBlock: number, goal: number): number {
    return goal;
  }

  skipTo(fileBlock: number): void {
    this.#fileBlocks = fileBlock;
  }

  append(diskBlock: number, blocks: number): void {
    const { clusterBlocks } = this.maker.space.geometry;
    const longest = MAX_WRITTEN_BLOCKS - (MAX_WRITTEN_BLOCKS % clusterBlocks);
    for (let done = 0; done < blocks;) {
      const last = this.#lastLeaf().entries.at(-1);
      const follows = last !== undefined && last.diskBlock + last.blocks === diskBlock + done &&
        last.fileBlock + last.blocks === this.#fileBlocks;
      const room = last !== undefined && follows
        ? Math.min(longest - last.blocks, blocks - done)
        : 0;
      if (last !== undefined && room > 0) {
        last.blocks += room;
        this.#fileBlocks += room;
        done += room;
        continue;
      }
      const length = Math.min(longest, blocks - done);
      this.#insert({
        fileBlock: this.#fileBlocks,
        diskBlock: diskBlock + done,
        blocks: length,
        child: undefined,
      });
      this.#fileBlocks += length;
      done += length;
    }
  }

  #lastLeaf(): Node {
    let node = this.#root;
    while (node.depth > 0) {
      const child = node.entries.at(-1)?.child;
      if (child === undefined) break;
      node = child;
    }
    return node;
  }

  /** Inserts at the end of the tree, splitting full nodes on the right edge. */
  #insert(entry: Entry): void {
    const path: Node[] = [this.#root];
    for (let node = this.#root; node.depth > 0;) {
      const child = node.entries.at(-1)?.child;
      if (child === undefined) break;
      path.push(child);
      node = child;
    }
    let level = path.length - 1;
    let added = entry;
    for (; level >= 0; level--) {
      const node = path[level] as Node;
      const capacity = level === 0 ? INODE_EXTENT_ENTRIES : this.#capacity;
      if (node.entries.length < capacity) {
        node.entries.push(added);
        return;
      }
      if (level === 0) break;
      // The last entry moves into the new node with the added one.
      const moved = node.entries.pop() as Entry;
      added = this.#index({ entries: [moved, added], depth: node.depth }, node);
    }
    const below: Node = { entries: this.#root.entries, depth: this.#root.depth };
    const index = this.#index(below, below);
    this.#root = { entries: [index], depth: below.depth + 1 };
    below.entries.push(added);
  }

  /** An index entry for a new node; its block goes before the first one of the node that was full. */
  #index(node: Node, full: Node): Entry {
    const { space } = this.maker;
    const clusterBlocks = space.geometry.clusterBlocks;
    const goal = (full.entries[0]?.diskBlock ?? 0) - clusterBlocks;
    const diskBlock = space.allocate(goal);
    this.maker.charge(this.inode, 1);
    return { fileBlock: node.entries[0]?.fileBlock ?? 0, diskBlock, blocks: 0, child: node };
  }

  finish(): void {
    this.#write(this.#root, this.inode.view, I_BLOCK_OFFSET, INODE_EXTENT_ENTRIES);
  }

  #write(node: Node, view: DataView, offset: number, capacity: number): void {
    writeExtentHeader(view, offset, node.entries.length, capacity, node.depth);
    node.entries.forEach((entry, index) => {
      const at = extentEntryOffset(offset, index);
      if (entry.child === undefined) {
        writeExtent(view, at, entry.fileBlock, entry.blocks, entry.diskBlock, false);
        return;
      }
      writeExtentIndex(view, at, entry.fileBlock, entry.diskBlock);
      const block = this.maker.emptyBlock();
      const blockView = new DataView(block.buffer);
      this.#write(entry.child, blockView, 0, this.#capacity);
      if (this.maker.seed !== undefined) {
        setExtentBlockChecksum(block, blockView, this.inode.checksumSeed);
      }
      this.maker.writer.put(entry.diskBlock, block);
    });
  }
}

/** Blocks of pointers that are being filled, one a level. */
interface PointerBlock {
  /** Which part of the file it maps: levels above it, and its number among those of its level. */
  readonly levels: number;
  readonly part: number;
  diskBlock: number;
  bytes: Uint8Array;
  view: DataView;
}

class BlockMap implements FileBlocks {
  #fileBlocks = 0;
  readonly #pointers: number;
  /** The open block of each level below the current slot of i_block, outermost first. */
  #open: PointerBlock[] = [];
  #prepared = false;

  constructor(readonly maker: Maker, readonly inode: InodeRecord) {
    this.#pointers = pointersPerBlock(maker.blockBytes);
  }

  /** Levels of pointer blocks above a file block, and its index below them. */
  #place(fileBlock: number): { levels: number; index: number } {
    let index = fileBlock - DIRECT_BLOCKS;
    let levels = 1;
    for (let size = this.#pointers; index >= size; size *= this.#pointers) {
      index -= size;
      levels++;
    }
    return { levels, index };
  }

  prepare(fileBlock: number, goal: number): number {
    this.#prepared = true;
    if (fileBlock < DIRECT_BLOCKS) return goal;
    const { levels, index } = this.#place(fileBlock);
    let next = goal;
    let below = this.#pointers ** levels;
    for (let level = 0; level < levels; level++) {
      const part = Math.floor(index / below);
      const open = this.#open[level];
      if (open === undefined || open.levels !== levels || open.part !== part) {
        next = this.#openBlock(level, levels, index, part, next);
      }
      below /= this.#pointers;
    }
    return next;
  }

  /** Allocates the pointer block of `level` and enters it in the level above. */
  #openBlock(
    level: number,
    levels: number,
    index: number,
    part: number,
    goal: number,
  ): number {
    const diskBlock = this.maker.space.allocate(goal);
    this.maker.charge(this.inode, 1);
    const old = this.#open[level];
    if (old !== undefined) this.maker.writer.put(old.diskBlock, old.bytes);
    const bytes = this.maker.emptyBlock();
    this.#open[level] = { levels, part, diskBlock, bytes, view: new DataView(bytes.buffer) };
    if (level === 0) this.#setSlot(DIRECT_BLOCKS + levels - 1, diskBlock);
    else this.#setPointer(level - 1, levels, index, diskBlock);
    return diskBlock;
  }

  #setSlot(slot: number, diskBlock: number): void {
    this.inode.view.setUint32(I_BLOCK_OFFSET + 4 * slot, diskBlock, true);
  }

  #setPointer(level: number, levels: number, index: number, diskBlock: number): void {
    const below = this.#pointers ** (levels - 1 - level);
    const at = Math.floor(index / below) % this.#pointers;
    this.#open[level]?.view.setUint32(4 * at, diskBlock, true);
  }

  skipTo(fileBlock: number): void {
    this.#fileBlocks = fileBlock;
  }

  append(diskBlock: number, blocks: number): void {
    for (let i = 0; i < blocks; i++) {
      const fileBlock = this.#fileBlocks++;
      if (!this.#prepared) this.prepare(fileBlock, diskBlock + i);
      this.#prepared = false;
      if (fileBlock < DIRECT_BLOCKS) this.#setSlot(fileBlock, diskBlock + i);
      else {
        const { levels, index } = this.#place(fileBlock);
        this.#setPointer(levels - 1, levels, index, diskBlock + i);
      }
    }
  }

  finish(): void {
    for (const block of this.#open) this.maker.writer.put(block.diskBlock, block.bytes);
    this.#open = [];
  }
}

/**
 * Allocates `blocks` blocks for a new file, one cluster after the other from `goal`, and maps them.
 * @returns the disk blocks in file order.
 */
export function allocateFile(
  maker: Maker,
  inode: InodeRecord,
  map: FileBlocks,
  goal: number,
  blocks: number,
): number[] {
  const { space } = maker;
  const { clusterBlocks } = space.geometry;
  const diskBlocks: number[] = [];
  let next = goal;
  for (let fileBlock = 0; fileBlock < blocks; fileBlock++) {
    const last = diskBlocks.at(-1);
    let block: number;
    if (last !== undefined && (last + 1) % clusterBlocks !== 0) block = last + 1;
    else {
      block = space.allocate(map.prepare(fileBlock, next));
      maker.charge(inode, 1);
    }
    map.append(block, 1);
    diskBlocks.push(block);
    next = block;
  }
  return diskBlocks;
}
