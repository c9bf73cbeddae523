/**
 * The index of one directory: which block refers to which, and whether names lie where their hashes
 * say.
 *
 * @module
 */

import { effectiveHashVersion } from "../layout/dir_hash.ts";
import { direntInode, direntNameLen, direntRecLen } from "../layout/dirent.ts";
import {
  HTREE_ENTRY_BYTES,
  htreeBlock,
  htreeCount,
  htreeHash,
  htreeLimit,
  NODE_ENTRIES_OFFSET,
  nodeLimit,
  ROOT_INFO_OFFSET,
  rootHashVersion,
  rootIndirectLevels,
  verifyHtreeBlock,
} from "../layout/htree.ts";
import { FLAG_UNSIGNED_HASH } from "../layout/superblock.ts";
import type { CheckContext } from "./context.ts";

const UNSEEN = 0;
const ROOT = 1;
const NODE = 2;
const LEAF = 3;
const FIRST = 1;
const LAST = 2;
const REFERENCED = 4;
const TWICE = 8;
const LAST_HASH = 0xfffffffe;
const NO_HASH = 0xffffffff;
const MAX_DEPTH = 8;

/** The index of a directory while its blocks are read. */
export class HtreeMap {
  readonly #check: CheckContext;
  readonly #ino: number;
  readonly #kinds: Uint8Array;
  readonly #flags: Uint8Array;
  readonly #parents: Uint32Array;
  readonly #previous: Uint32Array;
  /** Lowest and highest hash in a block. */
  readonly #lows: Uint32Array;
  readonly #highs: Uint32Array;
  /** Lowest and highest hash that the parent's entry allows. */
  readonly #allowedLows: Uint32Array;
  readonly #allowedHighs: Uint32Array;
  #depth = 0;
  /** Version to compute hashes with. */
  hashVersion = 0;

  /** @param blocks of the directory. */
  constructor(check: CheckContext, ino: number, readonly blocks: number) {
    this.#check = check;
    this.#ino = ino;
    this.#kinds = new Uint8Array(blocks);
    this.#flags = new Uint8Array(blocks);
    this.#parents = new Uint32Array(blocks);
    this.#previous = new Uint32Array(blocks);
    this.#lows = new Uint32Array(blocks);
    this.#highs = new Uint32Array(blocks);
    this.#allowedLows = new Uint32Array(blocks);
    this.#allowedHighs = new Uint32Array(blocks);
  }

