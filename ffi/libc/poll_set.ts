/**
 * Waiting for several descriptors at once: poll(2) over a reused array.
 *
 * @module
 */

import { POLLERR, POLLHUP, POLLIN } from "./constants.ts";
import { ERRNO } from "./errno.ts";
import { SystemError } from "./error.ts";
import { errno, libc } from "./library.ts";
import { addressOf } from "./memory.ts";

/** Called with the events (POLL*) that a descriptor showed. */
export type Ready = (events: number) => void;

/**
 * A set of descriptors, each with what to do when it is ready. In memory a `struct pollfd` is two
 * 32-bit words: the descriptor; the events asked for (low half) and answered (high half).
 */
export class PollSet {
  #memory = new Int32Array(0);
  #address = 0n;
  #count = 0n;
  #descriptors: number[] = [];
  #callbacks: Ready[] = [];

  /** Watches a descriptor for `events` (and always for errors and hang-ups). */
  add(descriptor: number, ready: Ready, events: number = POLLIN): void {
    this.#descriptors.push(descriptor);
    this.#callbacks.push(ready);
    const grown = new Int32Array(this.#descriptors.length * 2);
    grown.set(this.#memory);
    grown[grown.length - 2] = descriptor;
    grown[grown.length - 1] = events;
    this.#adopt(grown);
  }

  /** Watches a descriptor no longer. */
  remove(descriptor: number): void {
    const index = this.#descriptors.indexOf(descriptor);
    if (index < 0) return;
    this.#descriptors.splice(index, 1);
    this.#callbacks.splice(index, 1);
    const shrunk = new Int32Array(this.#descriptors.length * 2);
    shrunk.set(this.#memory.subarray(0, index * 2));
    shrunk.set(this.#memory.subarray(index * 2 + 2), index * 2);
    this.#adopt(shrunk);
  }

  #adopt(memory: Int32Array<ArrayBuffer>): void {
    this.#memory = memory;
    this.#address = BigInt(addressOf(new Uint8Array(memory.buffer)));
    this.#count = BigInt(memory.length / 2);
  }

  /**
   * Waits until a descriptor is ready, then calls what was given for each that is.
   * @param timeoutMs at most so long; 0 looks and returns, less than 0 waits without end.
   * @returns how many were ready.
   */
  wait(timeoutMs: number): number {
    const memory = this.#memory;
    const limit = timeoutMs < 0 ? -1 : Math.min(Math.ceil(timeoutMs), 0x7fff_ffff);
    const ready = libc().poll(this.#address, this.#count, limit);
    if (ready < 0) {
      const number = errno();
      if (number === ERRNO.EINTR) return 0;
      throw new SystemError(number, "poll");
    }
    if (ready > 0) this.#dispatch(memory);
    return ready;
  }

  #dispatch(memory: Int32Array): void {
    const callbacks = this.#callbacks.slice();
    for (let index = 0; index * 2 < memory.length; index++) {
      const word = memory[index * 2 + 1] ?? 0;
      const events = word >>> 16;
      if (events !== 0) callbacks[index]?.(events);
    }
  }
}

/** Whether events tell that the descriptor will bring nothing more. */
export function isHangUp(events: number): boolean {
  return (events & (POLLERR | POLLHUP)) !== 0;
}
