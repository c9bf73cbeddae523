/**
 * The journal: transactions go into the log first and to their places later (jbd2; kernel documentation:
 * filesystems/ext4/journal).
 *
 * A transaction is stored in these steps, each after the one before: its blocks, with zeros for the last; a
 * flush, which also makes the file data durable that was written before; the commit block; a flush. From then
 * on a replay brings it back whatever happens. Its blocks are brought to their places when the log fills up or
 * the file system is closed (`checkpoint.ts`); until then they are read out of the log.
 *
 * @module
 */

import type { Buffer } from "../device/cache.ts";
import type { BlockDevice } from "../device/device.ts";
import { Corrupt } from "../errors.ts";
import { nextSequence } from "../layout/journal.ts";
import { Checkpoint } from "./checkpoint.ts";
import type { Log } from "./log.ts";
import { LogRing } from "./log_ring.ts";
import { LoggedBlocks, StoredTransaction } from "./logged_blocks.ts";
import { Staging, type StagingArea } from "./staging.ts";
import type { CommitDone, CommitStore } from "./transaction.ts";
import type { WriteQueue } from "./write_queue.ts";
import { transactionBlocks, TransactionWriter } from "./write_transaction.ts";

/** The largest transaction, bytes. */
const MAX_TRANSACTION_BYTES = 8 << 20;
/** Fewer blocks than this in the log's ring, and an operation of the largest kind would not fit. */
const MIN_RING_BLOCKS = 512;

/** What a journal needs to know. */
export interface JournalOptions {
  /** Of the file system, where copies are brought home. */
  readonly device: BlockDevice;
  readonly queue: WriteQueue;
  /** File content written so far is made durable before the commit block. */
  readonly ordered: boolean;
  /** What must be durable first is flushed first; without, only durable commits flush, at their end. */
  readonly barriers: boolean;
  /** Fills in the time of day. */
  readonly clock: { read(): void; seconds: number; nanoseconds: number };
}

/** Counters for status displays. */
export interface JournalCounters {
  /** Transactions written to the log. */
  commits: number;
  /** Blocks written to the log. */
  logBlocks: number;
}

/** Stores transactions in the log. */
export class JournalStore implements CommitStore {
  readonly capacityBlocks: number;
  readonly background: boolean;
  readonly counters: JournalCounters = { commits: 0, logBlocks: 0 };
  readonly blocks: LoggedBlocks;
  /** Content is written that transactions rely on, as copies for snapshots are: ordered, whatever the options say. */
  contentMatters = false;
  readonly #ring: LogRing;
  readonly #checkpoint: Checkpoint;
  readonly #staging = new Staging();
  /** In the log, the oldest first. */
  readonly #stored: StoredTransaction[] = [];
  #sequence: number;
  #revoked = new Set<number>();
  #underWay = 0;
  /** s_start is set: the log is not empty as far as the device knows. */
  #started = false;
  /** Why the journal was given up. */
  #aborted: Error | null = null;