  /** Takes a block. @returns whether it is a leaf, with entries for names. */
  begin(bytes: Uint8Array, view: DataView, fileBlock: number): boolean {
    this.#lows[fileBlock] = NO_HASH;
    this.#highs[fileBlock] = 0;
    this.#kinds[fileBlock] = LEAF;
    if (fileBlock === 0) this.#root(view);
    else if (isNode(view, bytes.length, this.#check.features.metadataChecksums)) {
      this.#kinds[fileBlock] = NODE;
    }
    return this.#kinds[fileBlock] === LEAF;
  }

  #root(view: DataView): void {
    const { findings, features, superblock } = this.#check;
    this.#kinds[0] = ROOT;
    this.#flags[0] = (this.#flags[0] as number) | FIRST | LAST;
    const levels = rootIndirectLevels(view);
    const isBad = view.getUint32(ROOT_INFO_OFFSET, true) !== 0 || view.getUint8(0x1d) < 8;
    if (isBad || levels >= (features.largeDir ? 3 : 2)) {
      findings.add("htree_root", { inode: this.#ino });
    }
    const unsigned = (superblock.flags & FLAG_UNSIGNED_HASH) !== 0;
    this.hashVersion = effectiveHashVersion(rootHashVersion(view), unsigned);
    this.#depth = levels + 1;
  }

  /** Notes the hash of a name in a leaf. */
  addHash(fileBlock: number, hash: number): void {
    if (hash < (this.#lows[fileBlock] as number)) this.#lows[fileBlock] = hash;
    if (hash > (this.#highs[fileBlock] as number)) this.#highs[fileBlock] = hash;
  }

  /** Reads the entries of an index block. @param seed of the directory; undefined: no checksums. */
  index(bytes: Uint8Array, view: DataView, fileBlock: number, seed: number | undefined): void {
    const { findings } = this.#check;
    const where = { inode: this.#ino, fileBlock };
    const entries = fileBlock === 0 ? ROOT_INFO_OFFSET + view.getUint8(0x1d) : NODE_ENTRIES_OFFSET;
    if (entries + HTREE_ENTRY_BYTES > bytes.length) return;
    if (seed !== undefined && !verifyHtreeBlock(bytes, view, entries, seed)) {
      findings.add("htree_checksum", where);
    }
    const tail = seed === undefined ? 0 : 8;
    const expected = Math.floor((bytes.length - tail - entries) / HTREE_ENTRY_BYTES);
    const limit = htreeLimit(view, entries);
    let count = htreeCount(view, entries);
    if (limit !== expected) findings.add("htree_limit", where, limit, expected);
    if (count > expected) {
      findings.add("htree_count", where, count, `up to ${expected}`);
      count = expected;
    }
    this.#lows[fileBlock] = NO_HASH;
    this.#highs[fileBlock] = 0;
    let before = 0;
    for (let index = 0; index < count; index++) {
      before = this.#entry(view, entries, index, count, fileBlock, before);
    }
  }

  #entry(
    view: DataView,
    entries: number,
    index: number,
    count: number,
    fileBlock: number,
    before: number,
  ): number {
    const { findings } = this.#check;
    const hash = (htreeHash(view, entries, index) & ~1) >>> 0;
    const child = htreeBlock(view, entries, index);
    const where = { inode: this.#ino, fileBlock };
    if (child >= this.blocks) {
      findings.add("htree_block", where, child, `up to ${this.blocks - 1}`);
      return hash;
    }
    if (hash < before) findings.add("htree_order", where, `0x${hash.toString(16)}`);
    let flags = this.#flags[child] as number;
    if ((flags & REFERENCED) !== 0) flags |= TWICE;
    else {
      flags |= REFERENCED;
      this.#parents[child] = fileBlock;
    }
    this.#previous[child] = index === 0 ? 0 : htreeBlock(view, entries, index - 1);
    this.addHash(fileBlock, hash);
    this.#allowedLows[child] = hash;
    const isLast = index + 1 === count;
    this.#allowedHighs[child] = isLast
      ? LAST_HASH
      : (htreeHash(view, entries, index + 1) & ~1) >>> 0;
    this.#flags[child] = flags | (isLast ? LAST : 0) | (index === 0 ? FIRST : 0);
    return hash;
  }

  /** Compares, once all blocks were read. */
  finish(): void {
    if (this.blocks === 0) return;
    const flags = this.#flags[0] as number;
    this.#flags[0] = flags | ((flags & REFERENCED) !== 0 ? TWICE : REFERENCED);
    this.#passUp(LEAF);
    this.#passUp(NODE);
    for (let block = 0; block < this.blocks; block++) this.#compare(block);
  }

  /** Gives the first and last hashes of blocks of a kind to their parents. */
  #passUp(kind: number): void {
    for (let block = 0; block < this.blocks; block++) {
      if (this.#kinds[block] !== kind) continue;
      const parent = this.#parents[block] as number;
      const flags = this.#flags[block] as number;
      if ((flags & FIRST) !== 0) {
        this.#lows[parent] = this.#lows[block] as number;
        const previous = this.#previous[parent] as number;
        if (previous !== 0 && previous < this.blocks) {
          this.#allowedHighs[previous] = this.#lows[parent] as number;
        }
      }
      if ((flags & LAST) !== 0) this.#highs[parent] = this.#highs[block] as number;
    }
  }

  #compare(block: number): void {
    const { findings } = this.#check;
    const flags = this.#flags[block] as number;
    const where = { inode: this.#ino, fileBlock: block };
    const low = this.#lows[block] as number;
    const high = this.#highs[block] as number;
    const hex = (value: number | undefined): string => `0x${(value ?? 0).toString(16)}`;
    if ((flags & FIRST) === 0 && low < (this.#allowedLows[block] as number)) {
      findings.add("htree_low_hash", where, hex(low), `from ${hex(this.#allowedLows[block])}`);
    }
    if (this.#kinds[block] === LEAF) {
      const depth = this.#depthOf(block);
      if (depth !== this.#depth) findings.add("htree_leaf_depth", where, depth, this.#depth);
    }
    if (block !== 0 && high > (this.#allowedHighs[block] as number)) {
      findings.add("htree_high_hash", where, hex(high), `up to ${hex(this.#allowedHighs[block])}`);
    }
    if ((flags & REFERENCED) === 0) findings.add("htree_unreferenced", where);
    else if ((flags & TWICE) !== 0) findings.add("htree_referenced_twice", where);
  }

  #depthOf(block: number): number {
    let depth = 0;
    let at = block;
    while (this.#kinds[at] !== ROOT && this.#kinds[at] !== UNSEEN && depth < MAX_DEPTH) {
      at = this.#parents[at] as number;
      depth++;
    }
    return depth;
  }
}

/** Whether a block is an inner node: one unused entry over all of it, and a node's limit. */
function isNode(view: DataView, blockBytes: number, checksums: boolean): boolean {
  return direntInode(view, 0) === 0 && direntRecLen(view, 0, blockBytes) === blockBytes &&
    direntNameLen(view, 0) === 0 &&
    htreeLimit(view, NODE_ENTRIES_OFFSET) === nodeLimit(blockBytes, checksums);
}
