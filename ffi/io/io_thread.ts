/**
 * Input and output off the serving thread: reads that would wait for a disk, writing out a transaction,
 * fdatasync.
 *
 * @module
 */

import { clearEvent, makeEvent } from "../libc/event.ts";
import { ERRNO } from "../libc/errno.ts";
import { IoQueue, type IoRequest } from "./queue.ts";
import { type IoStart, startIoWorker } from "./start_worker.ts";

/** Is given bytes moved (microseconds for a sync), or a negated errno. */
export type IoDone = (result: number) => void;

/**
 * A thread that does what it is given, in order. Start it before the serving loop, watch `event` in the
 * loop, and call `reap` when it shows.
 */
export class IoThread {
  /** An eventfd that is signalled whenever a request is done. */
  readonly event: number;
  readonly #queue: IoQueue;
  readonly #pending: { readonly number: number; readonly done: IoDone }[] = [];
  #reaped = 0;
  #closed = false;

  private constructor(queue: IoQueue, event: number) {
    this.#queue = queue;
    this.event = event;
  }

  /** Starts a thread; resolves when it waits for requests. */
  static async start(): Promise<IoThread> {
    const { thread, start } = IoThread.prepare();
    await startIoWorker(start);
    return thread;
  }

  /**
   * A thread that is started later, with `startIoWorker(start)`: nothing need wait for that. Requests may
   * be submitted at once.
   */
  static prepare(): { readonly thread: IoThread; readonly start: IoStart } {
    const queue = new IoQueue();
    const event = makeEvent();
    return { thread: new IoThread(queue, event), start: { memory: queue.memory, event } };
  }

  /** Whether it ever came to take requests. */
  get alive(): boolean {
    return this.#queue.alive;
  }

  /** The thread did not come up: all that it was asked for fails. */
  giveUp(): void {
    this.#queue.markLost();
    this.reap();
  }

  /** How many requests are under way. */
  get pendingCount(): number {
    return this.#pending.length;
  }

  /**
   * Hands a request over. `done` is called from `reap`.
   * @returns false when `QUEUE_SLOTS` are under way: reap and try again, or do it yourself.
   */
  submit(request: IoRequest, done: IoDone): boolean {
    const number = this.#closed ? undefined : this.#queue.submit(request, this.#reaped);
    if (number === undefined) return false;
    this.#pending.push({ number, done });
    return true;
  }

  /** Calls `done` for every request that is done; with EIO for all when the thread is gone. */
  reap(): void {
    clearEvent(this.event);
    for (;;) {
      const first = this.#pending[0];
      if (first === undefined) return;
      const isDone = this.#queue.isDone(first.number);
      if (!isDone && !this.#queue.lost) return;
      this.#pending.shift();
      const result = isDone ? this.#queue.result(first.number) : -ERRNO.EIO;
      this.#reaped = (first.number + 1) | 0;
      first.done(result);
    }
  }

  /** Waits until the oldest request under way is done, and reaps. */
  waitForOne(): void {
    const first = this.#pending[0];
    if (first === undefined) return;
    this.#queue.waitFor(first.number);
    this.reap();
  }

  /**
   * Lets the thread end when it has done everything; it closes `event` then, which is not to be used any
   * more. Requests not yet reaped are not reported.
   */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#queue.close();
    this.#pending.length = 0;
  }
}
