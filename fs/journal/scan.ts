/**
 * First pass of recovery: which transactions of the log are complete (kernel documentation:
 * filesystems/ext4/journal).
 *
 * @module
 */

import { Corrupt } from "../errors.ts";
import {
  decodeCommit,
  decodeRevoke,
  JournalBlockType,
  journalBlockType,
  journalSequence,
  nextSequence,
  verifyJournalTail,
} from "../layout/journal.ts";
import { decodeDescriptor, type JournalTag, tagChecksum } from "../layout/journal_descriptor.ts";
import { crc32BigEndian } from "../layout/crc32_be.ts";
import type { Log } from "./log.ts";

/** A block that the log holds a copy of. */
export interface LoggedBlock {
  readonly tag: JournalTag;
  /** Journal block of the copy. */
  readonly journalBlock: number;
}

/** One complete transaction. */
export interface LoggedTransaction {
  readonly sequence: number;
  readonly blocks: LoggedBlock[];
  /** Disk blocks whose earlier copies must not be replayed. */
  readonly revoked: number[];
}

/** What the log holds. */
export interface ScannedLog {
  readonly transactions: readonly LoggedTransaction[];
  /** The first transaction number that is not complete in the log. */
  readonly endSequence: number;
  /** The journal block behind the last complete transaction, and blocks of the ring that are not part of any. */
  readonly endBlock: number;
  readonly freeBlocks: number;
}

/**
 * Walks the log from s_start until a block is not the one expected.
 * @throws Corrupt when a complete transaction holds a block whose checksum is wrong; DeviceError.
 */
export function scanLog(log: Log): ScannedLog {
  return new Scanner(log).run();
}

class Scanner {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #transactions: LoggedTransaction[] = [];
  #sequence: number;
  #at: number;
  /** Blocks of the ring not yet walked: the walk cannot go round. */
  #left: number;
  #endBlock: number;
  #freeBlocks: number;
  #blocks: LoggedBlock[] = [];
  #revoked: number[] = [];
  /** Running CRC-32 over the transaction (journals with COMPAT_CHECKSUM). */
  #crc = 0xffffffff;

  constructor(readonly log: Log) {
    this.#bytes = new Uint8Array(log.blockBytes);
    this.#view = new DataView(this.#bytes.buffer);
    this.#sequence = log.superblock.sequence;
    this.#at = log.superblock.startBlock;
    this.#left = log.ringBlocks;
    this.#endBlock = this.#at;
    this.#freeBlocks = this.#left;
  }

  run(): ScannedLog {
    const steps: Readonly<Record<number, () => boolean>> = {
      [JournalBlockType.DESCRIPTOR]: () => this.#descriptor(),
      [JournalBlockType.REVOKE]: () => this.#revoke(),
      [JournalBlockType.COMMIT]: () => this.#commit(),
    };
    while (this.#at !== 0 && this.#left > 0) {
      this.log.read(this.#at, this.#bytes);
      const step = steps[journalBlockType(this.#view)];
      if (step === undefined || journalSequence(this.#view) !== this.#sequence) break;
      if (!step()) break;
    }
    return {
      transactions: this.#transactions,
      endSequence: this.#sequence,
      endBlock: this.#endBlock,
      freeBlocks: this.#freeBlocks,
    };
  }

  #advance(): number {
    const block = this.#at;
    this.#at = this.log.next(block);
    this.#left--;
    return block;
  }

  #descriptor(): boolean {
    const { format } = this.log;
    // A stale block from an earlier round can look like this one: it ends the log.
    if (!verifyJournalTail(this.#bytes, this.#view, format)) return false;
    const tags = decodeDescriptor(this.#bytes, this.#view, format, this.#at);
    if (tags.length >= this.#left) return false;
    this.#addToCrc();
    this.#advance();
    for (const tag of tags) {
      const journalBlock = this.#advance();
      this.#blocks.push({ tag, journalBlock });
      if (this.log.superblock.hasTransactionChecksums) {
        this.log.read(journalBlock, this.#bytes);
        this.#addToCrc();
      }
    }
    return true;
  }

  #revoke(): boolean {
    const { format } = this.log;
    if (!verifyJournalTail(this.#bytes, this.#view, format)) return false;
    const blocks = decodeRevoke(this.#bytes, this.#view, format, this.#at);
    for (const block of blocks) this.#revoked.push(block);
    this.#advance();
    return true;
  }

  #commit(): boolean {
    const commit = decodeCommit(this.#bytes, this.#view, this.log.format);
    if (commit === undefined) return false;
    const { transactionChecksum } = commit;
    if (transactionChecksum !== undefined && transactionChecksum !== this.#crc >>> 0) return false;
    this.#advance();
    this.#verifyCopies();
    this.#transactions.push({
      sequence: this.#sequence,
      blocks: this.#blocks,
      revoked: this.#revoked,
    });
    this.#blocks = [];
    this.#revoked = [];
    this.#crc = 0xffffffff;
    this.#endBlock = this.#at;
    this.#freeBlocks = this.#left;
    this.#sequence = nextSequence(this.#sequence);
    return true;
  }

  #addToCrc(): void {
    if (this.log.superblock.hasTransactionChecksums) {
      this.#crc = crc32BigEndian(this.#crc, this.#bytes);
    }
  }

  /** Checks the copies of a transaction whose commit block is there. */
  #verifyCopies(): void {
    const { format } = this.log;
    if (format.checksums === 0) return;
    for (const { tag, journalBlock } of this.#blocks) {
      this.log.read(journalBlock, this.#bytes);
      if (tagChecksum(format, this.#sequence, this.#bytes) !== tag.checksum) {
        throw new Corrupt(
          "journal",
          `transaction ${this.#sequence}, journal block ${journalBlock}`,
          `the copy of block ${tag.diskBlock} has a wrong checksum`,
        );
      }
    }
  }
}
