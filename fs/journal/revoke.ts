/** Second pass of recovery: which copies were revoked later. @module */

import { sequenceIsAfter } from "../layout/journal.ts";
import type { LoggedTransaction } from "./scan.ts";

/** The latest transaction that revoked each disk block. */
export class RevokeTable {
  readonly #sequences = new Map<number, number>();

  constructor(transactions: readonly LoggedTransaction[]) {
    for (const { sequence, revoked } of transactions) {
      for (const block of revoked) this.#sequences.set(block, sequence);
    }
  }

  /** Whether the copy of `diskBlock` in transaction `sequence` must not be replayed. */
  isRevoked(diskBlock: number, sequence: number): boolean {
    const revokedIn = this.#sequences.get(diskBlock);
    return revokedIn !== undefined && !sequenceIsAfter(sequence, revokedIn);
  }
}
