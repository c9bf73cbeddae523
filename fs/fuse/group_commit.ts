/**
 * One commit for everybody who waits for one.
 *
 * @module
 */

import { DEFERRED } from "../../ffi/fuse/port.ts";
import type { Engine } from "../ops/engine.ts";

/** Told how a deferred request ended: 0 or a negated errno. */
export type Answer = (unique: number, result: number) => void;

/**
 * Answers fsync and its like. While a commit is being written, those who come wait for the next one, which
 * answers all of them.
 */
export class GroupCommit {
  /** Commits made for those who asked, and how many asked. */
  readonly counters = { commits: 0, requests: 0 };
  #waiting: number[] = [];
  #running = false;

  constructor(readonly engine: Engine, readonly answer: Answer) {}

  /**
   * Makes durable everything that was changed so far.
   * @param unique of the request.
   * @returns 0 or a negated errno; DEFERRED when the answer comes later.
   */
  request(unique: number): number {
    this.counters.requests++;
    if (this.#running) {
      this.#waiting.push(unique);
      return DEFERRED;
    }
    return this.#begin([unique]);
  }

  #begin(served: readonly number[]): number {
    let result = DEFERRED;
    let returned = false;
    this.#running = true;
    this.counters.commits++;
    this.#commit((error) => {
      this.#running = false;
      result = error === null ? 0 : this.engine.errnoOf(error, "fsync");
      if (!returned) return;
      for (const unique of served) this.answer(unique, result);
      this.#next();
    });
    returned = true;
    return result;
  }

  #commit(done: (error: unknown) => void): void {
    const { engine } = this;
    try {
      engine.storeLazyTimes();
      engine.volume.transactions.start(true, done);
    } catch (error) {
      done(error);
    }
  }

  /** Serves those who came meanwhile. */
  #next(): void {
    const served = this.#waiting;
    if (served.length === 0) return;
    this.#waiting = [];
    const result = this.#begin(served);
    if (result === DEFERRED) return;
    for (const unique of served) this.answer(unique, result);
  }
}
