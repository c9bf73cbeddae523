/**
 * Transactions: every change of metadata is made under a handle of the running transaction.
 *
 * An operation calls `begin`, changes buffers and tells of each by `Handle.dirty`, and ends the
 * handle. The running transaction is committed as a whole: participants write what they keep decoded
 * in memory (inodes, group descriptors, the superblock) into its buffers, every buffer is sealed
 * (checksums), and a `CommitStore` makes it durable. Handles do not nest and one operation is at work
 * at a time, so a commit never sees half an operation.
 *
 * @module
 */

import type { Buffer, BufferCache, Sealer } from "../device/cache.ts";
import { EROFS } from "../errno.ts";
import { FsError } from "../errors.ts";

/** Has state in memory that must reach the transaction's buffers before they are sealed. */
export interface Participant {
  /** Dirties buffers through `handle`. Called in the order of registration, once per commit. */
  beforeSeal(handle: Handle): void;
  /** Blocks that `beforeSeal` will dirty beyond those that are dirty already, at most; none when left out. */
  readonly pendingBlocks?: number;
  /** Called when the transaction is safely stored. */
  afterCommit?(): void;
}

/** Where a sealed transaction goes. */
export interface CommitStore {
  /** Blocks that one transaction may hold. */
  readonly capacityBlocks: number;
  /**
   * Stores the blocks as one transaction. When it returns with `durable`, a crash does not lose it.
   * @param buffers sealed, each block once, in no order.
   */
  commit(buffers: readonly Buffer[], durable: boolean): void;
  /** Metadata blocks that were freed in the transaction being built (the journal must revoke them). */
  revoke(block: number, count: number): void;
}

/** Leave to change metadata, for one operation. */
export class Handle {
  #open = false;

  constructor(readonly transactions: Transactions) {}

  /** Marks a buffer as changed. @param sealer what finishes it at commit, null for nothing. */
  dirty(buffer: Buffer, sealer: Sealer | null = null, seed = 0): void {
    buffer.sealer = sealer;
    buffer.sealSeed = seed;
    if (buffer.dirty) return;
    buffer.dirty = true;
    this.transactions.add(buffer);
  }

  /** Tells that `count` metadata blocks from `block` on are free: their buffers are dropped. */
  forget(block: number, count: number): void {
    this.transactions.forget(block, count);
  }

  get isOpen(): boolean {
    return this.#open;
  }
  /** For `Transactions` only. */
  setOpen(open: boolean): void {
    this.#open = open;
  }

  /** Ends the operation. */
  end(): void {
    this.transactions.end();
  }
}

/** Counters for status displays. */
export interface TransactionCounters {
  commits: number;
  blocksWritten: number;
}

/** The running transaction and its commits. */
export class Transactions {
  readonly counters: TransactionCounters = { commits: 0, blocksWritten: 0 };
  readonly #handle: Handle;
  readonly #participants: Participant[] = [];
  #buffers: Buffer[] = [];
  #changed = false;
  /** Why nothing may be changed any more; empty while changing is allowed. */
  #stopped = "";

  constructor(readonly cache: BufferCache, readonly store: CommitStore) {
    this.#handle = new Handle(this);
  }

  register(participant: Participant): void {
    this.#participants.push(participant);
  }

  /** Refuses all further handles with EROFS; what is not committed is never written. */
  stop(reason: string): void {
    if (this.#stopped === "") this.#stopped = reason;
  }
  get stopped(): string {
    return this.#stopped;
  }

  /** Whether the running transaction holds anything. */
  get pending(): boolean {
    return this.#changed;
  }
  /** Dirty buffers in the running transaction. */
  get pendingBlocks(): number {
    return this.#buffers.length;
  }

  /**
   * Starts an operation that changes at most `credits` blocks. Commits the running transaction first when
   * the operation would not fit into it.
   * @throws FsError EROFS after `stop`.
   */
  begin(credits: number): Handle {
    if (this.#stopped !== "") throw new FsError(EROFS, `read-only: ${this.#stopped}`);
    if (this.#handle.isOpen) throw new Error("a transaction handle is open already");
    if (this.#changed && this.#blocksSoFar() + credits > this.store.capacityBlocks) {
      this.commit(false);
    }
    this.#handle.setOpen(true);
    this.#changed = true;
    return this.#handle;
  }

  /** Blocks of the running transaction, with those that only sealing will dirty. */
  #blocksSoFar(): number {
    let blocks = this.#buffers.length;
    for (const participant of this.#participants) blocks += participant.pendingBlocks ?? 0;
    return blocks;
  }

  /** For `Handle.end`. */
  end(): void {
    this.#handle.setOpen(false);
    this.cache.trim();
  }

  /** For `Handle.dirty`. */
  add(buffer: Buffer): void {
    this.#buffers.push(buffer);
  }

  /** For `Handle.forget`. */
  forget(block: number, count: number): void {
    this.cache.forget(block, count);
    this.store.revoke(block, count);
  }

  /**
   * Seals and stores the running transaction.
   * @param durable wait until it, and all data written before it, is on stable storage.
   */
  commit(durable: boolean): void {
    if (this.#handle.isOpen) throw new Error("commit within an operation");
    if (this.#stopped !== "") return;
    if (this.#changed) this.#seal();
    const buffers = this.#buffers;
    if (buffers.length > 0 || durable) this.store.commit(buffers, durable);
    if (!this.#changed) return;
    for (const buffer of buffers) buffer.dirty = false;
    this.counters.commits++;
    this.counters.blocksWritten += buffers.length;
    this.#buffers = [];
    this.#changed = false;
    for (const participant of this.#participants) participant.afterCommit?.();
    this.cache.trim();
  }

  #seal(): void {
    this.#handle.setOpen(true);
    try {
      for (const participant of this.#participants) participant.beforeSeal(this.#handle);
    } finally {
      this.#handle.setOpen(false);
    }
    // A block that was freed and then used again as metadata has two buffers here: only the live one counts.
    this.#buffers = this.#buffers.filter((buffer) =>
      buffer.dirty && this.cache.peek(buffer.block) === buffer
    );
    for (const buffer of this.#buffers) buffer.sealer?.seal(buffer, buffer.sealSeed);
  }
}
