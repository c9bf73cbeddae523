/**
 * The log of a journal: its blocks by number, wherever they lie on the device.
 *
 * @module
 */

import type { BlockDevice } from "../device/device.ts";
import { Corrupt } from "../errors.ts";
import type { JournalFormat } from "../layout/journal.ts";
import { decodeJournalSuperblock, type JournalSuperblock } from "../layout/journal_superblock.ts";

/** A journal that can be read and written by its own block numbers. */
export class Log {
  readonly superblock: JournalSuperblock;
  #format: JournalFormat;

  /**
   * @param device holds the journal.
   * @param diskBlocks disk block of each journal block, 0 where there is none.
   * @throws Corrupt "journal superblock"; DeviceError.
   */
  constructor(
    readonly device: BlockDevice,
    readonly blockBytes: number,
    readonly diskBlocks: Float64Array,
  ) {
    const first = new Uint8Array(blockBytes);
    this.read(0, first);
    this.superblock = decodeJournalSuperblock(first, blockBytes, diskBlocks.length);
    this.#format = this.superblock.format();
  }

  /** What the superblock's features say about the log's blocks. */
  get format(): JournalFormat {
    return this.#format;
  }

  /** The superblock's features were changed; the log must be empty. */
  featuresChanged(): void {
    this.#format = this.superblock.format();
  }

  /** Reads journal block `block` into `target`. @throws Corrupt when the journal has a hole there. */
  read(block: number, target: Uint8Array): void {
    this.device.read(target, this.#diskBlock(block) * this.blockBytes);
  }

  /** Byte offset of a journal block on the device. @throws Corrupt when the journal has a hole there. */
  offsetOf(block: number): number {
    return this.#diskBlock(block) * this.blockBytes;
  }

  /** How many journal blocks from `block` on lie one behind the other on the device, `limit` at most. */
  contiguous(block: number, limit: number): number {
    const first = this.#diskBlock(block);
    let count = 1;
    while (count < limit && this.diskBlocks[block + count] === first + count) count++;
    return count;
  }

  /** Writes the journal's superblock. */
  writeSuperblock(): void {
    this.superblock.setChecksum();
    this.device.write(this.superblock.bytes, this.#diskBlock(0) * this.blockBytes);
  }

  /** The block that follows in the log, which is a ring. */
  next(block: number): number {
    const { firstBlock, logEndBlock } = this.superblock;
    return block + 1 >= logEndBlock ? firstBlock : block + 1;
  }

  /** Blocks of the ring. */
  get ringBlocks(): number {
    return this.superblock.logEndBlock - this.superblock.firstBlock;
  }

  #diskBlock(block: number): number {
    const disk = this.diskBlocks[block] ?? 0;
    if (disk === 0) throw new Corrupt("journal", `journal block ${block}`, "is a hole");
    return disk;
  }
}
