/**
 * Third pass of recovery: the copies that count, and writing them to their places.
 *
 * Everything is decided, and every checksum verified, before the first block is written.
 *
 * @module
 */

import type { BlockDevice } from "../device/device.ts";
import { Corrupt } from "../errors.ts";
import { JOURNAL_MAGIC, nextSequence } from "../layout/journal.ts";
import type { Log } from "./log.ts";
import { RevokeTable } from "./revoke.ts";
import { type LoggedBlock, scanLog, type ScannedLog } from "./scan.ts";

/** What replaying the log does. */
export interface Recovery {
  /** The last copy of each disk block. */
  readonly blocks: ReadonlyMap<number, LoggedBlock>;
  readonly transactions: number;
  /** What the log holds: where it ends. */
  readonly scanned: ScannedLog;
  /** Transaction number with which the journal goes on. */
  readonly nextSequence: number;
}

/**
 * Finds out what is to be replayed; writes nothing.
 * @param blocksCount blocks of the file system: copies of others are refused.
 * @throws Corrupt, DeviceError
 */
export function planRecovery(log: Log, blocksCount: number): Recovery {
  const scanned = scanLog(log);
  const { transactions, endSequence } = scanned;
  const revokes = new RevokeTable(transactions);
  const blocks = new Map<number, LoggedBlock>();
  for (const { sequence, blocks: logged } of transactions) {
    for (const block of logged) {
      const { diskBlock } = block.tag;
      if (revokes.isRevoked(diskBlock, sequence)) continue;
      if (diskBlock >= blocksCount) {
        throw new Corrupt(
          "journal",
          `transaction ${sequence}`,
          `block ${diskBlock} is beyond the end`,
        );
      }
      blocks.set(diskBlock, block);
    }
  }
  return {
    blocks,
    transactions: transactions.length,
    scanned,
    nextSequence: nextSequence(endSequence),
  };
}

/** Reads the content that a copy stands for. */
export function readLogged(log: Log, block: LoggedBlock, target: Uint8Array): void {
  log.read(block.journalBlock, target);
  if (!block.tag.escaped) return;
  new DataView(target.buffer, target.byteOffset, 4).setUint32(0, JOURNAL_MAGIC);
}

/** Writes the copies to their places, durably, and empties the log. */
export function applyRecovery(log: Log, recovery: Recovery, device: BlockDevice): void {
  const bytes = new Uint8Array(log.blockBytes);
  for (const [diskBlock, block] of recovery.blocks) {
    readLogged(log, block, bytes);
    device.write(bytes, diskBlock * log.blockBytes);
  }
  device.flush();
  log.superblock.startBlock = 0;
  log.superblock.sequence = recovery.nextSequence;
  log.superblock.error = 0;
  log.writeSuperblock();
  log.device.flush();
}