  /**
   * @param log empty: whatever it held was replayed.
   * @throws Corrupt when it is too small.
   */
  constructor(readonly log: Log, readonly options: JournalOptions) {
    this.#ring = new LogRing(log.superblock);
    if (this.#ring.totalBlocks < MIN_RING_BLOCKS) {
      const found = `a log of ${this.#ring.totalBlocks} blocks is too small`;
      throw new Corrupt("journal superblock", "journal block 0", found);
    }
    this.#sequence = log.superblock.sequence;
    this.background = options.queue.background;
    this.blocks = new LoggedBlocks(log);
    const largest = Math.floor(MAX_TRANSACTION_BYTES / log.blockBytes);
    this.capacityBlocks = Math.min(largest, this.#ring.totalBlocks >> 2);
    this.#checkpoint = new Checkpoint({
      device: options.device,
      queue: options.queue,
      log,
      ring: this.#ring,
      blocks: this.blocks,
      stored: this.#stored,
      nextSequence: () => this.#sequence,
      failed: (error) => this.abort(error),
    });
  }

  get underWay(): number {
    return this.#underWay;
  }

  /** Why the journal was given up; null while it works. */
  get aborted(): Error | null {
    return this.#aborted;
  }

  /** Blocks of the log in use, of how many. */
  get usage(): { readonly usedBlocks: number; readonly totalBlocks: number } {
    const { usedBlocks, totalBlocks } = this.#ring;
    return { usedBlocks, totalBlocks };
  }

  /** A freed block needs a record only if a replay could bring something of it back. */
  revoke(block: number, count: number): void {
    for (let i = 0; i < count; i++) {
      if (this.blocks.has(block + i)) this.#revoked.add(block + i);
    }
  }

  commit(buffers: readonly Buffer[], durable: boolean, done: CommitDone): void {
    if (this.#aborted !== null) return done(this.#aborted);
    if (buffers.length === 0 && this.#revoked.size === 0) return this.#flushOnly(durable, done);
    for (const buffer of buffers) this.#revoked.delete(buffer.block);
    const revoked = [...this.#revoked];
    this.#revoked.clear();
    const { format } = this.log;
    const needed = transactionBlocks(format, buffers.length, revoked.length);
    this.#makeRoom(needed);
    if (this.#aborted !== null) return done(this.#aborted);
    this.#start();
    const start = this.#ring.take(needed);
    const transaction = new StoredTransaction(this.#sequence, start, needed, revoked);
    this.#sequence = nextSequence(this.#sequence);
    this.#stored.push(transaction);
    const area = this.#staging.take((needed + 1) * this.log.blockBytes);
    this.#stage(transaction, buffers, area);
    this.#write(transaction, area, durable);
    this.#underWay++;
    this.options.queue.mark((error) => {
      this.#underWay--;
      if (error !== null) this.abort(error);
      // A replay ends at the first transaction that is not whole: those behind it are lost with it.
      if (this.#aborted !== null) return done(this.#aborted);
      this.blocks.commit(transaction);
      this.#staging.give(area);
      done(null);
      if (this.#aborted === null) this.#checkpoint.goOn();
    });
  }

  #flushOnly(durable: boolean, done: CommitDone): void {
    if (!durable) return done(null);
    const { queue, device } = this.options;
    this.#underWay++;
    queue.flush(device);
    queue.mark((error) => {
      this.#underWay--;
      // The host tells of lost writes once: the next flush would let the tail pass blocks that are not at home.
      if (error !== null) this.abort(error);
      // What was under way before may have failed.
      done(this.#aborted);
    });
  }

  /** Makes it known on the device that the log is in use. */
  #start(): void {
    if (this.#started) return;
    this.#started = true;
    this.#checkpoint.begin({ block: this.#ring.head, sequence: this.#sequence });
  }

  #stage(
    transaction: StoredTransaction,
    buffers: readonly Buffer[],
    area: StagingArea,
  ): void {
    const { log, options: { clock } } = this;
    const { uuid } = log.superblock;
    const writer = new TransactionWriter(log.format, uuid, transaction.sequence, area);
    writer.revokes(transaction.revoked);
    writer.copies(buffers, (buffer, index, escaped, staged) => {
      const journalBlock = this.#ring.after(transaction.startBlock, index);
      this.blocks.add(buffer.block, transaction, journalBlock, escaped, staged);
    });
    writer.blank();
    clock.read();
    writer.commit(clock.seconds, clock.nanoseconds);
  }

  #write(transaction: StoredTransaction, area: StagingArea, durable: boolean): void {
    const { barriers } = this.options;
    const ordered = this.options.ordered || this.contentMatters;
    const { startBlock, journalBlocks } = transaction;
    const through = barriers && !ordered && !durable;
    // With zeros in the commit block's place: then only its first sector changes in the end, so storage that
    // tears blocks leaves all of it or none of it.
    this.#writeRuns(startBlock, journalBlocks, area, 0, through);
    if (barriers && !through) this.#flushAll();
    const lastBlock = this.#ring.after(startBlock, journalBlocks - 1);
    this.#writeRuns(lastBlock, 1, area, journalBlocks, through);
    if (barriers ? !through : durable) this.#flushAll();
    this.counters.commits++;
    this.counters.logBlocks += journalBlocks;
  }

  #flushAll(): void {
    const { log, options: { queue, device } } = this;
    queue.flush(device);
    if (log.device !== device) queue.flush(log.device);
  }

  /** Writes `count` staged blocks, from the one at `index` on, to the log from `block` on. */
  #writeRuns(
    block: number,
    count: number,
    area: StagingArea,
    index: number,
    through: boolean,
  ): void {
    const { log, options: { queue } } = this;
    for (let done = 0; done < count;) {
      const at = this.#ring.after(block, done);
      const run = log.contiguous(at, Math.min(count - done, this.#ring.endBlock - at));
      const from = (index + done) * log.blockBytes;
      const bytes = area.bytes.subarray(from, from + run * log.blockBytes);
      if (through) queue.writeThrough(log.device, bytes, log.offsetOf(at));
      else queue.write(log.device, bytes, log.offsetOf(at));
      done += run;
    }
  }

  /** Waits until the log has room for a transaction of `needed` blocks. */
  #makeRoom(needed: number): void {
    if (needed > this.#ring.totalBlocks - 1) {
      throw new Error(`a transaction of ${needed} blocks does not fit into the journal`);
    }
    while (this.#ring.freeBlocks < needed && this.#aborted === null) {
      this.options.queue.drain();
      if (this.#ring.freeBlocks < needed) this.#empty();
    }
  }

  /** One step towards an empty log, waited for. */
  #empty(): void {
    if (this.#aborted !== null) return;
    const { usedBlocks } = this.#ring;
    const { broughtHome } = this.#checkpoint;
    this.#checkpoint.advance(true);
    this.options.queue.drain();
    const stuck = usedBlocks === this.#ring.usedBlocks &&
      broughtHome === this.#checkpoint.broughtHome;
    if (stuck) this.abort(new Error("the journal's log cannot be emptied"));
  }

  drain(): void {
    this.options.queue.drain();
  }

  /**
   * Brings everything that was committed home: the log's copies count no more.
   * @throws what went wrong.
   */
  bringHome(): void {
    this.drain();
    while (this.#aborted === null && this.#stored.length > 0) this.#empty();
    if (this.#aborted !== null) throw this.#aborted;
  }

  /**
   * Brings everything home and marks the log as empty, durably. Nothing may be under way or pending.
   * @throws what went wrong.
   */
  close(): void {
    this.bringHome();
    if (!this.#started) return;
    const { superblock } = this.log;
    if (superblock.isVersion2) superblock.headBlock = this.#ring.head;
    this.#started = false;
    let failure: Error | null = null;
    this.#checkpoint.begin({ block: 0, sequence: this.#sequence });
    this.options.queue.mark((error) => failure = error);
    this.drain();
    if (failure !== null) throw failure;
  }

  /**
   * Gives the journal up: nothing more is written but the reason, so that whoever recovers the file system
   * finds the last state that was committed.
   */
  abort(error: Error): void {
    if (this.#aborted !== null) return;
    this.#aborted = error;
    const errno = "errno" in error && typeof error.errno === "number" ? error.errno : 5;
    this.log.superblock.error = -errno;
    this.#checkpoint.rewriteSuperblock();
    // What fails here failed already; the caller is told of the first error.
    this.options.queue.mark(() => {});
  }

  /** Gives the journal up without a word to the device: it is another host's now. */
  abandon(error: Error): void {
    this.#aborted ??= error;
  }
}
