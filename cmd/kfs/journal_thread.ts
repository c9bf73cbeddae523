/** The thread that writes the journal: started when it is first needed. @module */

import type { FileDevice } from "../../ffi/device/file_device.ts";
import { WriteThread } from "../../ffi/device/write_thread.ts";
import type { FuseSession } from "../../ffi/fuse/session.ts";
import { IoThread } from "../../ffi/io/io_thread.ts";
import { type IoStart, startIoWorker } from "../../ffi/io/start_worker.ts";
import { later } from "./later.ts";

/** Starting the thread stops this one for some 25 ms: whoever mounts wants to look at the mount first. */
const START_AFTER_MS = 200;
/** A thread that does not come up within so long has failed. */
const LONGEST_START_MS = 20_000;

/** A `WriteThread` that starts its thread when something is to be written, or some time after the mount. */
export class JournalThread extends WriteThread {
  /** An eventfd: call `reap` when it shows. */
  readonly event: number;
  readonly #thread: IoThread;
  readonly #start: IoStart;
  #started = false;

  constructor() {
    const { thread, start } = IoThread.prepare();
    super(thread);
    this.#thread = thread;
    this.#start = start;
    this.event = thread.event;
  }

  /** Starts the thread unless that was done. Its failures come through the queue: no event reaches this thread. */
  start(): void {
    if (this.#started) return;
    this.#started = true;
    startIoWorker(this.#start).catch(() => {});
  }

  /** Starts the thread while the session runs, before it is needed. */
  startWithin(session: FuseSession): void {
    later(session, START_AFTER_MS, () => this.start());
    later(session, LONGEST_START_MS, () => {
      if (!this.#thread.alive) this.#thread.giveUp();
    });
  }

  override write(device: FileDevice, bytes: Uint8Array, offsetBytes: number): void {
    this.start();
    super.write(device, bytes, offsetBytes);
  }

  override writeThrough(device: FileDevice, bytes: Uint8Array, offsetBytes: number): void {
    this.start();
    super.writeThrough(device, bytes, offsetBytes);
  }

  override flush(device: FileDevice): void {
    this.start();
    super.flush(device);
  }

  override mark(reached: (error: Error | null) => void): void {
    this.start();
    super.mark(reached);
  }

  /** Lets the thread end once it has done everything. */
  close(): void {
    this.#thread.close();
  }
}
