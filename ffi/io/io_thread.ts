/**
 * Input and output off the serving thread: reads that would wait for a disk, writing out a transaction,
 * fdatasync.
 *
 * @module
 */

import { clearEvent, makeEvent } from "../libc/event.ts";
import type { IoStart } from "./io_worker.ts";
import { IoQueue, type IoRequest } from "./queue.ts";

/** Is given bytes moved (0 for a sync), or a negated errno. */
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
    const queue = new IoQueue();
    const event = makeEvent();
    const worker = new Worker(new URL("./io_worker.ts", import.meta.url), { type: "module" });
    const ready = Promise.withResolvers<void>();
    worker.addEventListener("message", () => ready.resolve(), { once: true });
    worker.addEventListener("error", (error) => ready.reject(new Error(error.message)), {
      once: true,
    });
    const start: IoStart = { memory: queue.memory, event };
    worker.postMessage(start);
    await ready.promise;
    return new IoThread(queue, event);
  }

  /** How many requests are under way. */
  get pendingCount(): number {
    return this.#pending.length;
  }

  /**
   * Hands a request over. `done` is called from `reap`.
   * @returns false when 64 are under way: reap and try again, or do it yourself.
   */
  submit(request: IoRequest, done: IoDone): boolean {
    const number = this.#closed ? undefined : this.#queue.submit(request, this.#reaped);
    if (number === undefined) return false;
    this.#pending.push({ number, done });
    return true;
  }

  /** Calls `done` for every request that is done. */
  reap(): void {
    clearEvent(this.event);
    for (;;) {
      const first = this.#pending[0];
      if (first === undefined || !this.#queue.isDone(first.number)) return;
      this.#pending.shift();
      const result = this.#queue.result(first.number);
      this.#reaped = (first.number + 1) | 0;
      first.done(result);
    }
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
