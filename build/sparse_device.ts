/** A device that leaves holes where zeros are written. @module */

import type { BlockDevice } from "../fs/device/device.ts";
import { isZero } from "./zeros.ts";

/** Holes in files come in pages. */
const HOLE_BYTES = 4096;

/** Passes everything on; whole pages of zeros become holes. */
export class SparseDevice implements BlockDevice {
  constructor(readonly inner: BlockDevice) {}

  get sizeBytes(): number {
    return this.inner.sizeBytes;
  }
  get readOnly(): boolean {
    return this.inner.readOnly;
  }
  read(target: Uint8Array, offsetBytes: number): void {
    this.inner.read(target, offsetBytes);
  }

  write(source: Uint8Array, offsetBytes: number): void {
    const first = Math.min(source.length, (HOLE_BYTES - offsetBytes % HOLE_BYTES) % HOLE_BYTES);
    let from = 0;
    for (let at = first; at + HOLE_BYTES <= source.length;) {
      const begin = at;
      while (at + HOLE_BYTES <= source.length && isZero(source, at, at + HOLE_BYTES)) {
        at += HOLE_BYTES;
      }
      if (at === begin) {
        at += HOLE_BYTES;
        continue;
      }
      if (begin > from) this.inner.write(source.subarray(from, begin), offsetBytes + from);
      this.inner.zero(offsetBytes + begin, at - begin);
      from = at;
    }
    if (from < source.length) this.inner.write(source.subarray(from), offsetBytes + from);
  }

  writeVector(sources: readonly Uint8Array[], offsetBytes: number): void {
    this.inner.writeVector(sources, offsetBytes);
  }
  flush(): void {
    this.inner.flush();
  }
  zero(offsetBytes: number, lengthBytes: number): void {
    this.inner.zero(offsetBytes, lengthBytes);
  }
  discard(offsetBytes: number, lengthBytes: number): boolean {
    return this.inner.discard(offsetBytes, lengthBytes);
  }
  close(): void {
    this.inner.close();
  }
}
