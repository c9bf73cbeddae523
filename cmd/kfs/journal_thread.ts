/** The thread that writes the journal: started when it is first needed. @module */

import type { FileDevice } from "../../ffi/device/file_device.ts";
import { WriteThread } from "../../ffi/device/write_thread.ts";
import { IoThread } from "../../ffi/io/io_thread.ts";
import type { IoStart } from "../../ffi/io/start_worker.ts";
import type { FromWorker } from "./worker_messages.ts";

/** A `WriteThread` whose thread the main thread starts, as this one cannot wait for that. */
export class JournalThread extends WriteThread {
  /** An eventfd: call `reap` when it shows. */
  readonly event: number;
  readonly #thread: IoThread;
  readonly #start: IoStart;
  #started = false;

  constructor(readonly post: (message: FromWorker) => void) {
    const { thread, start } = IoThread.prepare();
    super(thread);
    this.#thread = thread;
    this.#start = start;
    this.event = thread.event;
  }

  /** Starts the thread unless that was done. */
  start(): void {
    if (this.#started) return;
    this.#started = true;
    this.post({ kind: "io", start: this.#start });
  }

  override write(device: FileDevice, bytes: Uint8Array, offsetBytes: number): void {
    this.start();
    super.write(device, bytes, offsetBytes);
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
