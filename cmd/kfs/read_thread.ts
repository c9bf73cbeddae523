/** Reads that would wait for the disk, on a thread that is started at the first of them. @module */

import type { FileDevice } from "../../ffi/device/file_device.ts";
import type { FuseSession } from "../../ffi/fuse/session.ts";
import { IO_OPERATION } from "../../ffi/io/queue.ts";
import { ERRNO } from "../../ffi/libc/errno.ts";
import { addressOf } from "../../ffi/libc/memory.ts";
import { LazyThread } from "./lazy_thread.ts";

/** Reads from one device. */
export class ReadThread {
  readonly #lazy = new LazyThread();
  #session: FuseSession | undefined;

  constructor(readonly device: FileDevice) {}

  /** Answers come through the session's loop from now on. */
  serve(session: FuseSession): void {
    this.#session = session;
    session.watch(this.#lazy.thread.event, () => this.#lazy.thread.reap());
  }

  /** Fills `target` if the host has all of that in memory. */
  readNoWait(target: Uint8Array, offsetBytes: number): boolean {
    return this.device.readNoWait(target, offsetBytes);
  }

  /** Fills `target` later. @param done is given 0 or a negated errno. @returns false when too much is under way */
  read(target: Uint8Array, offsetBytes: number, done: (result: number) => void): boolean {
    if (this.#session === undefined) return false;
    this.#lazy.start(this.#session);
    const request = {
      operation: IO_OPERATION.READ,
      descriptor: this.device.descriptor,
      address: addressOf(target),
      length: target.length,
      offset: this.device.beginBytes + offsetBytes,
    };
    // An answer that is too short: the file has become shorter.
    return this.#lazy.thread.submit(
      request,
      (result) => done(result === target.length ? 0 : Math.min(result, -ERRNO.EIO)),
    );
  }

  /** Lets the thread end. */
  close(): void {
    this.#lazy.close();
  }
}
