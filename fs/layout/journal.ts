/**
 * Blocks of the journal (jbd2): what they have in common, commit blocks and revoke blocks. Descriptor blocks are in
 * `journal_descriptor.ts`, the superblock in `journal_superblock.ts`. All of the journal is big-endian.
 *
 * Header `journal_header_s` (12 bytes) of every block that is not a copy: 0x0 h_magic (32 bits, 0xc03b3998),
 * 0x4 h_blocktype (32), 0x8 h_sequence (32, the transaction). A copied block that begins with h_magic has those four
 * bytes zeroed in the journal, and its tag says so.
 *
 * Commit block `commit_header` (60 bytes): the header, 0xc h_chksum_type (8), 0xd h_chksum_size (8),
 * 0xe h_padding (2 × 8), 0x10 h_chksum (8 × 32), 0x30 h_commit_sec (64), 0x38 h_commit_nsec (32). With checksums v2 and
 * v3 h_chksum[0] is the crc32c, continued from the journal's seed, over the whole block with h_chksum[0] as zero; type
 * and size stay 0. With COMPAT_CHECKSUM (v1) type is 1, size 4, and h_chksum[0] a big-endian CRC-32 over the
 * transaction's descriptor blocks and copies.
 *
 * Revoke block `jbd2_journal_revoke_header_s` (16 bytes): the header, 0xc r_count (32, bytes in use, these included);
 * then block numbers of 32 bits, or of 64 with the 64BIT feature.
 *
 * Tail `jbd2_journal_block_tail` (the last 4 bytes) of descriptor and revoke blocks with checksums v2 and v3:
 * 0x0 t_checksum, the crc32c, continued from the journal's seed, over the whole block with the tail as zero.
 *
 * The journal's seed is the crc32c of its s_uuid from 0xffffffff.
 *
 * Kernel documentation: Documentation/filesystems/ext4/journal.rst.
 *
 * @module
 */

import { getUint64BigEndian, setUint64BigEndian } from "../bytes/uint64.ts";
import { Corrupt } from "../errors.ts";
import { crc32c, crc32cZeros } from "./crc32c.ts";

export const JOURNAL_MAGIC = 0xc03b3998;
export const JOURNAL_HEADER_BYTES = 12;
export const REVOKE_HEADER_BYTES = 16;
export const JOURNAL_TAIL_BYTES = 4;

/** Values of h_blocktype. */
export const JournalBlockType = {
  DESCRIPTOR: 1,
  COMMIT: 2,
  SUPERBLOCK_V1: 3,
  SUPERBLOCK_V2: 4,
  REVOKE: 5,
} as const;

/** Bits of s_feature_compat and s_feature_incompat. */
export const JournalCompat = { CHECKSUM: 0x1 } as const;
export const JournalIncompat = {
  REVOKE: 0x1,
  BIT64: 0x2,
  ASYNC_COMMIT: 0x4,
  CSUM_V2: 0x8,
  CSUM_V3: 0x10,
  FAST_COMMIT: 0x20,
} as const;

/** What the journal's features say about its blocks. */
export interface JournalFormat {
  readonly blockBytes: number;
  /** Block numbers have 64 bits. */
  readonly is64bit: boolean;
  /** 0: none of v2 and v3. */
  readonly checksums: 0 | 2 | 3;
  /** Seed of all checksums in the journal. */
  readonly seed: number;
}

const COMMIT_CHECKSUM_OFFSET = 0x10;
/** h_chksum_type of COMPAT_CHECKSUM. */
const CRC32_TYPE = 1;

/** h_blocktype if the block begins with the journal's magic, else 0: a copy, or rubbish. */
export function journalBlockType(view: DataView): number {
  return view.getUint32(0) === JOURNAL_MAGIC ? view.getUint32(4) : 0;
}

/** h_sequence: the transaction that a block with a header belongs to. */
export function journalSequence(view: DataView): number {
  return view.getUint32(8);
}

export function writeJournalHeader(view: DataView, blockType: number, sequence: number): void {
  view.setUint32(0, JOURNAL_MAGIC);
  view.setUint32(4, blockType);
  view.setUint32(8, sequence);
}

/** Whether `a` comes after `b`; transaction numbers wrap at 2^32. */
export function sequenceIsAfter(a: number, b: number): boolean {
  return ((a - b) | 0) > 0;
}

/** The number of the transaction after `sequence`. */
export function nextSequence(sequence: number): number {
  return (sequence + 1) >>> 0;
}

/** Room at the end of descriptor and revoke blocks that the tail takes. */
export function journalTailBytes(format: JournalFormat): number {
  return format.checksums === 0 ? 0 : JOURNAL_TAIL_BYTES;
}

function tailChecksum(bytes: Uint8Array, seed: number): number {
  const crc = crc32c(seed, bytes, 0, bytes.length - JOURNAL_TAIL_BYTES);
  return crc32cZeros(crc, JOURNAL_TAIL_BYTES);
}

/** Sets the tail of a descriptor or revoke block; nothing without checksums v2 or v3. */
export function setJournalTail(bytes: Uint8Array, view: DataView, format: JournalFormat): void {
  if (format.checksums === 0) return;
  view.setUint32(bytes.length - JOURNAL_TAIL_BYTES, tailChecksum(bytes, format.seed));
}

