/**
 * The directories that the scan of the inodes finds, with the runs of their blocks.
 *
 * @module
 */

import { GrowingNumbers } from "./growing_numbers.ts";
import { PagedNumbers } from "./paged_numbers.ts";

/** Bits of what is kept of a directory. */
export const DirectoryFlag = { INLINE: 1, INDEXED: 2, CASEFOLD: 4, ENCRYPTED: 8 } as const;

/** Consecutive blocks of a directory that lie side by side on the disk. */
export interface BlockRun {
  fileBlock: number;
  diskBlock: number;
  blocks: number;
}

/** Directories by index, in the order of the scan. */
export class DirectoryList {
  readonly #inodes = new GrowingNumbers();
  readonly #flags = new GrowingNumbers();
  readonly #seeds = new GrowingNumbers();
  readonly #lastBlocks = new GrowingNumbers();
  readonly #firstRuns = new GrowingNumbers();
  readonly #runFileBlocks = new GrowingNumbers();
  readonly #runDiskBlocks = new GrowingNumbers();
  readonly #runBlocks = new GrowingNumbers();
  /** Inode of the parent, as the parent's entry says; 0 while none was seen. */
  readonly parents = new PagedNumbers();
  /** Inode that ".." names. */
  readonly dotDots = new PagedNumbers();

  get count(): number {
    return this.#inodes.length;
  }

  /** Starts a directory; its runs follow. @param seed of its own checksums. */
  begin(ino: number, flags: number, seed: number): void {
    this.#inodes.push(ino);
    this.#flags.push(flags);
    this.#seeds.push(seed);
    this.#lastBlocks.push(-1);
    this.#firstRuns.push(this.#runBlocks.length);
  }

  /** Adds blocks to the directory begun last. */
  addRun(fileBlock: number, diskBlock: number, blocks: number): void {
    const last = this.#runBlocks.length - 1;
    const own = last >= this.#firstRuns.at(this.count - 1);
    if (own) {
      const length = this.#runBlocks.at(last);
      const follows = this.#runFileBlocks.at(last) + length === fileBlock &&
        this.#runDiskBlocks.at(last) + length === diskBlock;
      if (follows) {
        this.#runBlocks.setAt(last, length + blocks);
        return;
      }
    }
    this.#runFileBlocks.push(fileBlock);
    this.#runDiskBlocks.push(diskBlock);
    this.#runBlocks.push(blocks);
  }

  /** Sets the last file block of the directory begun last, and that it is indexed. */
  finish(lastBlock: number, indexed: boolean): void {
    const index = this.count - 1;
    this.#lastBlocks.setAt(index, lastBlock);
    if (indexed) this.#flags.setAt(index, this.#flags.at(index) | DirectoryFlag.INDEXED);
  }

  inode(index: number): number {
    return this.#inodes.at(index);
  }
  flags(index: number): number {
    return this.#flags.at(index);
  }
  seed(index: number): number {
    return this.#seeds.at(index);
  }
  /** -1 for a directory without blocks. */
  lastBlock(index: number): number {
    return this.#lastBlocks.at(index);
  }

  /** The runs, in the order in which they were found. */
  *runs(index: number): Generator<BlockRun> {
    const end = index + 1 < this.count ? this.#firstRuns.at(index + 1) : this.#runBlocks.length;
    for (let run = this.#firstRuns.at(index); run < end; run++) {
      yield {
        fileBlock: this.#runFileBlocks.at(run),
        diskBlock: this.#runDiskBlocks.at(run),
        blocks: this.#runBlocks.at(run),
      };
    }
  }
}
