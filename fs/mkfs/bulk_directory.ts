/**
 * Directories whose entries are all known before the first block is written: packed one after the
 * other, or, when they need several blocks, sorted by hash under an index that is built in one go.
 *
 * @module
 */

import { DirHasher, effectiveHashVersion } from "../layout/dir_hash.ts";
import {
  DIRENT_HEADER_BYTES,
  DIRENT_TAIL_BYTES,
  direntBytes,
  direntNameLen,
  direntRecLen,
  FileType,
  setDirentBlockChecksum,
  setDirentRecLen,
  writeDirent,
  writeDirentTail,
} from "../layout/dirent.ts";
import { Compat, Incompat } from "../layout/features.ts";
import {
  NODE_ENTRIES_OFFSET,
  nodeLimit,
  ROOT_ENTRIES_OFFSET,
  rootLimit,
  setHtreeBlockChecksum,
  setHtreeCount,
  setHtreeEntry,
  setRootIndirectLevels,
  writeHtreeNode,
  writeHtreeRoot,
} from "../layout/htree.ts";
import { InodeFlag, type InodeRecord } from "../layout/inode.ts";
import { FLAG_UNSIGNED_HASH } from "../layout/superblock.ts";
import type { Maker } from "./maker.ts";

const DOT = Uint8Array.of(0x2e);
const DOT_DOT = Uint8Array.of(0x2e, 0x2e);
const DOTS_BYTES = 24;

/** The entries of a directory in the making, in the form that they have on disk. */
export class EntryList {
  #records = new Uint8Array(1024);
  #view = new DataView(this.#records.buffer);
  #used = 0;
  /** How many entries there are. */
  count = 0;

  get records(): Uint8Array {
    return this.#records;
  }
  get view(): DataView {
    return this.#view;
  }
  /** Bytes of all records. */
  get bytes(): number {
    return this.#used;
  }

