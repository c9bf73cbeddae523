/** A log in memory, written block by block, for the tests of recovery. @module */

import { MemoryDevice } from "../device/memory.ts";
import {
  encodeCommit,
  encodeRevoke,
  JOURNAL_MAGIC,
  type JournalFormat,
  JournalIncompat,
} from "../layout/journal.ts";
import { encodeDescriptor, type JournalTag, tagChecksum } from "../layout/journal_descriptor.ts";
import { newJournalSuperblock } from "../layout/journal_superblock.ts";
import { Log } from "./log.ts";

export const BLOCK_BYTES = 1024;
export const JOURNAL_BLOCKS = 1024;
/** The journal lies behind a file system of this many blocks. */
export const FILE_SYSTEM_BLOCKS = 2000;

/** A block full of one byte. */
export function blockOf(byte: number): Uint8Array {
  return new Uint8Array(BLOCK_BYTES).fill(byte);
}

/** Writes transactions into a log. */
export class LogWriter {
  readonly device = new MemoryDevice((FILE_SYSTEM_BLOCKS + JOURNAL_BLOCKS) * BLOCK_BYTES);
  readonly diskBlocks = Float64Array.from(
    { length: JOURNAL_BLOCKS },
    (_, block) => FILE_SYSTEM_BLOCKS + block,
  );
  readonly log: Log;
  readonly format: JournalFormat;
  sequence = 7;
  at: number;
  readonly #bytes = new Uint8Array(BLOCK_BYTES);
  readonly #view = new DataView(this.#bytes.buffer);

  /** @param start journal block of the first transaction. */
  constructor(checksums: 0 | 2 | 3, is64bit: boolean, start = 1) {
    const superblock = newJournalSuperblock({
      blockBytes: BLOCK_BYTES,
      totalBlocks: JOURNAL_BLOCKS,
      firstBlock: 1,
      fastCommitBlocks: 0,
      uuid: blockOf(9).subarray(0, 16),
    });
    superblock.featureIncompat = JournalIncompat.REVOKE |
      (is64bit ? JournalIncompat.BIT64 : 0);
    superblock.setChecksums(checksums);
    superblock.startBlock = start;
    superblock.sequence = this.sequence;
    superblock.setChecksum();
    this.device.write(superblock.bytes, FILE_SYSTEM_BLOCKS * BLOCK_BYTES);
    this.log = new Log(this.device, BLOCK_BYTES, this.diskBlocks);
    this.format = superblock.format();
    this.at = start;
  }

  /** Writes copies of blocks, by disk block. */
  copies(blocks: ReadonlyMap<number, Uint8Array>): void {
    const stored = [...blocks].map(([diskBlock, content]) => this.#copy(diskBlock, content));
    const tags = stored.map(({ tag }) => tag);
    encodeDescriptor(
      this.#bytes,
      this.#view,
      this.format,
      this.sequence,
      this.log.superblock.uuid,
      tags,
      0,
    );
    this.write(this.#bytes);
    for (const { content } of stored) this.write(content);
  }

  revokes(blocks: readonly number[]): void {
    encodeRevoke(this.#bytes, this.#view, this.format, this.sequence, blocks, 0);
    this.write(this.#bytes);
  }

  commit(): void {
    encodeCommit(this.#bytes, this.#view, this.format, {
      sequence: this.sequence++,
      seconds: 1,
      nanoseconds: 2,
      transactionChecksum: undefined,
    });
    this.write(this.#bytes);
  }

  /** Writes the next journal block as it is. */
  write(bytes: Uint8Array): void {
    this.device.write(bytes, (FILE_SYSTEM_BLOCKS + this.at) * BLOCK_BYTES);
    this.at = this.log.next(this.at);
  }

  #copy(diskBlock: number, original: Uint8Array): { tag: JournalTag; content: Uint8Array } {
    const content = original.slice();
    const view = new DataView(content.buffer);
    const escaped = view.getUint32(0) === JOURNAL_MAGIC;
    if (escaped) view.setUint32(0, 0);
    const checksum = tagChecksum(this.format, this.sequence, content);
    return { tag: { diskBlock, escaped, checksum }, content };
  }
}
