/**
 * Reading single inodes by number, outside the scan.
 *
 * @module
 */

import type { CheckContext } from "./context.ts";
import { RawInode } from "./raw_inode.ts";

/** Reads one inode at a time: what `read` returned is overwritten by the next. */
export class InodeReader {
  readonly #check: CheckContext;
  readonly #block: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;
  readonly #raw: RawInode;
  #loaded = -1;

  constructor(check: CheckContext) {
    this.#check = check;
    this.#block = check.reader.buffer();
    this.#view = new DataView(this.#block.buffer);
    this.#raw = new RawInode(check.geometry.inodeBytes);
  }

  /** @returns undefined when there is no such inode, or it cannot be read. */
  read(ino: number): RawInode | undefined {
    const { geometry, groups, reader } = this.#check;
    if (ino < 1 || ino > geometry.inodesCount) return undefined;
    const group = geometry.groupOfInode(ino);
    if (groups.tableUnusable[group] !== 0) return undefined;
    const index = (ino - 1) % geometry.inodesPerGroup;
    const { inodesPerBlock } = geometry;
    const block = (groups.inodeTable[group] as number) + Math.floor(index / inodesPerBlock);
    if (block !== this.#loaded) {
      this.#loaded = -1;
      if (!reader.read(block, this.#block)) return undefined;
      this.#loaded = block;
    }
    const offset = (index % inodesPerBlock) * geometry.inodeBytes;
    this.#raw.set(ino, this.#block, this.#view, offset);
    return this.#raw;
  }
}
