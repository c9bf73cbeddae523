/**
 * A device whose changes stay in memory, block by block: for working out a state before anything of it is written.
 *
 * @module
 */

import { EROFS } from "../errno.ts";
import { DeviceError } from "../errors.ts";
import type { BlockDevice } from "../device/device.ts";

/** Reads come from the device below, but for the blocks that were written. */
export class OverlayDevice implements BlockDevice {
  /** Content by block number. */
  readonly blocks = new Map<number, Uint8Array>();
  readOnly = false;

  constructor(readonly below: BlockDevice, readonly blockBytes: number) {}

  get sizeBytes(): number {
    return this.below.sizeBytes;
  }

  read(target: Uint8Array, offsetBytes: number): void {
    this.below.read(target, offsetBytes);
    this.#each(offsetBytes, target.length, (block, within, from, length) => {
      const known = this.blocks.get(block);
      if (known !== undefined) target.set(known.subarray(within, within + length), from);
    });
  }

  write(source: Uint8Array, offsetBytes: number): void {
    if (this.readOnly) {
      throw new DeviceError("write", offsetBytes, source.length, "opened read-only", EROFS);
    }
    this.#each(offsetBytes, source.length, (block, within, from, length) => {
      this.#block(block).set(source.subarray(from, from + length), within);
    });
  }

  writeVector(sources: readonly Uint8Array[], offsetBytes: number): void {
    let offset = offsetBytes;
    for (const source of sources) {
      this.write(source, offset);
      offset += source.length;
    }
  }

  zero(offsetBytes: number, lengthBytes: number): void {
    this.#each(offsetBytes, lengthBytes, (block, within, _from, length) => {
      this.#block(block).fill(0, within, within + length);
    });
  }

  discard(): boolean {
    return false;
  }
  flush(): void {}

  close(): void {
    this.below.close();
  }

  #block(block: number): Uint8Array {
    let bytes = this.blocks.get(block);
    if (bytes === undefined) {
      bytes = new Uint8Array(this.blockBytes);
      this.below.read(bytes, block * this.blockBytes);
      this.blocks.set(block, bytes);
    }
    return bytes;
  }

  /** Calls `emit` for each block's part of a range. */
  #each(
    offsetBytes: number,
    lengthBytes: number,
    emit: (block: number, within: number, from: number, length: number) => void,
  ): void {
    const { blockBytes } = this;
    for (let done = 0; done < lengthBytes;) {
      const at = offsetBytes + done;
      const within = at % blockBytes;
      const length = Math.min(blockBytes - within, lengthBytes - done);
      emit(Math.floor(at / blockBytes), within, done, length);
      done += length;
    }
  }
}
