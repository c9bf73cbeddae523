/**
 * Which blocks the log holds copies of, and which of these copies are not yet in their places.
 *
 * @module
 */

import { JOURNAL_MAGIC } from "../layout/journal.ts";
import type { Log } from "./log.ts";

/** A transaction in the log, from its handing over until the log's tail has passed it. */
export class StoredTransaction {
  /** Disk blocks that it holds copies of. */
  readonly blocks: number[] = [];
  /** Copies that count and are not in their places: the log's tail must not pass them. */
  needed = 0;
  /** The commit block is durable. */
  committed = false;

  constructor(
    readonly sequence: number,
    /** Journal block of its first block. */
    readonly startBlock: number,
    /** Journal blocks that it takes. */
    readonly journalBlocks: number,
    /** Disk blocks whose earlier copies it revokes. */
    readonly revoked: readonly number[],
  ) {}
}

/** The newest copy of one block. */
class LoggedCopy {
  /** The block is in its place as this copy has it; the copy is of no use but to a replay. */
  home = false;

  constructor(
    readonly transaction: StoredTransaction,
    readonly journalBlock: number,
    /** The copy begins with zeros in place of the journal's magic number. */
    readonly escaped: boolean,
    /** The copy as it is being written to the log; null when it can be read there. */
    public staged: Uint8Array | null,
    /** The copy that counts if this one's transaction does not get committed. */
    public older: LoggedCopy | undefined,
  ) {}
}

/** Copies in the log by the disk block that they belong to. */
export class LoggedBlocks {
  readonly #copies = new Map<number, LoggedCopy>();

  /** @param log where copies are read. */
  constructor(readonly log: Log) {}

  /** Whether a replay of the log could write to the block. */
  has(diskBlock: number): boolean {
    return this.#copies.has(diskBlock);
  }

  /** Notes a copy that is about to be written to the log. */
  add(
    diskBlock: number,
    transaction: StoredTransaction,
    journalBlock: number,
    escaped: boolean,
    staged: Uint8Array,
  ): void {
    const older = this.#copies.get(diskBlock);
    this.#copies.set(
      diskBlock,
      new LoggedCopy(transaction, journalBlock, escaped, staged, older),
    );
    transaction.blocks.push(diskBlock);
    transaction.needed++;
  }

  /**
   * A transaction is in the log for good: its copies take the place of older ones, and what it revokes has
   * no copy any more. To be called in the order of the transactions.
   */
  commit(transaction: StoredTransaction): void {
    transaction.committed = true;
    for (const diskBlock of transaction.blocks) {
      let copy = this.#copies.get(diskBlock);
      while (copy !== undefined && copy.transaction !== transaction) copy = copy.older;
      if (copy === undefined) continue;
      copy.staged = null;
      if (copy.older !== undefined) this.#drop(copy.older);
      copy.older = undefined;
    }
    for (const diskBlock of transaction.revoked) {
      const copy = this.#copies.get(diskBlock);
      if (copy === undefined || !copy.transaction.committed) continue;
      if (copy.transaction === transaction) continue;
      this.#drop(copy);
      this.#copies.delete(diskBlock);
    }
  }

  #drop(copy: LoggedCopy): void {
    if (!copy.home) copy.transaction.needed--;
    copy.home = true;
  }

  /** Whether the block waits to be brought home from `transaction`'s copy. */
  waitsIn(diskBlock: number, transaction: StoredTransaction): boolean {
    const copy = this.#copies.get(diskBlock);
    return copy !== undefined && copy.transaction === transaction && !copy.home;
  }

  /** The block is in its place as `transaction` left it. */
  broughtHome(diskBlock: number, transaction: StoredTransaction): void {
    let copy = this.#copies.get(diskBlock);
    while (copy !== undefined && copy.transaction !== transaction) copy = copy.older;
    if (copy !== undefined) this.#drop(copy);
  }

  /** The log's tail has passed the transaction: nothing replays its copies. */
  forget(transaction: StoredTransaction): void {
    for (const diskBlock of transaction.blocks) {
      const copy = this.#copies.get(diskBlock);
      if (copy === undefined) continue;
      if (copy.transaction === transaction) this.#copies.delete(diskBlock);
      else if (copy.older?.transaction === transaction) copy.older = undefined;
    }
  }

  /**
   * Fills `target` with the newest content of the block if that is not in its place.
   * @returns false when the block's place on the device has it.
   * @throws DeviceError
   */
  read(diskBlock: number, target: Uint8Array): boolean {
    const copy = this.#copies.get(diskBlock);
    if (copy === undefined || copy.home) return false;
    if (copy.staged !== null) target.set(copy.staged);
    else this.log.read(copy.journalBlock, target);
    if (copy.escaped) {
      new DataView(target.buffer, target.byteOffset, 4).setUint32(0, JOURNAL_MAGIC);
    }
    return true;
  }
}
