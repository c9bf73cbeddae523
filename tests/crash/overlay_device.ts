/**
 * A device over bytes that stay as they are: what is written goes into pages of its own. A crash state,
 * and what recovery makes of it, costs only what differs.
 *
 * @module
 */

import type { BlockDevice } from "../../fs/device/device.ts";
import { DeviceError } from "../../fs/errors.ts";

const PAGE_BYTES = 4096;

/** Copy on write, in pages. */
export class OverlayDevice implements BlockDevice {
  readonly sizeBytes: number;
  readonly readOnly = false;
  readonly #pages = new Map<number, Uint8Array>();

  constructor(readonly base: Uint8Array) {
    this.sizeBytes = base.length;
  }

  read(target: Uint8Array, offsetBytes: number): void {
    this.#check("read", offsetBytes, target.length);
    if (this.#pages.size === 0) {
      target.set(this.base.subarray(offsetBytes, offsetBytes + target.length));
      return;
    }
    for (let done = 0; done < target.length;) {
      const at = offsetBytes + done;
      const within = at % PAGE_BYTES;
      const length = Math.min(PAGE_BYTES - within, target.length - done);
      const page = this.#pages.get((at - within) / PAGE_BYTES);
      if (page === undefined) target.set(this.base.subarray(at, at + length), done);
      else target.set(page.subarray(within, within + length), done);
      done += length;
    }
  }

  write(source: Uint8Array, offsetBytes: number): void {
    this.#check("write", offsetBytes, source.length);
    for (let done = 0; done < source.length;) {
      const at = offsetBytes + done;
      const within = at % PAGE_BYTES;
      const length = Math.min(PAGE_BYTES - within, source.length - done);
      this.#page((at - within) / PAGE_BYTES).set(source.subarray(done, done + length), within);
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

  zero(offsetBytes: number, lengthBytes: number): void {
    this.write(new Uint8Array(lengthBytes), offsetBytes);
  }

  discard(offsetBytes: number, lengthBytes: number): boolean {
    this.zero(offsetBytes, lengthBytes);
    return true;
  }

  flush(): void {}
  close(): void {}

  /** Everything, as one array. */
  toBytes(): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(this.base);
    this.copyTo(bytes);
    return bytes;
  }

  /** Puts what differs from the base into `target`, which holds the base. */
  copyTo(target: Uint8Array): void {
    for (const [number, page] of this.#pages) {
      const start = number * PAGE_BYTES;
      target.set(page.subarray(0, this.sizeBytes - start), start);
    }
  }

  #page(number: number): Uint8Array {
    const known = this.#pages.get(number);
    if (known !== undefined) return known;
    const page = new Uint8Array(PAGE_BYTES);
    const start = number * PAGE_BYTES;
    page.set(this.base.subarray(start, start + PAGE_BYTES));
    this.#pages.set(number, page);
    return page;
  }

  #check(operation: string, offsetBytes: number, lengthBytes: number): void {
    if (offsetBytes >= 0 && offsetBytes + lengthBytes <= this.sizeBytes) return;
    throw new DeviceError(operation, offsetBytes, lengthBytes, "outside of the device");
  }
}
