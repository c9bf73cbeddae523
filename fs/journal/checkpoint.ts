/**
 * Checkpoints: committed blocks are brought from the log to their places, and the log's tail moves on.
 *
 * @module
 */

import type { BlockDevice } from "../device/device.ts";
import type { Log } from "./log.ts";
import type { LogRing } from "./log_ring.ts";
import type { LoggedBlocks, StoredTransaction } from "./logged_blocks.ts";
import type { WriteQueue } from "./write_queue.ts";

/** Blocks brought home by one step: between steps requests are served. */
const STEP_BLOCKS = 128;
/** The log is emptied when more than this of it is in use, or more than half of it. */
const FULL_BYTES = 32 << 20;

/** What a checkpoint works with. */
export interface CheckpointParts {
  /** Of the file system, where copies are brought home. */
  readonly device: BlockDevice;
  readonly queue: WriteQueue;
  readonly log: Log;
  readonly ring: LogRing;
  readonly blocks: LoggedBlocks;
  /** Transactions in the log, the oldest first; those that the tail passes are taken out. */
  readonly stored: StoredTransaction[];
  /** The number that the next transaction will have. */
  readonly nextSequence: () => number;
  /** Told when something cannot be read or written. */
  readonly failed: (error: Error) => void;
}

/** Where the log begins. */
export interface LogTail {
  /** Journal block; 0: the log is empty. */
  readonly block: number;
  /** The first transaction's number, or the next one's in an empty log. */
  readonly sequence: number;
}

/** One block on its way home. */
interface Homing {
  readonly diskBlock: number;
  readonly transaction: StoredTransaction;
}

/** Empties the log, a step at a time. */
export class Checkpoint {
  /** Blocks brought home so far. */
  broughtHome = 0;
  readonly #memory: Uint8Array;
  readonly #fullBlocks: number;
  #busy = false;
  /** As on the device: everything before it is in its place, durably. */
  #tail: LogTail;
  /** How far into the oldest transactions the search for blocks has come. */
  #searched: StoredTransaction | undefined;
  #searchedBlocks = 0;

  constructor(readonly parts: CheckpointParts) {
    const { log, ring } = parts;
    this.#tail = { block: log.superblock.startBlock, sequence: log.superblock.sequence };
    this.#memory = new Uint8Array(STEP_BLOCKS * log.blockBytes);
    this.#fullBlocks = Math.min(ring.totalBlocks >> 1, Math.floor(FULL_BYTES / log.blockBytes));
  }

  /** Goes on emptying the log in the background if it is full enough to begin, or a start was made. */
  goOn(): void {
    if (this.#busy) return;
    if (this.parts.ring.usedBlocks > this.#fullBlocks) this.advance(false);
  }

  /**
   * Takes one step: brings blocks home, or moves the tail behind transactions that are not needed any more.
   * @param everything move the tail however little that gains.
   */
  advance(everything: boolean): void {
    this.#busy = true;
    const gain = everything ? 1 : this.#fullBlocks >> 1;
    const passed = this.#passable();
    if (journalBlocksOf(passed) >= gain) return this.#moveTail(passed);
    const step = this.#choose();
    if (step.length > 0) return this.#bringHome(step);
    if (passed.length > 0) return this.#moveTail(passed);
    this.#busy = false;
  }

  /** The oldest transactions of which nothing is needed any more. */
  #passable(): StoredTransaction[] {
    const { stored } = this.parts;
    const end = stored.findIndex(({ committed, needed }) => !committed || needed > 0);
    return end < 0 ? [...stored] : stored.slice(0, end);
  }

  /** Blocks to bring home next, in the order of their places. */
  #choose(): Homing[] {
    const { stored, blocks } = this.parts;
    const step: Homing[] = [];
    for (const transaction of stored) {
      if (!transaction.committed) break;
      if (transaction.needed === 0) continue;
      const list = transaction.blocks;
      let index = transaction === this.#searched ? this.#searchedBlocks : 0;
      for (; index < list.length && step.length < STEP_BLOCKS; index++) {
        const diskBlock = list[index];
        if (diskBlock === undefined || !blocks.waitsIn(diskBlock, transaction)) continue;
        step.push({ diskBlock, transaction });
      }
      this.#searched = transaction;
      this.#searchedBlocks = index;
      if (step.length === STEP_BLOCKS) break;
    }
    return step.sort((a, b) => a.diskBlock - b.diskBlock);
  }

  #bringHome(step: readonly Homing[]): void {
    const { queue } = this.parts;
    try {
      this.#write(step);
    } catch (error) {
      return this.#failed(error);
    }
    queue.mark((error) => {
      this.#busy = false;
      if (error !== null) return this.parts.failed(error);
      for (const { diskBlock, transaction } of step) {
        this.parts.blocks.broughtHome(diskBlock, transaction);
      }
      this.broughtHome += step.length;
      this.#afterStep();
    });
  }

  /** Once begun, the log is emptied to a quarter, so that it is not begun again at once. */
  #afterStep(): void {
    if (this.parts.ring.usedBlocks > this.#fullBlocks >> 1) this.advance(false);
  }

  #write(step: readonly Homing[]): void {
    const { queue, device, log: { blockBytes }, blocks } = this.parts;
    const memory = this.#memory;
    step.forEach(({ diskBlock }, index) => {
      blocks.read(diskBlock, memory.subarray(index * blockBytes, (index + 1) * blockBytes));
    });
    for (let from = 0; from < step.length;) {
      const first = step[from]?.diskBlock ?? 0;
      let to = from + 1;
      while (to < step.length && step[to]?.diskBlock === first + to - from) to++;
      const bytes = memory.subarray(from * blockBytes, to * blockBytes);
      queue.write(device, bytes, first * blockBytes);
      from = to;
    }
  }

  /**
   * Writes down that the log begins behind the transactions `passed`. Their room is free once that is durable,
   * and it is written once what they brought home is.
   */
  #moveTail(passed: readonly StoredTransaction[]): void {
    const { queue, device, ring, stored, blocks, nextSequence } = this.parts;
    const next = stored[passed.length];
    const tail = {
      block: next?.startBlock ?? ring.head,
      sequence: next?.sequence ?? nextSequence(),
    };
    queue.flush(device);
    this.#writeSuperblock(tail);
    queue.mark((error) => {
      this.#busy = false;
      if (error !== null) return this.parts.failed(error);
      this.#tail = tail;
      stored.splice(0, passed.length);
      for (const transaction of passed) {
        blocks.forget(transaction);
        ring.give(transaction.journalBlocks);
      }
      this.#afterStep();
    });
  }

  /** Writes the journal's superblock durably; whoever calls sets the mark. The log begins at `tail`. */
  begin(tail: LogTail): void {
    this.#tail = tail;
    this.#writeSuperblock(tail);
  }

  /** Writes the superblock with the tail as it is known to be safe. */
  rewriteSuperblock(): void {
    this.#writeSuperblock(this.#tail);
  }

  #writeSuperblock(tail: LogTail): void {
    const { queue, log } = this.parts;
    log.superblock.startBlock = tail.block;
    log.superblock.sequence = tail.sequence;
    log.superblock.setChecksum();
    queue.write(log.device, log.superblock.bytes.slice(), log.offsetOf(0));
    queue.flush(log.device);
  }

  #failed(error: unknown): void {
    this.#busy = false;
    this.parts.failed(error instanceof Error ? error : new Error(String(error)));
  }
}

function journalBlocksOf(transactions: readonly StoredTransaction[]): number {
  let blocks = 0;
  for (const { journalBlocks } of transactions) blocks += journalBlocks;
  return blocks;
}
