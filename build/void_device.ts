/** A device on which nothing is kept: to see how an image would come out. @module */

import type { BlockDevice } from "../fs/device/device.ts";

/** Reads as zeros, whatever was written. */
export class VoidDevice implements BlockDevice {
  readonly readOnly = false;

  constructor(readonly sizeBytes: number) {}

  read(target: Uint8Array, _offsetBytes: number): void {
    target.fill(0);
  }
  write(_source: Uint8Array, _offsetBytes: number): void {
    // Nothing is kept.
  }
  writeVector(_sources: readonly Uint8Array[], _offsetBytes: number): void {
    // Nothing is kept.
  }
  flush(): void {
    // There is nothing to wait for.
  }
  zero(_offsetBytes: number, _lengthBytes: number): void {
    // It reads as zeros anyway.
  }
  discard(_offsetBytes: number, _lengthBytes: number): boolean {
    return true;
  }
  close(): void {
    // There is nothing to let go of.
  }
}
