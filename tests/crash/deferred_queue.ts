/**
 * A write queue that works when it is told to, as another thread would: some time later.
 *
 * @module
 */

import type { BlockDevice } from "../../fs/device/device.ts";
import type { MarkReached, WriteQueue } from "../../fs/journal/write_queue.ts";
import type { Random } from "../harness/seed.ts";

type Entry =
  | { readonly kind: "write"; readonly device: BlockDevice; bytes: Uint8Array; offsetBytes: number }
  | { readonly kind: "flush"; readonly device: BlockDevice }
  | { readonly kind: "mark"; readonly reached: MarkReached };

/** Holds what is to be written until `rest` or `drain`. */
export class DeferredQueue implements WriteQueue {
  readonly background = true;
  readonly #entries: Entry[] = [];
  #error: Error | null = null;

  write(device: BlockDevice, bytes: Uint8Array, offsetBytes: number): void {
    this.#entries.push({ kind: "write", device, bytes, offsetBytes });
  }

  writeThrough(device: BlockDevice, bytes: Uint8Array, offsetBytes: number): void {
    this.write(device, bytes, offsetBytes);
    this.flush(device);
  }

  flush(device: BlockDevice): void {
    this.#entries.push({ kind: "flush", device });
  }

  mark(reached: MarkReached): void {
    this.#entries.push({ kind: "mark", reached });
  }

  drain(): void {
    while (this.#entries.length > 0) this.#one();
  }

  /** Some time passes: some of the work gets done. */
  rest(random: Random): void {
    if (random.chance(50)) return;
    const count = random.pick([1, 1, 2, 5, 100]);
    for (let done = 0; done < count && this.#entries.length > 0; done++) this.#one();
  }

  #one(): void {
    const entry = this.#entries.shift();
    if (entry === undefined) return;
    if (entry.kind === "mark") {
      const error = this.#error;
      this.#error = null;
      entry.reached(error);
      return;
    }
    if (this.#error !== null) return;
    try {
      if (entry.kind === "write") entry.device.write(entry.bytes, entry.offsetBytes);
      else entry.device.flush();
    } catch (error) {
      this.#error = error instanceof Error ? error : new Error(String(error));
    }
  }
}
