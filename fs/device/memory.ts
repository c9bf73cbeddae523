/**
 * A block device in memory: sparse, pages come into being when something is written to them.
 *
 * @module
 */

import { DeviceError } from "../errors.ts";
import type { BlockDevice } from "./device.ts";

const PAGE_BYTES = 65536;

/** Storage in memory; pages that were never written read as zeros and take no room. */
export class MemoryDevice implements BlockDevice {
  readonly sizeBytes: number;
  readonly readOnly: boolean;
  readonly #pages = new Map<number, Uint8Array>();

  /** @param sizeBytes up to 2^53 - 1; only what is written takes memory. */
  constructor(sizeBytes: number, options: { readonly readOnly?: boolean } = {}) {
    this.sizeBytes = sizeBytes;
    this.readOnly = options.readOnly ?? false;
  }

  /** A device with the given content, copied; pages of zeros take no memory. */
  static from(content: Uint8Array): MemoryDevice {
    const device = new MemoryDevice(content.length);
    for (let offset = 0; offset < content.length; offset += PAGE_BYTES) {
      const page = content.subarray(offset, offset + PAGE_BYTES);
      if (page.some((byte) => byte !== 0)) device.write(page, offset);
    }
    return device;
  }

  /** Bytes of memory in use for content. */
  get usedBytes(): number {
    return this.#pages.size * PAGE_BYTES;
  }

  /** The parts that take memory, in order, as views; the last one may reach past the device's end. */
  *writtenPages(): Generator<{ readonly offsetBytes: number; readonly bytes: Uint8Array }> {
    for (const number of [...this.#pages.keys()].sort((a, b) => a - b)) {
      const bytes = this.#pages.get(number);
      if (bytes !== undefined) yield { offsetBytes: number * PAGE_BYTES, bytes };
    }
  }

  read(target: Uint8Array, offsetBytes: number): void {
    this.#check("read", offsetBytes, target.length);
    for (let done = 0; done < target.length;) {
      const at = offsetBytes + done;
      const within = at % PAGE_BYTES;
      const length = Math.min(PAGE_BYTES - within, target.length - done);
      const page = this.#pages.get(Math.floor(at / PAGE_BYTES));
      if (page === undefined) target.fill(0, done, done + length);
      else target.set(page.subarray(within, within + length), done);
      done += length;
    }
  }

  write(source: Uint8Array, offsetBytes: number): void {
    if (this.readOnly) {
      throw new DeviceError("write", offsetBytes, source.length, "the device is read-only");
    }
    this.#check("write", offsetBytes, source.length);
    for (let done = 0; done < source.length;) {
      const at = offsetBytes + done;
      const within = at % PAGE_BYTES;
      const length = Math.min(PAGE_BYTES - within, source.length - done);
      this.#page(Math.floor(at / PAGE_BYTES)).set(source.subarray(done, done + length), within);
      done += length;
    }
  }

  writeVector(sources: readonly Uint8Array[], offsetBytes: number): void {
    let at = offsetBytes;
    for (const source of sources) {
      this.write(source, at);
      at += source.length;
    }
  }

  flush(): void {
    // Memory is as durable as it gets.
  }

  zero(offsetBytes: number, lengthBytes: number): void {
    if (this.readOnly) {
      throw new DeviceError("zero", offsetBytes, lengthBytes, "the device is read-only");
    }
    this.#check("zero", offsetBytes, lengthBytes);
    const end = offsetBytes + lengthBytes;
    const first = Math.floor(offsetBytes / PAGE_BYTES);
    const last = Math.ceil(end / PAGE_BYTES);
    const clear = (number: number): void => {
      const start = number * PAGE_BYTES;
      if (start >= offsetBytes && start + PAGE_BYTES <= end) this.#pages.delete(number);
      else {
        this.#pages.get(number)?.fill(
          0,
          Math.max(0, offsetBytes - start),
          Math.min(PAGE_BYTES, end - start),
        );
      }
    };
    if (last - first > this.#pages.size) {
      for (const number of [...this.#pages.keys()]) {
        if (number >= first && number < last) clear(number);
      }
    } else {
      for (let number = first; number < last; number++) clear(number);
    }
  }

  discard(offsetBytes: number, lengthBytes: number): boolean {
    this.zero(offsetBytes, lengthBytes);
    return true;
  }

  close(): void {
    this.#pages.clear();
  }

  #page(number: number): Uint8Array {
    const page = this.#pages.get(number);
    if (page !== undefined) return page;
    const fresh = new Uint8Array(PAGE_BYTES);
    this.#pages.set(number, fresh);
    return fresh;
  }

  #check(operation: string, offsetBytes: number, lengthBytes: number): void {
    if (offsetBytes < 0 || offsetBytes + lengthBytes > this.sizeBytes) {
      throw new DeviceError(
        operation,
        offsetBytes,
        lengthBytes,
        `outside the device of ${this.sizeBytes} bytes`,
      );
    }
  }
}
