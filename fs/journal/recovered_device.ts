/**
 * A device as it will be once its journal is replayed: for opening read-only without writing.
 *
 * @module
 */

import type { BlockDevice } from "../device/device.ts";
import { EROFS } from "../errno.ts";
import { DeviceError } from "../errors.ts";
import type { Log } from "./log.ts";
import { readLogged, type Recovery } from "./replay.ts";

/** Reads come from the log for the blocks that it holds; nothing can be written. */
export class RecoveredDevice implements BlockDevice {
  readonly readOnly = true;
  readonly #block: Uint8Array;

  constructor(
    readonly device: BlockDevice,
    readonly log: Log,
    readonly recovery: Recovery,
  ) {
    this.#block = new Uint8Array(log.blockBytes);
  }

  get sizeBytes(): number {
    return this.device.sizeBytes;
  }

  read(target: Uint8Array, offsetBytes: number): void {
    this.device.read(target, offsetBytes);
    const { blockBytes } = this.log;
    const end = offsetBytes + target.length;
    for (let block = Math.floor(offsetBytes / blockBytes); block * blockBytes < end; block++) {
      const logged = this.recovery.blocks.get(block);
      if (logged === undefined) continue;
      readLogged(this.log, logged, this.#block);
      const from = Math.max(0, offsetBytes - block * blockBytes);
      const to = Math.min(blockBytes, end - block * blockBytes);
      target.set(this.#block.subarray(from, to), block * blockBytes + from - offsetBytes);
    }
  }

  write(source: Uint8Array, offsetBytes: number): never {
    throw new DeviceError("write", offsetBytes, source.length, "opened read-only", EROFS);
  }
  writeVector(sources: readonly Uint8Array[], offsetBytes: number): never {
    throw new DeviceError("write", offsetBytes, sources[0]?.length ?? 0, "opened read-only", EROFS);
  }
  zero(offsetBytes: number, lengthBytes: number): never {
    throw new DeviceError("zero", offsetBytes, lengthBytes, "opened read-only", EROFS);
  }
  discard(): boolean {
    return false;
  }
  flush(): void {}

  close(): void {
    this.device.close();
  }
}
