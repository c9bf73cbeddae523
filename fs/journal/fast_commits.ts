/** Reading fast commits: which of them are complete. @module */

import { crc32c } from "../layout/crc32c.ts";
import {
  decodeOperation,
  FastCommitTag,
  type FastOperation,
  isRecordLength,
  RECORD_HEADER_BYTES,
} from "../layout/fast_commit.ts";
import type { Log } from "./log.ts";

/** The operations of one fast commit, in order. */
export type FastCommit = readonly FastOperation[];

/** What comes of looking at a record. */
type Step = "on" | "end";

/**
 * Reads the fast commits that follow the last full transaction, as far as they are complete.
 * @param sequence the transaction that was running: the first that is not complete in the log.
 * @param inodeBytes size of an inode in the table.
 * @throws DeviceError; Corrupt for a hole in the journal.
 */
export function readFastCommits(log: Log, sequence: number, inodeBytes: number): FastCommit[] {
  const { superblock, blockBytes } = log;
  if (superblock.fastCommitBlocks === 0) return [];
  const reader = new Reader(sequence, inodeBytes);
  const bytes = new Uint8Array(blockBytes);
  // The block between log and fast commits is not used.
  for (let block = superblock.logEndBlock + 1; block < superblock.totalBlocks; block++) {
    log.read(block, bytes);
    if (reader.block(bytes) === "end") break;
  }
  return reader.commits;
}

class Reader {
  readonly commits: FastCommit[] = [];
  #operations: FastOperation[] = [];
  #crc = 0;
  #begun = false;

  constructor(readonly sequence: number, readonly inodeBytes: number) {}

  block(bytes: Uint8Array): Step {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let at = 0; at + RECORD_HEADER_BYTES <= bytes.length;) {
      const tag = view.getUint16(at, true);
      const length = view.getUint16(at + 2, true);
      const end = at + RECORD_HEADER_BYTES + length;
      if (!this.#begun && tag !== FastCommitTag.HEAD) return "end";
      if (end > bytes.length || !isRecordLength(tag, length, this.inodeBytes)) return "end";
      if (this.#record(bytes, view, tag, at, end) === "end") return "end";
      at = end;
    }
    return "on";
  }

  #record(bytes: Uint8Array, view: DataView, tag: number, at: number, end: number): Step {
    const value = at + RECORD_HEADER_BYTES;
    if (tag === FastCommitTag.TAIL) return this.#tail(bytes, view, at);
    if (tag === FastCommitTag.HEAD) {
      const isOurs = view.getUint32(value, true) === 0 &&
        view.getUint32(value + 4, true) === this.sequence;
      if (!isOurs) return "end";
      this.#begun = true;
    }
    this.#crc = crc32c(this.#crc, bytes, at, end);
    const operation = decodeOperation(tag, bytes.subarray(value, end));
    if (operation !== undefined) this.#operations.push(operation);
    return "on";
  }

  #tail(bytes: Uint8Array, view: DataView, at: number): Step {
    const value = at + RECORD_HEADER_BYTES;
    const crc = crc32c(this.#crc, bytes, at, value + 4);
    const isComplete = view.getUint32(value, true) === this.sequence &&
      view.getUint32(value + 4, true) === crc;
    if (!isComplete) return "end";
    this.commits.push(this.#operations);
    this.#operations = [];
    this.#crc = 0;
    return "on";
  }
}
