/**
 * Sessions within somebody else's loop: they are worked on whenever a descriptor of theirs shows something.
 *
 * @module
 */

import { POLLIN } from "../ffi/libc/constants.ts";
import { clearEvent, makeEvent, signalEvent } from "../ffi/libc/event.ts";
import { close } from "../ffi/libc/file.ts";
import type { Ready } from "../ffi/libc/poll_set.ts";
import type { EventLoop, IdleTask, Worker } from "./loop.ts";

/** Whose loop it is. */
export interface Host {
  watch(descriptor: number, ready: Ready, events?: number): void;
  unwatch(descriptor: number): void;
  /** Calls `action` once, after so long. */
  later(milliseconds: number, action: () => void): void;
}

/** Turns with work, then the host has its own. */
const MOST_TURNS = 8;

/** See the module. */
export class HostedLoop implements EventLoop {
  readonly #workers: Worker[] = [];
  readonly #idle = new Set<IdleTask>();
  /** Signalled to be called again soon. */
  readonly #again = makeEvent();
  /** When the next timer rings. */
  #timerAtMs = Number.POSITIVE_INFINITY;
  #open = true;

  constructor(readonly host: Host) {
    host.watch(this.#again, () => {
      clearEvent(this.#again);
      this.#work();
    });
  }

  watch(descriptor: number, ready: Ready, events: number = POLLIN): void {
    this.host.watch(descriptor, (shown) => {
      ready(shown);
      this.#work();
    }, events);
  }

  unwatch(descriptor: number): void {
    this.host.unwatch(descriptor);
  }

  addWorker(worker: Worker): void {
    this.#workers.push(worker);
  }

  removeWorker(worker: Worker): void {
    const index = this.#workers.indexOf(worker);
    if (index >= 0) this.#workers.splice(index, 1);
  }

  addIdle(task: IdleTask): void {
    this.#idle.add(task);
  }

  removeIdle(task: IdleTask): void {
    this.#idle.delete(task);
  }

  /** The host goes on. */
  stop(): void {}

  #work(): void {
    if (!this.#open) return;
    for (let turn = 0; turn < MOST_TURNS; turn++) {
      if (!this.#once((worker) => worker.work()) && !this.#once((worker) => worker.arm())) {
        this.#rest();
        return;
      }
    }
    signalEvent(this.#again);
  }

  #once(does: (worker: Worker) => boolean): boolean {
    let any = false;
    for (const worker of [...this.#workers]) if (does(worker)) any = true;
    return any;
  }

  /** Nothing is to be done: sees to it that idle tasks are called in time. */
  #rest(): void {
    let dueMs = Number.POSITIVE_INFINITY;
    for (const task of [...this.#idle]) dueMs = Math.min(dueMs, task());
    const atMs = performance.now() + Math.max(1, dueMs);
    if (!(atMs < this.#timerAtMs)) return;
    this.#timerAtMs = atMs;
    this.host.later(Math.max(1, dueMs), () => {
      if (this.#timerAtMs === atMs) this.#timerAtMs = Number.POSITIVE_INFINITY;
      this.#work();
    });
  }

  close(): void {
    this.#open = false;
    this.host.unwatch(this.#again);
    close(this.#again);
  }
}
