/** Storing a state that was worked out from a log: as one more transaction of it. @module */

import { Buffer } from "../device/cache.ts";
import type { Log } from "./log.ts";
import type { ScannedLog } from "./scan.ts";
import { Staging } from "./staging.ts";
import { transactionBlocks, TransactionWriter } from "./write_transaction.ts";

/**
 * Appends the blocks to the log as its last transaction, durably: from then on a recovery gives them, before that it
 * gives what it gave.
 * @param blocks content by disk block.
 * @returns false, with nothing written, when the log has no room.
 */
export function appendState(
  log: Log,
  scanned: ScannedLog,
  blocks: ReadonlyMap<number, Uint8Array>,
  seconds: number,
): boolean {
  const { format, superblock, blockBytes } = log;
  const needed = transactionBlocks(format, blocks.size, 0);
  if (superblock.hasTransactionChecksums || needed >= scanned.freeBlocks) return false;
  const area = new Staging().take(needed * blockBytes);
  const writer = new TransactionWriter(format, superblock.uuid, scanned.endSequence, area);
  const buffers = [...blocks].map(([block, bytes]) => new Buffer(block, bytes));
  writer.copies(buffers, () => {});
  writer.commit(seconds, 0);
  let at = scanned.endBlock;
  for (let index = 0; index < needed; index++) {
    // The commit block counts only if all before it is there.
    if (index === needed - 1) log.device.flush();
    const from = index * blockBytes;
    log.device.write(area.bytes.subarray(from, from + blockBytes), log.offsetOf(at));
    at = log.next(at);
  }
  log.device.flush();
  return true;
}
