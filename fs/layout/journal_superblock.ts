/**
 * The journal's superblock, the first block of the journal. Big-endian.
 *
 * `journal_superblock_s` (1024 bytes): the header (see `journal.ts`) with h_blocktype 3 or 4, 0xc s_blocksize (32 bits),
 * 0x10 s_maxlen (32, blocks), 0x14 s_first (32, first block of the log), 0x18 s_sequence (32, first transaction expected
 * in the log), 0x1c s_start (32, its journal block; 0: the log is empty), 0x20 s_errno (32, signed).
 * Only with h_blocktype 4 (v2): 0x24 s_feature_compat, 0x28 s_feature_incompat, 0x2c s_feature_ro_compat (32 each),
 * 0x30 s_uuid (16 bytes), 0x40 s_nr_users (32), 0x44 s_dynsuper (32), 0x48 s_max_transaction (32),
 * 0x4c s_max_trans_data (32), 0x50 s_checksum_type (8, 4: crc32c), 0x51 s_padding2 (3), 0x54 s_num_fc_blks (32),
 * 0x58 s_head (32), 0x5c s_padding (40 × 32), 0xfc s_checksum (32), 0x100 s_users (48 × 16 bytes).
 *
 * s_checksum, with checksums v2 and v3, is the crc32c from 0xffffffff over the 1024 bytes with s_checksum as zero.
 *
 * Kernel documentation: Documentation/filesystems/ext4/journal.rst, "Super Block".
 *
 * @module
 */

import { Corrupt } from "../errors.ts";
import { crc32c, crc32cZeros } from "./crc32c.ts";
import {
  JOURNAL_MAGIC,
  JournalBlockType,
  JournalCompat,
  type JournalFormat,
  JournalIncompat,
  writeJournalHeader,
} from "./journal.ts";

export const JOURNAL_SUPERBLOCK_BYTES = 1024;
/** Fewest blocks of a journal, without the fast commit area. */
export const MIN_JOURNAL_BLOCKS = 1024;
/** Blocks of the fast commit area if s_num_fc_blks is 0 while the feature is set. */
export const DEFAULT_FAST_COMMIT_BLOCKS = 256;

const CHECKSUM_OFFSET = 0xfc;
const CRC32C_TYPE = 4;

/** The superblock over a private copy of its bytes: fields not named here stay as they were. */
export class JournalSuperblock {
  readonly view: DataView;

