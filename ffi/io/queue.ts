/**
 * The queue between a thread that wants input and output done and the one that does it: shared memory,
 * one submitter, one worker, in order.
 *
 * @module
 */

/** What can be asked for. */
export const IO_OPERATION = {
  /** pread(2) of `length` bytes at `offset` into `address`, until all are there. */
  READ: 1,
  /** pwrite(2) of `length` bytes at `offset` from `address`, until all are written. */
  WRITE: 2,
  /** pwritev(2) of the `length` entries of the `struct iovec` array at `address`; may be short. */
  WRITE_VECTOR: 3,
  /** fdatasync(2); the result is how long it took, in microseconds. */
  SYNC: 4,
  /** write(2) of `length` bytes from `address`, in one call: a message to a device. */
  SEND: 5,
  /** As WRITE, with the bytes durable at the end (RWF_DSYNC). */
  WRITE_THROUGH: 7,
  /** Does nothing, and ends a chain. */
  MARK: 6,
} as const;

/** One request. */
export interface IoRequest {
  /** IO_OPERATION. */
  readonly operation: number;
  readonly descriptor: number;
  /** Where the bytes are. Whoever submits keeps that memory until the request is done. */
  readonly address: number;
  readonly length: number;
  readonly offset: number;
  /** Left out, with the answer -ECANCELED, when a chained request before it failed and no MARK came between. */
  readonly chained?: boolean;
}

/** How many requests can be under way. */
export const QUEUE_SLOTS = 256;
const WORDS = 7;
const HEAD = 0;
const TAIL = 1;
const CLOSED = 2;
/** Counts submissions and the close: what the worker waits on. */
const BELL = 3;
/** 1 when the worker is gone: nothing more gets done. */
const LOST = 4;
/** 1 once the worker has come so far as to take requests. */
const ALIVE = 5;
const CONTROL_BYTES = 64;
/** A worker that does not show itself for so long after a request was made has failed. */
const LONGEST_START_MS = 20_000;

/** The queue's two ends over one shared buffer. */
export class IoQueue {
  readonly #control: Int32Array;
  readonly #slots: Float64Array;

  constructor(readonly memory: SharedArrayBuffer = newMemory()) {
    this.#control = new Int32Array(memory, 0, CONTROL_BYTES / 4);
    this.#slots = new Float64Array(memory, CONTROL_BYTES, QUEUE_SLOTS * WORDS);
  }

  /** Submitter: puts a request in. Returns its number; undefined when the queue is full. */
  submit(request: IoRequest, reaped: number): number | undefined {
    const head = Atomics.load(this.#control, HEAD);
    if (((head - reaped) | 0) >= QUEUE_SLOTS) return undefined;
    const slots = this.#slots;
    const at = slotOf(head);
    slots[at] = request.operation;
    slots[at + 1] = request.descriptor;
    slots[at + 2] = request.address;
    slots[at + 3] = request.length;
    slots[at + 4] = request.offset;
    slots[at + 6] = request.chained === true ? 1 : 0;
    Atomics.store(this.#control, HEAD, (head + 1) | 0);
    this.#ring();
    return head;
  }

  #ring(): void {
    Atomics.add(this.#control, BELL, 1);
    Atomics.notify(this.#control, BELL);
  }

  /** Submitter: whether the request of that number is done. */
  isDone(number: number): boolean {
    return ((Atomics.load(this.#control, TAIL) - number) | 0) > 0;
  }

  /** Submitter: what came of a request that is done. */
  result(number: number): number {
    return this.#slots[slotOf(number) + 5] ?? 0;
  }

  /** Submitter: returns when the request of that number is done, or the worker is lost. */
  waitFor(number: number): void {
    const control = this.#control;
    for (;;) {
      const tail = Atomics.load(control, TAIL);
      if (((tail - number) | 0) > 0 || this.lost) return;
      const waited = Atomics.wait(control, TAIL, tail, LONGEST_START_MS);
      if (waited === "timed-out" && !this.alive) this.markLost();
    }
  }

  /** Whether the worker was ever there. */
  get alive(): boolean {
    return Atomics.load(this.#control, ALIVE) === 1;
  }

  /** Worker: from now on requests are taken. */
  markAlive(): void {
    Atomics.store(this.#control, ALIVE, 1);
  }

  /** Whether the worker is gone, with what it had not done. */
  get lost(): boolean {
    return Atomics.load(this.#control, LOST) === 1;
  }

  /** Whoever started the worker: it failed. */
  markLost(): void {
    Atomics.store(this.#control, LOST, 1);
    Atomics.notify(this.#control, TAIL);
  }

  /** Submitter: lets the worker end once it has done what is queued. */
  close(): void {
    Atomics.store(this.#control, CLOSED, 1);
    this.#ring();
  }

  /** Worker: waits for the next request; undefined when the queue was closed and is empty. */
  take(): IoRequest | undefined {
    const control = this.#control;
    const tail = Atomics.load(control, TAIL);
    for (;;) {
      const bell = Atomics.load(control, BELL);
      if (Atomics.load(control, HEAD) !== tail) break;
      if (Atomics.load(control, CLOSED) === 1) return undefined;
      Atomics.wait(control, BELL, bell);
    }
    const at = slotOf(tail);
    const word = (index: number) => this.#slots[at + index] ?? 0;
    return {
      operation: word(0),
      descriptor: word(1),
      address: word(2),
      length: word(3),
      offset: word(4),
      chained: word(6) === 1,
    };
  }

  /** Worker: the request taken last is done. */
  finish(result: number): void {
    const tail = Atomics.load(this.#control, TAIL);
    this.#slots[slotOf(tail) + 5] = result;
    Atomics.store(this.#control, TAIL, (tail + 1) | 0);
    Atomics.notify(this.#control, TAIL);
  }
}

function slotOf(number: number): number {
  return (number & (QUEUE_SLOTS - 1)) * WORDS;
}

function newMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(CONTROL_BYTES + QUEUE_SLOTS * WORDS * 8);
}
