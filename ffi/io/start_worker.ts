/**
 * Starting the thread that does input and output for another.
 *
 * @module
 */

import { IoQueue } from "./queue.ts";

/** What the thread is sent at its start. */
export interface IoStart {
  readonly memory: SharedArrayBuffer;
  /** An eventfd that it signals whenever a request is done, and closes at its end. */
  readonly event: number;
}

/**
 * Starts a thread for the queue in `start`. If it fails, now or later, the queue's other end is told.
 * @returns resolved when it waits for requests, rejected when it failed before.
 */
export function startIoWorker(start: IoStart): Promise<void> {
  const worker = new Worker(new URL("./io_worker.ts", import.meta.url), { type: "module" });
  const ready = Promise.withResolvers<void>();
  worker.addEventListener("message", () => ready.resolve(), { once: true });
  worker.addEventListener("error", (error) => {
    error.preventDefault();
    new IoQueue(start.memory).markLost();
    ready.reject(new Error(error.message));
  });
  worker.postMessage(start);
  return ready.promise;
}
