/** The thread that writes the journal: started when it is first needed. @module */

import type { FileDevice } from "../../ffi/device/file_device.ts";
import { WriteThread } from "../../ffi/device/write_thread.ts";
import type { FuseSession } from "../../ffi/fuse/session.ts";
import { LazyThread } from "./lazy_thread.ts";
import { later } from "./later.ts";

/** Starting the thread stops this one for some 25 ms: that waits for a time in which few ask for anything. */
const CALM_MS = 200;
const CALM_REQUESTS = 20;

/** A `WriteThread` that starts its thread when something is to be written, or at the first calm time after the mount. */
export class JournalThread extends WriteThread {
  /** An eventfd: call `reap` when it shows. */
  readonly event: number;
  readonly #lazy: LazyThread;
  #session: FuseSession | undefined;

  constructor() {
    const lazy = new LazyThread();
    super(lazy.thread);
    this.#lazy = lazy;
    this.event = lazy.thread.event;
  }

  /** Starts the thread unless that was done. */
  start(): void {
    this.#lazy.start(this.#session);
  }

  /** Starts the thread, and waits until it runs. @returns false when it did not within a while */
  startNow(): boolean {
    this.start();
    return this.#lazy.awaitStart();
  }

  /** Starts the thread while the session runs, before it is needed. */
  startWithin(session: FuseSession): void {
    this.#session = session;
    this.#startWhenCalm(session);
  }

  #startWhenCalm(session: FuseSession): void {
    const before = session.server.ticket;
    later(session, CALM_MS, () => {
      if (session.server.ticket - before > CALM_REQUESTS) this.#startWhenCalm(session);
      else this.start();
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
    this.#lazy.close();
  }
}
