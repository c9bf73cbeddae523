/**
 * The stamp by which kfs sees that another program changed an image with snapshots.
 *
 * It is a checksum of the superblock, in the superblock's last reserved word. Every program that mounts, checks or
 * changes an ext4 file system changes the superblock (mount and write times and counts, free counts) and carries
 * reserved words along, so the stamp of kfs does not fit any more. What may change without a new stamp is left out:
 * the state, needs_recovery, the record of errors, the checksum.
 *
 * @module
 */

import { crc32c } from "./crc32c.ts";
import { Incompat } from "./features.ts";
import type { Superblock } from "./superblock.ts";

/** Never a stamp: no snapshots. */
export const NO_STAMP = 0;
/** Put in the stamp's place to say that it does not hold. */
const VOID_STAMP = 1;

const STATE = 0x3a;
const FEATURE_INCOMPAT = 0x60;
const ERRORS_START = 0x194;
const ERRORS_END = 0x200;
const ERROR_TIMES_START = 0x278;
const ERROR_TIMES_END = 0x27c;
const STAMP = 0x3f8;

const copy = new Uint8Array(1024);

/** The stamp that the superblock should have; never `NO_STAMP`. */
export function stampOf(superblock: Superblock): number {
  copy.set(superblock.bytes);
  copy.fill(0, STATE, STATE + 2);
  copy[FEATURE_INCOMPAT] = (copy[FEATURE_INCOMPAT] as number) & ~Incompat.RECOVER;
  copy.fill(0, ERRORS_START, ERRORS_END);
  copy.fill(0, ERROR_TIMES_START, ERROR_TIMES_END);
  const crc = crc32c(0xffffffff, copy, 0, STAMP);
  return crc <= VOID_STAMP ? crc + 2 : crc;
}

/** Sets the stamp. @param valid false: to one that never fits. */
export function setStamp(superblock: Superblock, valid: boolean): void {
  superblock.snapshotStamp = valid ? stampOf(superblock) : VOID_STAMP;
}

/** Whether nobody but kfs has written the superblock since the stamp was set. */
export function stampFits(superblock: Superblock): boolean {
  return superblock.snapshotStamp === stampOf(superblock);
}
