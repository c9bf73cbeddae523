/**
 * Storing an edit: all changed blocks become visible together.
 *
 * Through the journal, which is empty meanwhile: needs_recovery is set, the log gets one transaction, and only then the
 * journal's superblock names it; from that moment on a replay brings all of it, before that nothing of it. Then the
 * blocks go to their places. Where there is no journal, or it has no room, the file system is marked as damaged until
 * everything is in its place: after a crash e2fsck looks at all of it.
 *
 * @module
 */

import type { BlockDevice } from "../device/device.ts";
import type { Log } from "../journal/log.ts";
import { encodeCommit, JOURNAL_MAGIC, JournalIncompat, nextSequence } from "../layout/journal.ts";
import {
  descriptorCapacity,
  encodeDescriptor,
  type JournalTag,
  tagChecksum,
} from "../layout/journal_descriptor.ts";
import { Incompat } from "../layout/features.ts";
import { setStamp, stampFits } from "../layout/snapshot_stamp.ts";
import {
  STATE_ERROR,
  STATE_VALID,
  Superblock,
  SUPERBLOCK_BYTES,
  SUPERBLOCK_OFFSET,
} from "../layout/superblock.ts";
import { viewOf } from "./blocks.ts";

/** How an edit came to be visible. */
export type StoredHow = "nothing" | "superblock" | "journal" | "in place";

/** What is to be stored. */
export interface Edit {
  readonly device: BlockDevice;
  readonly blockBytes: number;
  /** The blocks' new content; the superblock's block has the new superblock. */
  readonly blocks: ReadonlyMap<number, Uint8Array>;
  /** Block that holds the superblock. */
  readonly superblockBlock: number;
  /** The journal, empty; null without one. */
  readonly log: Log | null;
  /** Seconds since 1970. */
  readonly seconds: number;
}

/** Journal blocks that a transaction with this many copies takes. */
export function logBlocksFor(log: Log, copies: number): number {
  return copies + Math.ceil(copies / descriptorCapacity(log.format)) + 1;
}

/** Whether the journal has room for this many copies. */
export function fitsInLog(log: Log, copies: number): boolean {
  return logBlocksFor(log, copies) <= log.ringBlocks;
}

/** Stores the edit, durably. @throws DeviceError */
export function storeEdit(edit: Edit): StoredHow {
  const { blocks, superblockBlock, device, log } = edit;
  if (blocks.size === 0) return "nothing";
  // What was written to free blocks before has to be there first.
  device.flush();
  if (blocks.size === 1 && blocks.has(superblockBlock)) {
    const superblock = newSuperblock(edit);
    // Snapshots do not mind what the superblock alone says.
    if (stampFits(oldSuperblock(device))) setStamp(superblock, true);
    writeSuperblock(edit, superblock);
    device.flush();
    return "superblock";
  }
  if (log !== null && fitsInLog(log, blocks.size)) {
    storeThroughLog(edit, log);
    return "journal";
  }
  storeInPlace(edit);
  return "in place";
}

function superblockAt(bytes: Uint8Array, blockBytes: number): Superblock {
  const within = SUPERBLOCK_OFFSET % blockBytes;
  return new Superblock(bytes.slice(within, within + SUPERBLOCK_BYTES));
}

/** The superblock as it is to be. */
function newSuperblock({ blocks, superblockBlock, blockBytes, device }: Edit): Superblock {
  const changed = blocks.get(superblockBlock);
  if (changed !== undefined) return superblockAt(changed, blockBytes);
  return oldSuperblock(device);
}

function oldSuperblock(device: BlockDevice): Superblock {
  const bytes = new Uint8Array(SUPERBLOCK_BYTES);
  device.read(bytes, SUPERBLOCK_OFFSET);
  return new Superblock(bytes);
}

function writeSuperblock({ device }: Edit, superblock: Superblock): void {
  superblock.setChecksum();
  device.write(superblock.bytes, SUPERBLOCK_OFFSET);
}