/** Whether the tail of a descriptor or revoke block is right; true without checksums v2 or v3. */
export function verifyJournalTail(
  bytes: Uint8Array,
  view: DataView,
  format: JournalFormat,
): boolean {
  return format.checksums === 0 ||
    view.getUint32(bytes.length - JOURNAL_TAIL_BYTES) === tailChecksum(bytes, format.seed);
}

/** The fields of a commit block. */
export interface Commit {
  sequence: number;
  /** When the transaction was committed: seconds since 1970, and nanoseconds. */
  seconds: number;
  nanoseconds: number;
  /** The transaction's CRC-32 of COMPAT_CHECKSUM (v1); undefined if there is none. */
  transactionChecksum: number | undefined;
}

function commitChecksum(bytes: Uint8Array, seed: number): number {
  const crc = crc32cZeros(crc32c(seed, bytes, 0, COMMIT_CHECKSUM_OFFSET), 4);
  return crc32c(crc, bytes, COMMIT_CHECKSUM_OFFSET + 4);
}

/** Encodes a commit block that fills `bytes`. */
export function encodeCommit(
  bytes: Uint8Array,
  view: DataView,
  format: JournalFormat,
  commit: Commit,
): void {
  bytes.fill(0);
  writeJournalHeader(view, JournalBlockType.COMMIT, commit.sequence);
  setUint64BigEndian(view, 0x30, commit.seconds);
  view.setUint32(0x38, commit.nanoseconds);
  if (format.checksums !== 0) {
    view.setUint32(COMMIT_CHECKSUM_OFFSET, commitChecksum(bytes, format.seed));
  } else if (commit.transactionChecksum !== undefined) {
    view.setUint8(0xc, CRC32_TYPE);
    view.setUint8(0xd, 4);
    view.setUint32(COMMIT_CHECKSUM_OFFSET, commit.transactionChecksum);
  }
}

/**
 * Decodes a commit block (whose type is already known).
 *
 * @returns undefined if its checksum (v2 or v3) is wrong: a commit that did not reach the disk whole.
 */
export function decodeCommit(
  bytes: Uint8Array,
  view: DataView,
  format: JournalFormat,
): Commit | undefined {
  const stored = view.getUint32(COMMIT_CHECKSUM_OFFSET);
  if (format.checksums !== 0 && stored !== commitChecksum(bytes, format.seed)) return undefined;
  const isCrc32 = view.getUint8(0xc) === CRC32_TYPE && view.getUint8(0xd) === 4;
  return {
    sequence: journalSequence(view),
    seconds: getUint64BigEndian(view, 0x30),
    nanoseconds: view.getUint32(0x38),
    transactionChecksum: format.checksums === 0 && isCrc32 ? stored : undefined,
  };
}

/** Block numbers that fit in a revoke block. */
export function revokeCapacity(format: JournalFormat): number {
  const room = format.blockBytes - REVOKE_HEADER_BYTES - journalTailBytes(format);
  return Math.floor(room / (format.is64bit ? 8 : 4));
}

/**
 * Encodes a revoke block that fills `bytes`, with as many of `blocks` from index `from` on as fit.
 *
 * @returns the index of the first block that did not.
 */
export function encodeRevoke(
  bytes: Uint8Array,
  view: DataView,
  format: JournalFormat,
  sequence: number,
  blocks: readonly number[],
  from: number,
): number {
  bytes.fill(0);
  writeJournalHeader(view, JournalBlockType.REVOKE, sequence);
  const chosen = blocks.slice(from, from + revokeCapacity(format));
  let at = REVOKE_HEADER_BYTES;
  for (const block of chosen) {
    if (format.is64bit) setUint64BigEndian(view, at, block);
    else view.setUint32(at, block);
    at += format.is64bit ? 8 : 4;
  }
  view.setUint32(0xc, at);
  setJournalTail(bytes, view, format);
  return from + chosen.length;
}

/**
 * Decodes a revoke block (whose type is already known).
 *
 * @param journalBlock where it is in the journal, for the error.
 * @returns the block numbers that are revoked.
 * @throws {Corrupt} "journal revoke block".
 */
export function decodeRevoke(
  bytes: Uint8Array,
  view: DataView,
  format: JournalFormat,
  journalBlock: number,
): number[] {
  const corrupt = (field: string) =>
    new Corrupt("journal revoke block", `journal block ${journalBlock}`, field);
  if (!verifyJournalTail(bytes, view, format)) throw corrupt("t_checksum");
  const count = view.getUint32(0xc);
  const width = format.is64bit ? 8 : 4;
  if (count < REVOKE_HEADER_BYTES || count > bytes.length - journalTailBytes(format)) {
    throw corrupt(`r_count ${count}`);
  }
  const blocks: number[] = [];
  for (let at = REVOKE_HEADER_BYTES; at + width <= count; at += width) {
    blocks.push(format.is64bit ? getUint64BigEndian(view, at) : view.getUint32(at));
  }
  return blocks;
}
