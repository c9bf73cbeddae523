/**
 * The channel on which the back-end asks and the front-end answers. Nothing waits: the front-end may be
 * waiting for an answer of this thread at the same time.
 *
 * @module
 */

import { close, setNonBlocking } from "../ffi/libc/file.ts";
import { receive, send } from "../ffi/libc/socket.ts";
import { FLAG_NEED_REPLY, HEADER_BYTES, VERSION } from "./abi.ts";
import { textOf } from "./fault.ts";
import type { EventLoop } from "./loop.ts";

const EIO = -5;
const REPLY_BYTES = HEADER_BYTES + 8;
/** The front-end answers in order; one that leaves so many unanswered gets no more. */
const MOST_OUTSTANDING = 1024;

/** Called with 0 or a negated errno. */
export type Answered = (result: number) => void;

/** See the module. */
export class BackChannel {
  readonly #waiting: { readonly request: number; done: Answered }[] = [];
  readonly #reply = new Uint8Array(REPLY_BYTES);
  #filled = 0;
  #open = true;

  /** @param socket becomes the channel's own. */
  constructor(
    readonly socket: number,
    readonly loop: EventLoop,
    readonly log: (text: string) => void,
  ) {
    setNonBlocking(socket);
    loop.watch(socket, () => this.#receive());
  }

  /** Asks; a descriptor that goes along stays open here. @returns false when it could not be sent */
  ask(
    request: number,
    payload: Uint8Array,
    descriptors: readonly number[],
    done: Answered,
  ): boolean {
    if (!this.#open || this.#waiting.length >= MOST_OUTSTANDING) return false;
    const bytes = new Uint8Array(HEADER_BYTES + payload.length);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, request, true);
    view.setUint32(4, VERSION | FLAG_NEED_REPLY, true);
    view.setUint32(8, payload.length, true);
    bytes.set(payload, HEADER_BYTES);
    try {
      if (send(this.socket, bytes, descriptors) !== bytes.length) return false;
    } catch (error) {
      this.#fail(textOf(error));
      return false;
    }
    this.#waiting.push({ request, done });
    return true;
  }

  #receive(): void {
    if (!this.#open) return;
    try {
      for (;;) {
        const { length, descriptors } = receive(this.socket, this.#reply.subarray(this.#filled), 1);
        for (const descriptor of descriptors) close(descriptor);
        if (length < 0) return;
        if (length === 0) return this.#fail("the front-end has closed the back-end's channel");
        this.#filled += length;
        if (this.#filled === REPLY_BYTES && !this.#take()) return;
      }
    } catch (error) {
      this.#fail(textOf(error));
    }
  }

  /** @returns whether the channel goes on */
  #take(): boolean {
    this.#filled = 0;
    const view = new DataView(this.#reply.buffer);
    const first = this.#waiting.shift();
    if (
      first === undefined || view.getUint32(0, true) !== first.request ||
      view.getUint32(8, true) !== 8
    ) {
      if (first !== undefined) first.done(EIO);
      this.#fail("an answer on the back-end's channel that was not asked for");
      return false;
    }
    const failed = view.getUint32(12, true) !== 0 || view.getUint32(16, true) !== 0;
    first.done(failed ? EIO : 0);
    return this.#open;
  }

  /** Nobody waits any longer for what is outstanding: that has failed. Its answers may still come. */
  abandon(): void {
    for (const waiting of this.#waiting) {
      const { done } = waiting;
      waiting.done = () => {};
      done(EIO);
    }
  }

  #fail(reason: string): void {
    if (!this.#open) return;
    this.log(reason);
    this.close();
  }

  /** Closes it; what is outstanding has failed. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.loop.unwatch(this.socket);
    close(this.socket);
    for (const { done } of this.#waiting.splice(0)) done(EIO);
  }
}
