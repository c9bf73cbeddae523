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

/** Told that a commit is stored, with null, or why it is not. */
export type CommitDone = (error: Error | null) => void;

/** Where a sealed transaction goes. */
export interface CommitStore {
  /** Blocks that one transaction may hold. */
  readonly capacityBlocks: number;
  /** Whether commits go on in the background: `done` comes later, and the caller need not wait. */
  readonly background: boolean;
  /** Commits that were handed over and are not done. */
  readonly underWay: number;
  /**
   * Stores the blocks as one transaction, after everything written to the device so far. The buffers may
   * be changed again as soon as this returns.
   * @param buffers sealed, each block once, in no order; none to make durable what was written.
   * @param durable `done` may come only when a crash does not lose the transaction any more.
   * @param done called once, perhaps before this returns, in the order of the commits.
   * @throws DeviceError from stores without a journal: nothing counts as stored then.
   */
  commit(buffers: readonly Buffer[], durable: boolean, done: CommitDone): void;
  /** Metadata blocks that were freed in the transaction being built (the journal must revoke them). */
  revoke(block: number, count: number): void;
  /** Returns once every `done` was called. */
  drain(): void;
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

  /** Told when a commit could not be stored. Its changes are in memory only; `stop` keeps them there. */
  onFailure: (error: Error) => void = (error) => this.stop(error.message);
  #store: CommitStore;

  constructor(readonly cache: BufferCache, store: CommitStore) {
    this.#handle = new Handle(this);
    this.#store = store;
  }

  get store(): CommitStore {
    return this.#store;
  }

  /** Lets commits go elsewhere from now on. Only while nothing is pending. */
  useStore(store: CommitStore): void {
    if (this.#changed) throw new Error("the store changes while a transaction runs");
    this.#store = store;
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
  /** The running transaction's buffers, in the order in which they were changed; some may have been dropped since. */
  get buffers(): readonly Buffer[] {
    return this.#buffers;
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
      this.#makeRoom();
    }
    this.#handle.setOpen(true);
    this.#changed = true;
    return this.#handle;
  }

  /** Lets the running transaction go while another begins; one that is still being stored is waited for. */
  #makeRoom(): void {
    if (!this.store.background) return this.commit(false);
    if (this.store.underWay > 0) this.store.drain();
    if (this.#stopped === "") this.start(false);
    if (this.#stopped !== "") throw new FsError(EROFS, `read-only: ${this.#stopped}`);
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
   * Seals and stores the running transaction, and waits until it and those before it are stored.
   * @param durable wait until it, and all data written before it, is on stable storage.
   * @throws DeviceError or what else kept it from being stored; FsError EROFS after `stop`.
   */
  commit(durable: boolean): void {
    let failure: Error | null = null;
    this.start(durable, (error) => failure = error);
    this.store.drain();
    if (failure !== null) throw failure;
  }

  /**
   * Seals the running transaction and hands it to the store.
   * @param done told when it is stored, and what kept it from that; perhaps before this returns.
   * @throws DeviceError from a store without a journal; the transaction goes on running then.
   */
  start(durable: boolean, done?: CommitDone): void {
    if (this.#handle.isOpen) throw new Error("commit within an operation");
    if (this.#stopped !== "") {
      done?.(durable ? new FsError(EROFS, `read-only: ${this.#stopped}`) : null);
      return;
    }
    if (!this.#changed) {
      if (durable) this.store.commit([], true, (error) => this.#flushed(error, done));
      else done?.(null);
      return;
    }
    this.#seal();
    const buffers = this.#buffers;
    const finish = this.#finisher(done);
    this.store.commit(buffers, durable, finish.stored);
    for (const buffer of buffers) buffer.dirty = false;
    this.counters.commits++;
    this.counters.blocksWritten += buffers.length;
    this.#buffers = [];
    this.#changed = false;
    finish.handedOver();
    this.cache.trim();
  }

  /** What was written is durable, or some of it is lost. */
  #flushed(error: Error | null, done: CommitDone | undefined): void {
    if (error !== null) this.onFailure(error);
    done?.(error);
  }

  /** What a commit's end does; not before the buffers are given back, even when the store is done at once. */
  #finisher(done: CommitDone | undefined): { stored: CommitDone; handedOver: () => void } {
    let handed = false;
    let result: Error | null | undefined;
    const finish = (error: Error | null): void => {
      if (error === null) {
        for (const participant of this.#participants) participant.afterCommit?.();
      } else this.onFailure(error);
      done?.(error);
    };
    return {
      stored: (error) => {
        if (handed) finish(error);
        else result = error;
      },
      handedOver: () => {
        handed = true;
        if (result !== undefined) finish(result);
      },
    };
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
