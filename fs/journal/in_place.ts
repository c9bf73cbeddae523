/**
 * A commit store without a journal: sealed blocks go straight to their places.
 *
 * @module
 */

import type { Buffer } from "../device/cache.ts";
import type { BlockDevice } from "../device/device.ts";
import type { CommitDone, CommitStore } from "./transaction.ts";

/** Longest run of blocks written by one call. */
const RUN_BLOCKS = 256;

/** Writes each committed block in place, neighbours together. */
export class InPlaceStore implements CommitStore {
  readonly capacityBlocks: number;
  readonly background = false;
  readonly underWay = 0;

  /** @param capacityBytes how much may gather before it is written. */
  constructor(
    readonly device: BlockDevice,
    readonly blockBytes: number,
    capacityBytes = 8 << 20,
  ) {
    this.capacityBlocks = Math.max(64, Math.floor(capacityBytes / blockBytes));
  }

  commit(buffers: readonly Buffer[], durable: boolean, done: CommitDone): void {
    const sorted = [...buffers].sort((a, b) => a.block - b.block);
    let run: Uint8Array[] = [];
    let start = 0;
    for (const buffer of sorted) {
      if (run.length > 0 && (buffer.block !== start + run.length || run.length === RUN_BLOCKS)) {
        this.device.writeVector(run, start * this.blockBytes);
        run = [];
      }
      if (run.length === 0) start = buffer.block;
      run.push(buffer.bytes);
    }
    if (run.length > 0) this.device.writeVector(run, start * this.blockBytes);
    if (durable) this.device.flush();
    done(null);
  }

  revoke(): void {
    // Nothing is replayed, so nothing needs revoking.
  }

  drain(): void {
    // Everything is done by the time that commit returns.
  }
}
