/**
 * The journal: its inode, its superblock, and what it holds.
 *
 * @module
 */

import type { BlockDevice } from "../device/device.ts";
import { FsError } from "../errors.ts";
import { Log } from "../journal/log.ts";
import { RecoveredDevice } from "../journal/recovered_device.ts";
import { planRecovery } from "../journal/replay.ts";
import { Compat, Incompat } from "../layout/features.ts";
import { InodeFlag } from "../layout/inode.ts";
import { JOURNAL_MAGIC, JournalBlockType, JournalIncompat } from "../layout/journal.ts";
import {
  JOURNAL_SUPERBLOCK_BYTES,
  JournalSuperblock,
  MIN_JOURNAL_BLOCKS,
} from "../layout/journal_superblock.ts";
import { externalLog } from "../ops/find_log.ts";
import type { CheckContext } from "./context.ts";
import type { InodeReader } from "./inode_reader.ts";
import { diskBlocksOf } from "./map_file.ts";

const CRC32C_TYPE = 4;
/** Blocks of the largest journal that mke2fs makes. */
const MAX_JOURNAL_BLOCKS = 10_240_000;
const KNOWN_INCOMPAT = JournalIncompat.REVOKE | JournalIncompat.BIT64 |
  JournalIncompat.ASYNC_COMMIT | JournalIncompat.CSUM_V2 | JournalIncompat.CSUM_V3 |
  JournalIncompat.FAST_COMMIT;

/** What replaying the journal does. */
export interface Replay {
  readonly device: BlockDevice;
  readonly transactions: number;
  readonly blocks: number;
  /** The journal may hold fast commits, which are not replayed. */
  readonly fastCommits: boolean;
}

function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

/** Where the journal's blocks lie; undefined when its inode is not one, which is reported. */
function journalBlocks(check: CheckContext, inodes: InodeReader): Float64Array | undefined {
  const { superblock, geometry, findings, reader } = check;
  const inode = superblock.journalInode;
  const raw = inodes.read(inode);
  const bad = (detail: string): undefined => {
    findings.add("journal_inode", { inode }, undefined, undefined, detail);
    return undefined;
  };
  if (raw === undefined) return bad("there is no such inode");
  if (raw.links === 0 || !raw.isRegular || raw.has(InodeFlag.ENCRYPT)) {
    return bad("i_mode, i_links_count or i_flags");
  }
  const count = Math.floor(raw.size / geometry.blockBytes);
  if (count < MIN_JOURNAL_BLOCKS || count > Math.min(reader.deviceBlocks, MAX_JOURNAL_BLOCKS)) {
    return bad(`${count} blocks`);
  }
  const blocks = diskBlocksOf(reader, raw, count);
  const hole = blocks.findIndex((block) => block === 0 || !check.inRange(block));
  return hole >= 0 ? bad(`file block ${hole} is not mapped`) : blocks;
}

/** Checks the journal's inode and superblock. */
export function checkJournal(check: CheckContext, inodes: InodeReader): void {
  const { superblock, findings } = check;
  // The attempt to replay it has told already.
  if (findings.counts.has("journal_inode") || findings.counts.has("journal_log")) return;
  const has = superblock.hasCompat(Compat.HAS_JOURNAL);
  const recover = superblock.hasIncompat(Incompat.RECOVER);
  if (!isZero(superblock.journalUuid)) {
    if (openExternal(check) === undefined) findings.add("journal_external", {});
    return;
  }
  if (superblock.journalInode === 0) {
    if (has) findings.add("journal_inode", {}, 0);
    else if (recover) findings.add("journal_recovery_without", {});
    return;
  }
  if (!has) findings.add("journal_without_feature", { inode: superblock.journalInode });
  const blocks = journalBlocks(check, inodes);
  if (blocks === undefined) return;
  const block = blocks[0] ?? 0;
  const bytes = check.reader.buffer();
  if (!check.reader.read(block, bytes)) return;
  const journal = new JournalSuperblock(bytes.slice(0, JOURNAL_SUPERBLOCK_BYTES));
  checkJournalSuperblock(check, journal, block, blocks.length);
  if (recover) return;
  if (has && journal.startBlock !== 0) findings.add("journal_has_data", {}, journal.startBlock);
  if (journal.error !== 0) findings.add("journal_error", {}, journal.error, 0);
}

