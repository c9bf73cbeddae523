/**
 * A device that puts writes together: those that follow each other on disk reach the device below as
 * one. Filling a new file system is a long row of such writes.
 *
 * @module
 */

import type { BlockDevice } from "../device/device.ts";

const BUFFER_BYTES = 4 * 1024 * 1024;

/** Holds back at most one run of bytes; everything else passes through. */
export class CombiningDevice implements BlockDevice {
  readonly #buffer = new Uint8Array(BUFFER_BYTES);
  #start = 0;
  #length = 0;

  constructor(readonly inner: BlockDevice) {}

  get sizeBytes(): number {
    return this.inner.sizeBytes;
  }
  get readOnly(): boolean {
    return this.inner.readOnly;
  }

  read(target: Uint8Array, offsetBytes: number): void {
    this.#writeOutIfWithin(offsetBytes, target.length);
    this.inner.read(target, offsetBytes);
  }

  write(source: Uint8Array, offsetBytes: number): void {
    const follows = offsetBytes === this.#start + this.#length;
    if (!follows || this.#length + source.length > BUFFER_BYTES) this.writeOut();
    if (source.length > BUFFER_BYTES / 4) {
      this.writeOut();
      this.inner.write(source, offsetBytes);
      return;
    }
    if (this.#length === 0) this.#start = offsetBytes;
    this.#buffer.set(source, this.#length);
    this.#length += source.length;
  }

  writeVector(sources: readonly Uint8Array[], offsetBytes: number): void {
    let at = offsetBytes;
    for (const source of sources) {
      this.write(source, at);
      at += source.length;
    }
  }

  flush(): void {
    this.writeOut();
    this.inner.flush();
  }

  zero(offsetBytes: number, lengthBytes: number): void {
    this.writeOut();
    this.inner.zero(offsetBytes, lengthBytes);
  }

  discard(offsetBytes: number, lengthBytes: number): boolean {
    this.writeOut();
    return this.inner.discard(offsetBytes, lengthBytes);
  }

  close(): void {
    this.writeOut();
  }

  /** Passes on what was held back. */
  writeOut(): void {
    if (this.#length === 0) return;
    const run = this.#buffer.subarray(0, this.#length);
    this.#length = 0;
    this.inner.write(run, this.#start);
  }

  #writeOutIfWithin(offsetBytes: number, lengthBytes: number): void {
    if (this.#length === 0 || offsetBytes >= this.#start + this.#length) return;
    if (offsetBytes + lengthBytes > this.#start) this.writeOut();
  }
}
