/**
 * The order in which the journal writes: a queue that another thread may work off.
 *
 * @module
 */

import type { BlockDevice } from "../device/device.ts";

/** Told that everything before a mark is done, with null, or the first thing that went wrong. */
export type MarkReached = (error: Error | null) => void;

/**
 * Writes and flushes in the order in which they are given. After one fails the others up to the next mark
 * are left out, so nothing is written that relies on what was not.
 */
export interface WriteQueue {
  /** Whether work goes on while the caller does something else. */
  readonly background: boolean;
  /** Writes `bytes`, which must not change before the next mark is reached. */
  write(device: BlockDevice, bytes: Uint8Array, offsetBytes: number): void;
  /** As `write`, and these bytes are durable then; whatever else was written need not be. */
  writeThrough(device: BlockDevice, bytes: Uint8Array, offsetBytes: number): void;
  /** Makes durable what was written to the device, through this queue or past it. */
  flush(device: BlockDevice): void;
  /** Calls `reached` when everything so far is done; perhaps before this returns. */
  mark(reached: MarkReached): void;
  /** Returns once every mark was reached. */
  drain(): void;
}

/** Does everything at once, on the calling thread. */
export class ImmediateWriteQueue implements WriteQueue {
  readonly background = false;
  #error: Error | null = null;

  write(device: BlockDevice, bytes: Uint8Array, offsetBytes: number): void {
    this.#attempt(() => device.write(bytes, offsetBytes));
  }

  writeThrough(device: BlockDevice, bytes: Uint8Array, offsetBytes: number): void {
    this.write(device, bytes, offsetBytes);
    this.flush(device);
  }

  flush(device: BlockDevice): void {
    this.#attempt(() => device.flush());
  }

  mark(reached: MarkReached): void {
    const error = this.#error;
    this.#error = null;
    reached(error);
  }

  drain(): void {
    // Nothing ever waits.
  }

  #attempt(work: () => void): void {
    if (this.#error !== null) return;
    try {
      work();
    } catch (error) {
      this.#error = error instanceof Error ? error : new Error(String(error));
    }
  }
}
