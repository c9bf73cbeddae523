/** A thread for input and output that is started when it is first needed. @module */

import type { FuseSession } from "../../ffi/fuse/session.ts";
import { IoThread } from "../../ffi/io/io_thread.ts";
import { type IoStart, startIoWorker } from "../../ffi/io/start_worker.ts";
import { later } from "./later.ts";

/** A thread that does not come up within so long has failed. */
const LONGEST_START_MS = 20_000;

/** An `IoThread` that takes requests before it runs. */
export class LazyThread {
  readonly thread: IoThread;
  readonly #start: IoStart;
  #started = false;

  constructor() {
    const { thread, start } = IoThread.prepare();
    this.thread = thread;
    this.#start = start;
  }

  /**
   * Starts the thread unless that was done. Its failures come through the queue: no event reaches this thread.
   * @param session in whose loop one that does not come up is noticed.
   */
  start(session?: FuseSession): void {
    if (this.#started) return;
    this.#started = true;
    startIoWorker(this.#start).catch(() => {});
    if (session === undefined) return;
    later(session, LONGEST_START_MS, () => {
      if (!this.thread.alive) this.thread.giveUp();
    });
  }

  /** Stops this thread until the other runs. @returns false when it does not come up */
  awaitStart(): boolean {
    const nothing = new Int32Array(new SharedArrayBuffer(4));
    const end = performance.now() + LONGEST_START_MS;
    while (!this.thread.alive && performance.now() < end) Atomics.wait(nothing, 0, 0, 1);
    return this.thread.alive;
  }

  /** Lets the thread end once it has done everything. */
  close(): void {
    this.thread.close();
  }
}
