/**
 * What a server did so far: requests, failures, bytes and times by operation. For status displays, and
 * cheap enough to be always on: the columns are made once, and of frequent requests only some are timed.
 *
 * @module
 */

import { monotonicMicroseconds } from "../libc/clock.ts";
import { OPCODE, OPCODE_LIMIT } from "./abi.ts";
import { NO_REPLY } from "./exchange.ts";
import { DEFERRED } from "./port.ts";

/** Bucket `n` of a histogram counts times of 2^(n-1) up to 2^n microseconds, the first those below 1, the last all longer ones. */
export const TIME_BUCKETS = 24;

/** So many requests of an operation are all timed; of those that follow one in `TIMED_EVERY`. */
const ALWAYS_TIMED = 64;
const TIMED_EVERY = 16;

/** Columns by opcode. Counts and bytes are exact; times are those of the requests that were timed. */
export class Metrics {
  readonly requests = new Float64Array(OPCODE_LIMIT);
  /** Answered with an error number. */
  readonly failures = new Float64Array(OPCODE_LIMIT);
  /** Answered later than they were handled. */
  readonly deferrals = new Float64Array(OPCODE_LIMIT);
  readonly timed = new Float64Array(OPCODE_LIMIT);
  /** Sum and maximum over the timed requests, in microseconds. */
  readonly microseconds = new Float64Array(OPCODE_LIMIT);
  readonly longest = new Float64Array(OPCODE_LIMIT);
  /** `TIME_BUCKETS` counts for each opcode. */
  readonly histogram = new Float64Array(OPCODE_LIMIT * TIME_BUCKETS);
  /** Bytes that READ and WRITE moved. */
  readBytes = 0;
  writtenBytes = 0;
  /** Time every request from now on: somebody records them. */
  timesAll = false;
  /** Requests that are not timed before the next one that is. */
  readonly #untilTimed = new Int32Array(OPCODE_LIMIT);

  /** A request comes. @returns when, in microseconds, if it is to be timed; else -1. */
  begin(opcode: number): number {
    if (opcode >= OPCODE_LIMIT) return -1;
    const count = this.requests[opcode] as number;
    this.requests[opcode] = count + 1;
    const left = this.#untilTimed[opcode] as number;
    if (left > 0 && !this.timesAll) {
      this.#untilTimed[opcode] = left - 1;
      return -1;
    }
    this.#untilTimed[opcode] = count < ALWAYS_TIMED ? 0 : TIMED_EVERY - 1;
    return monotonicMicroseconds();
  }

  /**
   * A request was handled.
   * @param result what the operation answered.
   * @param begun what `begin` returned.
   * @returns how long it took in microseconds; -1 when it was not timed.
   */
  end(opcode: number, result: number, begun: number): number {
    if (opcode >= OPCODE_LIMIT) return -1;
    if (result < 0) {
      if (result === DEFERRED) {
        (this.deferrals[opcode] as number)++;
        return -1;
      }
      if (result !== NO_REPLY) (this.failures[opcode] as number)++;
    } else if (opcode === OPCODE.READ) this.readBytes += result;
    if (begun < 0) return -1;
    const took = monotonicMicroseconds() - begun;
    this.#took(opcode, took);
    return took;
  }

  /**
   * A deferred request is answered.
   * @param result 0, a byte count or a negated errno.
   * @param begun when it was deferred, in microseconds.
   * @returns how long it took.
   */
  complete(opcode: number, result: number, begun: number): number {
    const took = monotonicMicroseconds() - begun;
    if (opcode >= OPCODE_LIMIT) return took;
    if (result < 0) (this.failures[opcode] as number)++;
    else if (opcode === OPCODE.READ) this.readBytes += result;
    else if (opcode === OPCODE.WRITE) this.writtenBytes += result;
    this.#took(opcode, took);
    return took;
  }

  #took(opcode: number, microseconds: number): void {
    (this.timed[opcode] as number)++;
    (this.microseconds[opcode] as number) += microseconds;
    if (microseconds > (this.longest[opcode] as number)) this.longest[opcode] = microseconds;
    const bucket = Math.min(TIME_BUCKETS - 1, 32 - Math.clz32(microseconds));
    (this.histogram[opcode * TIME_BUCKETS + bucket] as number)++;
  }
}