/** Writes all blocks but the superblock's, neighbours together. */
function writeHome({ device, blocks, blockBytes, superblockBlock }: Edit): void {
  const order = [...blocks.keys()].filter((block) => block !== superblockBlock)
    .sort((a, b) => a - b);
  let run: Uint8Array[] = [];
  order.forEach((block, index) => {
    run.push(blocks.get(block) as Uint8Array);
    if (order[index + 1] === block + 1 && run.length < 256) return;
    device.writeVector(run, (block - run.length + 1) * blockBytes);
    run = [];
  });
}

function storeInPlace(edit: Edit): void {
  const { device } = edit;
  const old = oldSuperblock(device);
  old.state = (old.state & ~STATE_VALID) | STATE_ERROR;
  writeSuperblock(edit, old);
  device.flush();
  writeHome(edit);
  device.flush();
  writeSuperblock(edit, newSuperblock(edit));
  device.flush();
}

function storeThroughLog(edit: Edit, log: Log): void {
  const { device, blocks, blockBytes, superblockBlock } = edit;
  const old = oldSuperblock(device);
  prepareLog(log, newSuperblock(edit).has64bit);
  old.featureIncompat |= Incompat.RECOVER;
  writeSuperblock(edit, old);
  device.flush();
  const final = newSuperblock(edit);
  const logged = superblockAt(final.bytes, 1024);
  logged.featureIncompat |= Incompat.RECOVER;
  logged.setChecksum();
  const copies = new Map(blocks);
  const superblockCopy = new Uint8Array(blockBytes);
  device.read(superblockCopy, superblockBlock * blockBytes);
  superblockCopy.set(logged.bytes, SUPERBLOCK_OFFSET % blockBytes);
  copies.set(superblockBlock, superblockCopy);
  const sequence = log.superblock.sequence;
  writeTransaction(log, copies, sequence, edit.seconds);
  device.flush();
  log.superblock.startBlock = log.superblock.firstBlock;
  log.writeSuperblock();
  device.flush();
  writeHome(edit);
  writeSuperblock(edit, logged);
  device.flush();
  log.superblock.startBlock = 0;
  log.superblock.sequence = nextSequence(sequence);
  log.writeSuperblock();
  device.flush();
  writeSuperblock(edit, final);
  device.flush();
}

/** What a log needs to hold the file system's block numbers; there are no fast commits in it. */
function prepareLog(log: Log, is64bit: boolean): void {
  const { superblock } = log;
  superblock.upgrade();
  superblock.featureIncompat |= JournalIncompat.REVOKE;
  if (is64bit) superblock.featureIncompat |= JournalIncompat.BIT64;
  superblock.featureIncompat &= ~JournalIncompat.ASYNC_COMMIT;
  superblock.featureCompat &= ~1;
  superblock.headBlock = 0;
  log.featuresChanged();
  log.writeSuperblock();
}

function writeTransaction(
  log: Log,
  copies: ReadonlyMap<number, Uint8Array>,
  sequence: number,
  seconds: number,
): void {
  const { format, blockBytes, superblock } = log;
  const capacity = descriptorCapacity(format);
  const order = [...copies.keys()].sort((a, b) => a - b);
  const bytes = new Uint8Array(blockBytes);
  let at = superblock.firstBlock;
  for (let from = 0; from < order.length; from += capacity) {
    const descriptorAt = at++;
    const tags: JournalTag[] = [];
    for (const diskBlock of order.slice(from, from + capacity)) {
      bytes.set(copies.get(diskBlock) as Uint8Array);
      const view = viewOf(bytes);
      const escaped = view.getUint32(0) === JOURNAL_MAGIC;
      if (escaped) view.setUint32(0, 0);
      tags.push({ diskBlock, escaped, checksum: tagChecksum(format, sequence, bytes) });
      log.device.write(bytes, log.offsetOf(at++));
    }
    encodeDescriptor(bytes, viewOf(bytes), format, sequence, superblock.uuid, tags, 0);
    log.device.write(bytes, log.offsetOf(descriptorAt));
  }
  encodeCommit(bytes, viewOf(bytes), format, {
    sequence,
    seconds,
    nanoseconds: 0,
    transactionChecksum: undefined,
  });
  log.device.write(bytes, log.offsetOf(at));
}