function checkJournalSuperblock(
  check: CheckContext,
  journal: JournalSuperblock,
  block: number,
  availableBlocks: number,
): void {
  const { findings, geometry } = check;
  const where = { block };
  const bad = (field: string, found: number, expected?: number): void =>
    findings.add("journal_superblock", { ...where, field }, found, expected);
  const magic = journal.view.getUint32(0);
  const type = journal.view.getUint32(4);
  if (magic !== JOURNAL_MAGIC) return bad("h_magic", magic, JOURNAL_MAGIC);
  if (type !== JournalBlockType.SUPERBLOCK_V1 && type !== JournalBlockType.SUPERBLOCK_V2) {
    return bad("h_blocktype", type);
  }
  if (journal.isVersion2 && journal.users > 1) findings.add("journal_shared", where, journal.users);
  const unknown = (journal.featureIncompat & ~KNOWN_INCOMPAT) | journal.featureRoCompat;
  if (unknown !== 0) {
    findings.add("journal_features", where, `0x${(unknown >>> 0).toString(16)}`);
    return;
  }
  const both = JournalIncompat.CSUM_V2 | JournalIncompat.CSUM_V3;
  if ((journal.featureIncompat & both) === both) return bad("s_feature_incompat", both);
  if (journal.checksums !== 0) {
    if (journal.hasTransactionChecksums) return bad("s_feature_compat", journal.featureCompat);
    const checksumType = journal.view.getUint8(0x50);
    if (checksumType !== CRC32C_TYPE) return bad("s_checksum_type", checksumType, CRC32C_TYPE);
    if (!journal.checksumMatches()) return bad("s_checksum", journal.view.getUint32(0xfc));
  }
  if (journal.blockBytes !== geometry.blockBytes) {
    return bad("s_blocksize", journal.blockBytes, geometry.blockBytes);
  }
  if (journal.totalBlocks > availableBlocks) {
    return bad("s_maxlen", journal.totalBlocks, availableBlocks);
  }
  if (journal.fastCommitBlocks > 0 && journal.logEndBlock < MIN_JOURNAL_BLOCKS) {
    bad("s_num_fc_blks", journal.fastCommitBlocks);
  }
}

/**
 * Finds out what a journal that needs recovery will make of the file system.
 * @returns undefined when nothing needs recovery, or when it cannot be done, which is reported.
 */
export function replayJournal(check: CheckContext, inodes: InodeReader): Replay | undefined {
  const { superblock, reader, geometry } = check;
  if (!superblock.hasIncompat(Incompat.RECOVER)) return undefined;
  const log = isZero(superblock.journalUuid) ? openInternal(check, inodes) : openExternal(check);
  if (log === undefined) return undefined;
  try {
    const recovery = planRecovery(log, geometry.blocksCount);
    const device = new RecoveredDevice(reader.device, log, recovery);
    const { transactions, blocks } = recovery;
    const fastCommits = log.superblock.fastCommitBlocks > 0;
    return { device, transactions, blocks: blocks.size, fastCommits };
  } catch (error) {
    reportLog(check, error);
    return undefined;
  }
}

function openInternal(check: CheckContext, inodes: InodeReader): Log | undefined {
  const { superblock, reader, geometry } = check;
  if (superblock.journalInode === 0) return undefined;
  const blocks = journalBlocks(check, inodes);
  if (blocks === undefined) return undefined;
  try {
    return new Log(reader.device, geometry.blockBytes, blocks);
  } catch (error) {
    reportLog(check, error);
    return undefined;
  }
}

/** The journal on the device that the caller gave; undefined when there is none, or it is wrong. */
function openExternal(check: CheckContext): Log | undefined {
  const { journalDevice } = check.options;
  if (journalDevice === undefined) return undefined;
  try {
    return externalLog(check.superblock, journalDevice);
  } catch (error) {
    reportLog(check, error);
    return undefined;
  }
}

function reportLog(check: CheckContext, error: unknown): void {
  if (!(error instanceof FsError)) throw error;
  check.findings.add("journal_log", {}, undefined, undefined, error.message);
}
