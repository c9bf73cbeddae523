/**
 * The loop of a daemon on one thread: queues are worked on while there is work, looked at for a while
 * when there is none, and waited for in poll(2).
 *
 * @module
 */

import { POLLIN } from "../ffi/libc/constants.ts";
import { PollSet, type Ready } from "../ffi/libc/poll_set.ts";

/** Something that has work without a descriptor that shows it: a front-end's queues. */
export interface Worker {
  /** Does some of the work. @returns whether there was any. */
  work(): boolean;
  /** Before sleeping: asks to be woken. @returns whether there is work already. */
  arm(): boolean;
}

/** Called when there is time. @returns milliseconds until it wants to be called again at the latest. */
export type IdleTask = () => number;

/** What sessions and servers need of the loop that they run in. */
export interface EventLoop {
  /** Calls `ready` whenever the descriptor shows `events` (POLL*; by default it can be read). */
  watch(descriptor: number, ready: Ready, events?: number): void;
  unwatch(descriptor: number): void;
  addWorker(worker: Worker): void;
  removeWorker(worker: Worker): void;
  addIdle(task: IdleTask): void;
  removeIdle(task: IdleTask): void;
  /** The last session has ended, and nobody else is waited for. */
  stop(): void;
}

/** Turns with work after which descriptors and the clock are looked at. */
const TURNS_BETWEEN_LOOKS = 16;
/** How long to look for work before sleeping, when the last sleep was short. */
const SPIN_MS = 0.01;
/** A sleep shorter than this would have been better spent looking. */
const SHORT_SLEEP_MS = 0.03;

/** See the module. */
export class Loop implements EventLoop {
  readonly #polled = new PollSet();
  readonly #workers: Worker[] = [];
  readonly #idle = new Set<IdleTask>();
  readonly #spins: boolean;
  #spinning = false;
  #stopped = false;
  #turns = 0;
  #idleAtMs = 0;

  /** @param spins whether to look for work before sleeping; by default where there are more than two cores:
   * on fewer it takes from the guest what it gives (measured: 48 µs a request without, 75 to 160 with). */
  constructor(spins: boolean = navigator.hardwareConcurrency > 2) {
    this.#spins = spins;
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  watch(descriptor: number, ready: Ready, events: number = POLLIN): void {
    this.#polled.add(descriptor, ready, events);
  }

  unwatch(descriptor: number): void {
    this.#polled.remove(descriptor);
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

  /** Ends `run` after the turn in hand. */
  stop(): void {
    this.#stopped = true;
  }

  /** Turns until `stop`. */
  run(): void {
    while (!this.#stopped) this.turn(-1);
  }

  /** Works, or sleeps for at most `timeoutMs` (below 0: without end) and calls whoever is ready. */
  turn(timeoutMs: number): void {
    if (this.#work() || this.#spin()) {
      if (++this.#turns >= TURNS_BETWEEN_LOOKS) this.#look();
      return;
    }
    const dueMs = this.#runIdle();
    if (this.#stopped || this.#arm()) return;
    const limit = timeoutMs < 0 ? dueMs : dueMs < 0 ? timeoutMs : Math.min(timeoutMs, dueMs);
    this.#turns = 0;
    const begin = this.#spins ? performance.now() : 0;
    this.#polled.wait(limit);
    this.#spinning = this.#spins && performance.now() - begin < SHORT_SLEEP_MS;
  }

  #work(): boolean {
    let any = false;
    for (const worker of this.#workers) if (worker.work()) any = true;
    return any;
  }

  #spin(): boolean {
    if (!this.#spinning) return false;
    const end = performance.now() + SPIN_MS;
    do {
      for (let time = 0; time < 16; time++) if (this.#work()) return true;
    } while (performance.now() < end);
    this.#spinning = false;
    return false;
  }

  #arm(): boolean {
    let any = false;
    for (const worker of this.#workers) if (worker.arm()) any = true;
    return any;
  }

  #look(): void {
    this.#turns = 0;
    this.#polled.wait(0);
    if (performance.now() >= this.#idleAtMs) this.#runIdle();
  }

  /** @returns milliseconds until the next call at the latest; -1: never. */
  #runIdle(): number {
    let dueMs = Number.POSITIVE_INFINITY;
    for (const task of this.#idle) dueMs = Math.min(dueMs, task());
    if (dueMs === Number.POSITIVE_INFINITY) {
      this.#idleAtMs = dueMs;
      return -1;
    }
    this.#idleAtMs = performance.now() + dueMs;
    return Math.max(0, dueMs);
  }
}
