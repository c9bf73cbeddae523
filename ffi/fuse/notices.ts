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

  constructor(descriptor: number, thread: IoThread) {
    this.#descriptor = descriptor;
    this.#thread = thread;
  }

  /** Sends a message; its bytes are copied. What the kernel refuses (a node it no longer knows) is dropped. */
  send(pieces: readonly Uint8Array[]): void {
    const message = new Uint8Array(totalBytes(pieces));
    gather(pieces, message);
    this.#backlog.push(message);
    this.#submit();
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
    // The callback holds the message until the thread is done with it.
    return this.#thread.submit(request, () => void message.length);
  }
}
