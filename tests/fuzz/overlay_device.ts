/**
 * A device over a base image that is shared and never changed: what is written goes to pages of its own.
 *
 * @module
 */

import type { BlockDevice } from "../../fs/device/device.ts";
import { DeviceError } from "../../fs/errors.ts";

const PAGE_BYTES = 4096;

/** Storage over a base image, copied page by page when it is written. */
export class OverlayDevice implements BlockDevice {
  readonly sizeBytes: number;
  readonly readOnly = false;
  readonly #pages = new Map<number, Uint8Array>();

  constructor(readonly base: Uint8Array) {
    this.sizeBytes = base.length;
  }

  /** The bytes of a range, in an array of their own. */
  bytes(offsetBytes: number, lengthBytes: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(lengthBytes);
    this.read(bytes, offsetBytes);
    return bytes;
  }

  /** The whole image as it is now. */
  content(): Uint8Array<ArrayBuffer> {
    const content = new Uint8Array(this.base);
    for (const [page, bytes] of this.#pages) content.set(bytes, page * PAGE_BYTES);
    return content;
  }

  read(target: Uint8Array, offsetBytes: number): void {
    this.#check("read", offsetBytes, target.length);
    target.set(this.base.subarray(offsetBytes, offsetBytes + target.length));
    if (this.#pages.size === 0) return;
    const end = offsetBytes + target.length;
    for (let page = Math.floor(offsetBytes / PAGE_BYTES); page * PAGE_BYTES < end; page++) {
      const bytes = this.#pages.get(page);
      if (bytes === undefined) continue;
      const start = page * PAGE_BYTES;
      const from = Math.max(start, offsetBytes);
      const to = Math.min(start + PAGE_BYTES, end);
      target.set(bytes.subarray(from - start, to - start), from - offsetBytes);
    }
  }

  write(source: Uint8Array, offsetBytes: number): void {
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

  flush(): void {}

  zero(offsetBytes: number, lengthBytes: number): void {
    this.#check("zero", offsetBytes, lengthBytes);
    const end = offsetBytes + lengthBytes;
    for (let at = offsetBytes; at < end;) {
      const within = at % PAGE_BYTES;
      const length = Math.min(PAGE_BYTES - within, end - at);
      this.#page(Math.floor(at / PAGE_BYTES)).fill(0, within, within + length);
      at += length;
    }
  }

  discard(offsetBytes: number, lengthBytes: number): boolean {
    this.zero(offsetBytes, lengthBytes);
    return true;
  }

  close(): void {}

  #page(number: number): Uint8Array {
    const page = this.#pages.get(number);
    if (page !== undefined) return page;
    const start = number * PAGE_BYTES;
    const fresh = new Uint8Array(Math.min(PAGE_BYTES, this.base.length - start));
    fresh.set(this.base.subarray(start, start + fresh.length));
    this.#pages.set(number, fresh);
    return fresh;
  }

  #check(operation: string, offsetBytes: number, lengthBytes: number): void {
    if (offsetBytes < 0 || offsetBytes + lengthBytes > this.sizeBytes) {
      const detail = `outside the device of ${this.sizeBytes} bytes`;
      throw new DeviceError(operation, offsetBytes, lengthBytes, detail);
    }
  }
}
