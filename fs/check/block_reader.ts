/**
 * Reading blocks straight from the device: no cache hides anything, and a failure is a finding.
 *
 * @module
 */

import type { BlockDevice } from "../device/device.ts";
import type { Findings } from "./findings.ts";

/** Thrown between two pieces of work when the caller wants the check to stop. */
export class Cancelled extends Error {
  override readonly name = "Cancelled";
}

/** Reads whole blocks. */
export class BlockReader {
  /** Blocks that lie wholly on the device. */
  readonly deviceBlocks: number;

  constructor(
    readonly device: BlockDevice,
    readonly blockBytes: number,
    readonly findings: Findings,
  ) {
    this.deviceBlocks = Math.floor(device.sizeBytes / blockBytes);
  }

  /** A buffer for one block. */
  buffer(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.blockBytes);
  }

  /** Fills `target`, a whole number of blocks, from disk block `block` on; false after a failure. */
  read(block: number, target: Uint8Array): boolean {
    const count = target.length / this.blockBytes;
    if (block + count > this.deviceBlocks) {
      this.findings.add("read_error", { block }, undefined, undefined, "beyond the device's end");
      return false;
    }
    try {
      this.device.read(target, block * this.blockBytes);
      return true;
    } catch (error) {
      if (!(error instanceof Error) || !("errno" in error)) throw error;
      this.findings.add("read_error", { block }, undefined, undefined, error.message);
      return false;
    }
  }
}
