/**
 * Notices to the kernel, sent from a thread of their own.
 *
 * Before the kernel takes an invalidation it may wait for a page or a directory that it holds for a
 * request, and that request may be one which the serving thread has still to answer. So the serving
 * thread must never send a notice itself.
 *
 * @module
 */

import type { IoThread } from "../io/io_thread.ts";
import { IO_OPERATION } from "../io/queue.ts";
import { addressOf } from "../libc/memory.ts";
import { gather, totalBytes } from "../libc/pieces.ts";

/** Sends notices in order. */
export class Notices {
  readonly #descriptor: number;
  readonly #thread: IoThread;
  /** Not handed over yet: the thread's queue was full. */
  readonly #backlog: Uint8Array[] = [];
  #sent = 0;
  #taken = 0;
  /** Who waits until the kernel has taken so many. */
  readonly #waiting: { readonly count: number; readonly done: () => void }[] = [];

  constructor(descriptor: number, thread: IoThread) {
    this.#descriptor = descriptor;
    this.#thread = thread;
  }

  /** Sends a message; its bytes are copied. What the kernel refuses (a node it no longer knows) is dropped. */
  send(pieces: readonly Uint8Array[]): void {
    const message = new Uint8Array(totalBytes(pieces));
    gather(pieces, message);
    this.#backlog.push(message);
    this.#sent++;
    this.#submit();
  }

  /**
   * Calls `done` when the kernel has taken all that was sent until now.
   * @returns false when it has already; `done` is not called then.
   */
  whenTaken(done: () => void): boolean {
    if (this.#taken === this.#sent) return false;
    this.#waiting.push({ count: this.#sent, done });
    return true;
  }

  #tookOne(): void {
    this.#taken++;
    for (;;) {
      const first = this.#waiting[0];
      if (first === undefined || first.count > this.#taken) return;
      this.#waiting.shift();
      first.done();
    }
  }

  /** To be called when the thread's event shows. */
  reap(): void {
    this.#thread.reap();
    this.#submit();
  }

  #submit(): void {
    for (;;) {
      const message = this.#backlog[0];
      if (message === undefined || !this.#submitOne(message)) return;
      this.#backlog.shift();
    }
  }

  #submitOne(message: Uint8Array): boolean {
    const request = {
      operation: IO_OPERATION.SEND,
      descriptor: this.#descriptor,
      address: addressOf(message),
      length: message.length,
      offset: 0,
    };
    return this.#thread.submit(request, () => {
      // Holds the message until the thread is done with it.
      if (message.length > 0) this.#tookOne();
    });
  }
}
