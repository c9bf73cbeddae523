/**
 * Writing in order on another thread.
 *
 * @module
 */

import type { IoThread } from "../io/io_thread.ts";
import { IO_OPERATION, type IoRequest } from "../io/queue.ts";
import { SystemError } from "../libc/error.ts";
import { addressOf } from "../libc/memory.ts";
import type { FileDevice } from "./file_device.ts";

/** What a request was for, for its error. */
interface Purpose {
  readonly call: string;
  readonly path: string;
}

/** Flushes quicker than this take less time than handing them to another thread. */
const QUICK_MICROSECONDS = 100;
/** So many quick flushes in a row, and they are done here. */
const QUICK_IN_A_ROW = 8;
/** Larger writes are always handed over. */
const SMALL_BYTES = 128 << 10;
/** With more than this written since the last flush, the next one may take long. */
const MAY_BE_SLOW_BYTES = 1 << 20;

/**
 * A queue of writes and flushes that a thread works off in order. After one fails the others up to the next
 * mark are left out. The thread must do nothing else.
 *
 * Where flushing costs next to nothing (a file in memory, a disk with a protected cache), small writes are
 * done on the calling thread while the other one has nothing to do.
 */
export class WriteThread {
  readonly background = true;
  readonly #thread: IoThread;
  /** What went wrong since the last mark that was reached. */
  #error: Error | null = null;
  #quickFlushes = 0;

  constructor(thread: IoThread) {
    this.#thread = thread;
  }

  /** Writes `bytes`, which must not change before the next mark is reached. */
  write(device: FileDevice, bytes: Uint8Array, offsetBytes: number): void {
    if (this.#hereIsBetter && bytes.length <= SMALL_BYTES) {
      return this.#here(() => device.write(bytes, offsetBytes));
    }
    this.#handOver(IO_OPERATION.WRITE, device, bytes, offsetBytes);
  }

  /** As `write`, and these bytes are durable then; whatever else was written need not be. */
  writeThrough(device: FileDevice, bytes: Uint8Array, offsetBytes: number): void {
    this.#handOver(IO_OPERATION.WRITE_THROUGH, device, bytes, offsetBytes);
  }

  #handOver(operation: number, device: FileDevice, bytes: Uint8Array, offsetBytes: number): void {
    const { path, descriptor, beginBytes, sizeBytes } = device;
    const purpose = { call: "pwrite", path };
    const inRange = offsetBytes >= 0 && offsetBytes + bytes.length <= sizeBytes;
    this.#submit({
      // One that no thread knows fails, and so takes what relies on it along.
      operation: inRange ? operation : UNKNOWN,
      descriptor,
      address: addressOf(bytes),
      length: bytes.length,
      offset: beginBytes + offsetBytes,
      chained: true,
    }, (result) => this.#note(result, purpose, bytes));
  }

  /** Makes durable what was written to the device, here or elsewhere. */
  flush(device: FileDevice): void {
    const { unflushedBytes } = device;
    device.unflushedBytes = 0;
    if (this.#hereIsBetter && unflushedBytes <= MAY_BE_SLOW_BYTES) {
      const begin = performance.now();
      this.#here(() => device.flush());
      return this.#noteFlush((performance.now() - begin) * 1000);
    }
    const { path, descriptor } = device;
    const purpose = { call: "fdatasync", path };
    const request = { ...NOTHING, operation: IO_OPERATION.SYNC, descriptor, chained: true };
    this.#submit(request, (result) => {
      this.#note(result, purpose);
      if (result >= 0) this.#noteFlush(result);
    });
  }

  /** Calls `reached`, now or from `reap` or `drain`, when everything so far is done; with the first error. */
  mark(reached: (error: Error | null) => void): void {
    const atMark = (): void => {
      const error = this.#error;
      this.#error = null;
      reached(error);
    };
    if (this.#thread.pendingCount === 0) atMark();
    else this.#submit(NOTHING, atMark);
  }

  /** To be called when the thread's event shows. */
  reap(): void {
    this.#thread.reap();
  }

  /** Returns once every mark was reached. */
  drain(): void {
    while (this.#thread.pendingCount > 0) this.#thread.waitForOne();
  }

  /** Whether the next small thing is better done on this thread. */
  get #hereIsBetter(): boolean {
    return this.#quickFlushes >= QUICK_IN_A_ROW && this.#thread.pendingCount === 0;
  }

  #here(work: () => void): void {
    if (this.#error !== null) return;
    try {
      work();
    } catch (error) {
      this.#error = error instanceof Error ? error : new Error(String(error));
    }
  }

  #noteFlush(microseconds: number): void {
    if (microseconds <= QUICK_MICROSECONDS) this.#quickFlushes++;
    else this.#quickFlushes = 0;
  }

  /** @param _kept what the request points to, so that it lives until the request is done. */
  #note(result: number, { call, path }: Purpose, _kept?: Uint8Array): void {
    if (result < 0) this.#error ??= new SystemError(-result, call, path);
  }

  #submit(request: IoRequest, done: (result: number) => void): void {
    // What was tried here failed: nothing that relies on it is handed over.
    if (this.#error !== null && this.#thread.pendingCount === 0) return;
    while (!this.#thread.submit(request, done)) this.#thread.waitForOne();
  }
}

const UNKNOWN = -1;

/** A request for nothing: a mark. */
const NOTHING: IoRequest = {
  operation: IO_OPERATION.MARK,
  descriptor: -1,
  address: 0,
  length: 0,
  offset: 0,
};