  /** Adds an entry. @param fileType as it is to be stored. */
  add(name: Uint8Array, ino: number, fileType: number): void {
    const length = direntBytes(name.length);
    if (this.#used + length > this.#records.length) this.#grow();
    writeDirent(this.#records, this.#view, this.#used, ino, length, 1024, fileType, name);
    this.#used += length;
    this.count++;
  }

  #grow(): void {
    const larger = new Uint8Array(2 * this.#records.length);
    larger.set(this.#records);
    this.#records = larger;
    this.#view = new DataView(larger.buffer);
  }
}

/** Blocks of a directory, in file order. */
export class DirectoryBuilder {
  readonly blocks: Uint8Array[] = [];
  readonly #end: number;
  readonly #hasTypes: boolean;
  readonly #blockBytes: number;

  /** @param parent inode number of the directory above. */
  constructor(
    readonly maker: Maker,
    readonly inode: InodeRecord,
    readonly parent: number,
    readonly entries: EntryList,
  ) {
    this.#blockBytes = maker.blockBytes;
    this.#end = maker.blockBytes - (maker.seed === undefined ? 0 : DIRENT_TAIL_BYTES);
    this.#hasTypes = maker.superblock.hasIncompat(Incompat.FILETYPE);
  }

  /** Builds the blocks. @param atLeast how many there must be; with more than one there is no index. */
  build(atLeast: number): readonly Uint8Array[] {
    const { superblock } = this.maker;
    const fits = DOTS_BYTES + this.entries.bytes <= this.#end;
    const indexed = !fits && atLeast <= 1 && superblock.hasCompat(Compat.DIR_INDEX) &&
      this.#buildIndexed();
    if (!indexed) this.#buildLinear();
    while (this.blocks.length < atLeast) this.#finishLeaf(this.maker.emptyBlock(), -1, 0);
    return this.blocks;
  }

  #buildLinear(): void {
    const { records, view, bytes } = this.entries;
    let block = this.maker.emptyBlock();
    let last = this.#putDots(block);
    let used = DOTS_BYTES;
    for (let at = 0; at < bytes;) {
      const length = direntRecLen(view, at, 1024);
      if (used + length > this.#end) {
        this.#finishLeaf(block, last, used);
        block = this.maker.emptyBlock();
        used = 0;
      }
      block.set(records.subarray(at, at + length), used);
      last = used;
      used += length;
      at += length;
    }
    this.#finishLeaf(block, last, used);
  }

  #putDots(block: Uint8Array): number {
    const view = new DataView(block.buffer);
    const type = this.#hasTypes ? FileType.DIRECTORY : FileType.UNKNOWN;
    const size = this.#blockBytes;
    writeDirent(block, view, 0, this.inode.ino, 12, size, type, DOT);
    writeDirent(block, view, 12, this.parent, 12, size, type, DOT_DOT);
    return 12;
  }

  /** Stretches the last entry to the end of the block. @param last its offset, -1 for an empty block. */
  #finishLeaf(block: Uint8Array, last: number, used: number): void {
    const view = new DataView(block.buffer);
    if (last < 0) setDirentRecLen(view, 0, this.#end, this.#blockBytes);
    else if (used < this.#end) setDirentRecLen(view, last, this.#end - last, this.#blockBytes);
    if (this.maker.seed !== undefined) {
      writeDirentTail(view, this.#blockBytes);
      setDirentBlockChecksum(block, view, this.inode.checksumSeed);
    }
    this.blocks.push(block);
  }

  /** Returns false, with nothing built, when two levels of index are not enough. */
  #buildIndexed(): boolean {
    const order = this.#sortByHash();
    const leaves = this.#packLeaves(order);
    const sums = this.maker.seed !== undefined;
    const inRoot = rootLimit(this.#blockBytes, sums);
    const inNode = nodeLimit(this.#blockBytes, sums);
    const nodes = leaves.length <= inRoot ? 0 : Math.ceil(leaves.length / inNode);
    if (nodes > inRoot) return false;
    const firstLeaf = 1 + nodes;
    if (nodes === 0) this.#putRoot(leaves.map((leaf) => leaf.hash), firstLeaf, 0);
    else {
      const starts = Array.from({ length: nodes }, (_, node) => leaves[node * inNode]?.hash ?? 0);
      this.#putRoot(starts, 1, 1);
      for (let node = 0; node < nodes; node++) {
        const children = leaves.slice(node * inNode, (node + 1) * inNode);
        this.#putNode(children.map((leaf) => leaf.hash), firstLeaf + node * inNode);
      }
    }
    for (const leaf of leaves) this.#finishLeaf(leaf.block, leaf.last, leaf.used);
    this.inode.setFlag(InodeFlag.INDEX, true);
    return true;
  }

  /** Offsets of the records, by hash; equal hashes in the order in which they came. */
  #sortByHash(): { offset: number; hash: number }[] {
    const { superblock } = this.maker;
    const unsigned = (superblock.flags & FLAG_UNSIGNED_HASH) !== 0;
    const version = effectiveHashVersion(superblock.defaultHashVersion, unsigned);
    const hasher = new DirHasher(
      superblock.hashSeed(0),
      superblock.hashSeed(1),
      superblock.hashSeed(2),
      superblock.hashSeed(3),
    );
    const { records, view, bytes } = this.entries;
    const order: { offset: number; hash: number }[] = [];
    for (let at = 0; at < bytes; at += direntRecLen(view, at, 1024)) {
      const name = at + DIRENT_HEADER_BYTES;
      const hash = hasher.hash(version, records, name, name + direntNameLen(view, at));
      order.push({ offset: at, hash });
    }
    return order.sort((a, b) => a.hash - b.hash);
  }

  /** Leaves an eighth of each leaf free for what comes later. */
  #packLeaves(order: readonly { offset: number; hash: number }[]): Leaf[] {
    const { records, view } = this.entries;
    const limit = this.#end - this.#blockBytes / 8;
    const leaves: Leaf[] = [];
    let leaf: Leaf | undefined;
    let previous = -1;
    for (const { offset, hash } of order) {
      const length = direntRecLen(view, offset, 1024);
      if (leaf === undefined || leaf.used + length > limit) {
        // The lowest bit says that entries with this hash lie in the leaf before, too.
        const start = leaf === undefined ? 0 : hash === previous ? hash + 1 : hash;
        leaf = { hash: start, block: this.maker.emptyBlock(), used: 0, last: -1 };
        leaves.push(leaf);
      }
      leaf.block.set(records.subarray(offset, offset + length), leaf.used);
      leaf.last = leaf.used;
      leaf.used += length;
      previous = hash;
    }
    return leaves;
  }

  #putRoot(hashes: readonly number[], firstBlock: number, levels: number): void {
    const block = this.maker.emptyBlock();
    const view = new DataView(block.buffer);
    const { superblock, seed } = this.maker;
    writeHtreeRoot(
      block,
      view,
      this.inode.ino,
      this.parent,
      superblock.defaultHashVersion,
      this.#hasTypes,
      seed !== undefined,
      firstBlock,
    );
    setRootIndirectLevels(view, levels);
    this.#putEntries(block, view, ROOT_ENTRIES_OFFSET, hashes, firstBlock);
  }

  #putNode(hashes: readonly number[], firstBlock: number): void {
    const block = this.maker.emptyBlock();
    const view = new DataView(block.buffer);
    writeHtreeNode(block, view, this.maker.seed !== undefined, firstBlock);
    this.#putEntries(block, view, NODE_ENTRIES_OFFSET, hashes, firstBlock);
  }

  #putEntries(
    block: Uint8Array,
    view: DataView,
    entries: number,
    hashes: readonly number[],
    firstBlock: number,
  ): void {
    for (let i = 1; i < hashes.length; i++) {
      setHtreeEntry(view, entries, i, hashes[i] ?? 0, firstBlock + i);
    }
    setHtreeCount(view, entries, hashes.length);
    if (this.maker.seed !== undefined) {
      setHtreeBlockChecksum(block, view, entries, this.inode.checksumSeed);
    }
    this.blocks.push(block);
  }
}

interface Leaf {
  /** The smallest hash that the index gives to this leaf. */
  readonly hash: number;
  readonly block: Uint8Array;
  used: number;
  last: number;
}