  /** @param bytes the 1024 bytes; kept and changed in place. */
  constructor(readonly bytes: Uint8Array) {
    if (bytes.length !== JOURNAL_SUPERBLOCK_BYTES) {
      throw new RangeError(`journal superblock of ${bytes.length} bytes`);
    }
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  /** h_blocktype is 4: features, UUID and checksum exist. */
  get isVersion2(): boolean {
    return this.view.getUint32(4) === JournalBlockType.SUPERBLOCK_V2;
  }
  /** s_blocksize, bytes. */
  get blockBytes(): number {
    return this.view.getUint32(0xc);
  }
  /** s_maxlen: blocks of the journal, this one included. */
  get totalBlocks(): number {
    return this.view.getUint32(0x10);
  }
  /** s_first: first block of the log; 1 in a journal inside its file system. */
  get firstBlock(): number {
    return this.view.getUint32(0x14);
  }
  /** s_sequence. */
  get sequence(): number {
    return this.view.getUint32(0x18);
  }
  set sequence(value: number) {
    this.view.setUint32(0x18, value);
  }
  /** s_start: journal block of the oldest transaction to replay; 0 if there is nothing to do. */
  get startBlock(): number {
    return this.view.getUint32(0x1c);
  }
  set startBlock(value: number) {
    this.view.setUint32(0x1c, value);
  }
  /** s_errno: 0, or why the journal was given up, a negative errno. */
  get error(): number {
    return this.view.getInt32(0x20);
  }
  set error(value: number) {
    this.view.setInt32(0x20, value);
  }
  get featureCompat(): number {
    return this.isVersion2 ? this.view.getUint32(0x24) : 0;
  }
  set featureCompat(value: number) {
    this.view.setUint32(0x24, value);
  }
  get featureIncompat(): number {
    return this.isVersion2 ? this.view.getUint32(0x28) : 0;
  }
  set featureIncompat(value: number) {
    this.view.setUint32(0x28, value);
  }
  get featureRoCompat(): number {
    return this.isVersion2 ? this.view.getUint32(0x2c) : 0;
  }
  /** s_uuid, 16 bytes (a view). */
  get uuid(): Uint8Array {
    return this.bytes.subarray(0x30, 0x40);
  }
  /** s_nr_users. */
  get users(): number {
    return this.view.getUint32(0x40);
  }
  /** s_head: where the next transaction goes in an empty log; 0 if that is not kept. */
  get headBlock(): number {
    return this.view.getUint32(0x58);
  }
  set headBlock(value: number) {
    this.view.setUint32(0x58, value);
  }
  /** Blocks at the journal's end for fast commits; 0 without the feature. */
  get fastCommitBlocks(): number {
    if ((this.featureIncompat & JournalIncompat.FAST_COMMIT) === 0) return 0;
    return this.view.getUint32(0x54) || DEFAULT_FAST_COMMIT_BLOCKS;
  }
  /** The first journal block that is not of the log any more. */
  get logEndBlock(): number {
    return this.totalBlocks - this.fastCommitBlocks;
  }
  /** Turns a version 1 superblock into one of version 2 without features; its log must be empty. */
  upgrade(): void {
    if (this.isVersion2) return;
    this.view.setUint32(4, JournalBlockType.SUPERBLOCK_V2);
    this.bytes.fill(0, 0x24);
    this.view.setUint32(0x40, 1);
  }

  /** Which of the exclusive checksum features is set: 0 neither, 2 or 3. */
  get checksums(): 0 | 2 | 3 {
    if ((this.featureIncompat & JournalIncompat.CSUM_V3) !== 0) return 3;
    return (this.featureIncompat & JournalIncompat.CSUM_V2) !== 0 ? 2 : 0;
  }
  /** COMPAT_CHECKSUM: commit blocks have a CRC-32 of their transaction. */
  get hasTransactionChecksums(): boolean {
    return (this.featureCompat & JournalCompat.CHECKSUM) !== 0;
  }

  /** Sets the features of checksums to those of v3 or v2 or to none, and s_checksum_type with them. */
  setChecksums(version: 0 | 2 | 3): void {
    const other = this.featureIncompat & ~(JournalIncompat.CSUM_V2 | JournalIncompat.CSUM_V3);
    const bit = version === 3
      ? JournalIncompat.CSUM_V3
      : version === 2
      ? JournalIncompat.CSUM_V2
      : 0;
    this.featureIncompat = (other | bit) >>> 0;
    this.featureCompat = (this.featureCompat & ~JournalCompat.CHECKSUM) >>> 0;
    this.view.setUint8(0x50, version === 0 ? 0 : CRC32C_TYPE);
  }

  /** What the features say about the journal's blocks. */
  format(): JournalFormat {
    return {
      blockBytes: this.blockBytes,
      is64bit: (this.featureIncompat & JournalIncompat.BIT64) !== 0,
      checksums: this.checksums,
      seed: this.checksums === 0 ? 0 : crc32c(0xffffffff, this.uuid),
    };
  }

  /** Computes and stores s_checksum; does nothing without checksums v2 or v3. */
  setChecksum(): void {
    if (this.checksums !== 0) this.view.setUint32(CHECKSUM_OFFSET, this.#computeChecksum());
  }

  checksumMatches(): boolean {
    return this.checksums === 0 ||
      this.view.getUint32(CHECKSUM_OFFSET) === this.#computeChecksum();
  }

  #computeChecksum(): number {
    const crc = crc32cZeros(crc32c(0xffffffff, this.bytes, 0, CHECKSUM_OFFSET), 4);
    return crc32c(crc, this.bytes, CHECKSUM_OFFSET + 4);
  }
}

/** What a new journal is like. */
export interface NewJournal {
  /** Bytes of a block. */
  readonly blockBytes: number;
  /** Blocks of the journal, its superblock and the fast commit area included. */
  readonly totalBlocks: number;
  /** First block of the log: 1, or behind the file system superblock's copy on a journal device. */
  readonly firstBlock: number;
  /** Blocks for fast commits, 0 without. */
  readonly fastCommitBlocks: number;
  /** 16 bytes: the file system's s_uuid in a journal inside it. */
  readonly uuid: Uint8Array;
}

/** The superblock (v2) of a new, empty journal, without features and checksum. */
export function newJournalSuperblock(journal: NewJournal): JournalSuperblock {
  const superblock = new JournalSuperblock(new Uint8Array(JOURNAL_SUPERBLOCK_BYTES));
  const { view } = superblock;
  writeJournalHeader(view, JournalBlockType.SUPERBLOCK_V2, 0);
  view.setUint32(0xc, journal.blockBytes);
  view.setUint32(0x10, journal.totalBlocks);
  view.setUint32(0x14, journal.firstBlock);
  view.setUint32(0x18, 1);
  view.setUint32(0x40, 1);
  view.setUint32(0x54, journal.fastCommitBlocks);
  superblock.bytes.set(journal.uuid, 0x30);
  return superblock;
}

/**
 * Decodes a journal's superblock and checks what reading the log relies on. Whether the features are supported is for
 * the caller to say.
 *
 * @param bytes at least 1024 bytes, which are copied.
 * @param blockBytes the file system's block size.
 * @param availableBlocks blocks that the journal file or device has.
 * @throws {Corrupt} "journal superblock".
 */
export function decodeJournalSuperblock(
  bytes: Uint8Array,
  blockBytes: number,
  availableBlocks: number,
  place = "journal block 0",
): JournalSuperblock {
  const superblock = new JournalSuperblock(bytes.slice(0, JOURNAL_SUPERBLOCK_BYTES));
  const problem = superblockProblem(superblock, blockBytes, availableBlocks);
  if (problem !== undefined) throw new Corrupt("journal superblock", place, problem);
  return superblock;
}

function superblockProblem(
  superblock: JournalSuperblock,
  blockBytes: number,
  availableBlocks: number,
): string | undefined {
  const { view, totalBlocks, firstBlock, startBlock, logEndBlock } = superblock;
  const magic = view.getUint32(0);
  const type = view.getUint32(4);
  if (magic !== JOURNAL_MAGIC) return `h_magic 0x${magic.toString(16)} is not 0xc03b3998`;
  if (type !== JournalBlockType.SUPERBLOCK_V1 && type !== JournalBlockType.SUPERBLOCK_V2) {
    return `h_blocktype ${type}`;
  }
  if (superblock.blockBytes !== blockBytes) {
    return `s_blocksize ${superblock.blockBytes} is not ${blockBytes}`;
  }
  if (totalBlocks > availableBlocks) return `s_maxlen ${totalBlocks} exceeds ${availableBlocks}`;
  const both = JournalIncompat.CSUM_V2 | JournalIncompat.CSUM_V3;
  if ((superblock.featureIncompat & both) === both) {
    return "s_feature_incompat: csum_v2 and csum_v3";
  }
  if (superblock.checksums !== 0) {
    if (superblock.hasTransactionChecksums) {
      return "s_feature_compat: checksum beside csum_v2 or v3";
    }
    if (view.getUint8(0x50) !== CRC32C_TYPE) return `s_checksum_type ${view.getUint8(0x50)}`;
    if (!superblock.checksumMatches()) return "s_checksum";
  }
  if (firstBlock === 0 || firstBlock >= logEndBlock) return `s_first ${firstBlock}`;
  if (startBlock !== 0 && (startBlock < firstBlock || startBlock >= logEndBlock)) {
    return `s_start ${startBlock}`;
  }
  return undefined;
}
