/**
 * What is recorded of a snapshot besides its name: a value of 40 bytes, little-endian, in the attribute
 * `trusted.kfs.snapshot` of its file.
 *
 * | offset | bytes | field                                       |
 * | -----: | ----: | ------------------------------------------- |
 * |      0 |     2 | version, 1                                  |
 * |      2 |     2 | flags: 1 damaged, 2 being deleted           |
 * |      4 |     4 | number; a later snapshot has a higher one   |
 * |      8 |     8 | time, seconds since 1970                    |
 * |     16 |     4 | nanoseconds                                 |
 * |     20 |     4 | zero                                        |
 * |     24 |     8 | blocks of the file system                   |
 * |     32 |     8 | blocks of it that were in use               |
 *
 * @module
 */

import { getUint64, setUint64 } from "../bytes/uint64.ts";

const VERSION = 1;
export const RECORD_BYTES = 40;
/** Behind the prefix "trusted.". */
export const RECORD_NAME: Uint8Array = new TextEncoder().encode("kfs.snapshot");

const DAMAGED = 1;
const DELETING = 2;

/** What the attribute says. */
export interface SnapshotRecord {
  readonly number: number;
  readonly seconds: number;
  readonly nanoseconds: number;
  readonly blocksCount: number;
  readonly usedBlocks: number;
  /** Another program changed the image since, or blocks could not be kept: nothing is read from it any more. */
  readonly damaged: boolean;
  /** Its blocks are being given back. */
  readonly deleting: boolean;
}

/** The record, or undefined for a value that is none. */
export function decodeRecord(bytes: Uint8Array): SnapshotRecord | undefined {
  if (bytes.length !== RECORD_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (view.getUint16(0, true) !== VERSION) return undefined;
  const flags = view.getUint16(2, true);
  return {
    number: view.getUint32(4, true),
    seconds: getUint64(view, 8),
    nanoseconds: view.getUint32(16, true),
    blocksCount: getUint64(view, 24),
    usedBlocks: getUint64(view, 32),
    damaged: (flags & DAMAGED) !== 0,
    deleting: (flags & DELETING) !== 0,
  };
}

export function encodeRecord(record: SnapshotRecord): Uint8Array {
  const bytes = new Uint8Array(RECORD_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, VERSION, true);
  view.setUint16(2, (record.damaged ? DAMAGED : 0) | (record.deleting ? DELETING : 0), true);
  view.setUint32(4, record.number, true);
  setUint64(view, 8, record.seconds);
  view.setUint32(16, record.nanoseconds, true);
  setUint64(view, 24, record.blocksCount);
  setUint64(view, 32, record.usedBlocks);
  return bytes;
}
