/**
 * The journal: inside the file system, on a device of its own, or such a device itself.
 *
 * @module
 */

import type { BlockDevice } from "../device/device.ts";
import { Corrupt } from "../errors.ts";
import { Compat, Incompat } from "../layout/features.ts";
import { I_BLOCK_OFFSET, type InodeRecord, S_IFREG } from "../layout/inode.ts";
import { JOURNAL_MAGIC, JournalBlockType } from "../layout/journal.ts";
import {
  JOURNAL_SUPERBLOCK_BYTES,
  MIN_JOURNAL_BLOCKS,
  newJournalSuperblock,
} from "../layout/journal_superblock.ts";
import { JOURNAL_INODE, type Superblock } from "../layout/superblock.ts";
import { allocateFile } from "./file_blocks.ts";
import { FormatError } from "./format_error.ts";
import type { Maker } from "./maker.ts";
import { type ExternalJournal, inBlocks } from "./options.ts";
import type { Parameters } from "./parameters.ts";

/** Size of a journal in blocks of the file system. */
export interface JournalSize {
  readonly logBlocks: number;
  readonly fastCommitBlocks: number;
}

const MAX_JOURNAL_BLOCKS = 10_240_000;
/** Log blocks for each block of the fast commit area. */
const LOG_PER_FAST_COMMIT = 64;
/** s_jnl_backup_type: i_block and size are kept in s_jnl_blocks. */
const BACKUP_BLOCKS = 1;
const MAX_USERS = 48;

/** Upper bounds of the number of blocks, and the journal size up to there. */
const SIZES: readonly (readonly [number, number])[] = [
  [2048, 0],
  [32768, 1024],
  [256 * 1024, 4096],
  [512 * 1024, 8192],
  [4096 * 1024, 16384],
  [8192 * 1024, 32768],
  [16384 * 1024, 65536],
  [32768 * 1024, 131072],
  [Infinity, 262144],
];

/**
 * How large the journal will be; undefined without one, or when the file system is too small for it.
 * @param freeBlocks what is free before the journal is made.
 * @throws FormatError
 */
export function chooseJournalSize(
  parameters: Parameters,
  superblock: Superblock,
  freeBlocks: number,
): JournalSize | undefined {
  if (!superblock.hasCompat(Compat.HAS_JOURNAL)) return undefined;
  const { journal } = parameters;
  if (journal.external !== undefined) return undefined;
  const { blockBytes, blocksCount } = superblock;
  const automatic = SIZES.find(([bound]) => blocksCount < bound)?.[1] ?? 0;
  const fast = superblock.hasCompat(Compat.FAST_COMMIT);
  if (journal.fastCommitBytes !== undefined && !fast) {
    throw new FormatError("journal", "a fast commit size needs the feature fast_commit");
  }
  if (automatic === 0) {
    if (journal.sizeBytes === undefined) return undefined;
    throw new FormatError("journal", "the file system is too small for a journal");
  }
  const logBlocks = journal.sizeBytes === undefined
    ? automatic
    : Math.floor(journal.sizeBytes / blockBytes);
  let fastCommitBlocks = fast ? Math.floor(automatic / LOG_PER_FAST_COMMIT) : 0;
  if (journal.fastCommitBytes !== undefined) {
    fastCommitBlocks = Math.floor(journal.fastCommitBytes / blockBytes);
  }
  const size = { logBlocks, fastCommitBlocks };
  if (journal.sizeBytes !== undefined || journal.fastCommitBytes !== undefined) {
    checkAskedSize(size, freeBlocks);
  }
  return size;
}

function checkAskedSize(size: JournalSize, freeBlocks: number): void {
  const total = size.logBlocks + size.fastCommitBlocks;
  if (size.logBlocks < MIN_JOURNAL_BLOCKS || total > MAX_JOURNAL_BLOCKS) {
    throw new FormatError(
      "journal",
      `a journal of ${total} blocks is not ${MIN_JOURNAL_BLOCKS} to ${MAX_JOURNAL_BLOCKS}`,
    );
  }
  if (total > freeBlocks / 2) {
    throw new FormatError("journal", "the journal is too large for the file system");
  }
}

/** Makes the journal inside the file system. */
export function makeJournal(maker: Maker, size: JournalSize): void {
  const { superblock, space } = maker;
  const blocks = size.logBlocks + size.fastCommitBlocks;
  const inode = maker.newInode(JOURNAL_INODE, S_IFREG | 0o600);
  inode.size = blocks * maker.blockBytes;
  const first = maker.usesExtents
    ? allocateExtents(maker, inode, journalGoal(maker), blocks)
    : allocateBlocks(maker, inode, blocks);
  const block = maker.emptyBlock();
  block.set(
    newJournalSuperblock({
      blockBytes: maker.blockBytes,
      totalBlocks: blocks,
      firstBlock: 1,
      fastCommitBlocks: size.fastCommitBlocks,
      uuid: superblock.uuid,
    }).bytes,
  );
  maker.writer.put(first, block);
  superblock.journalInode = JOURNAL_INODE;
  for (let i = 0; i < 15; i++) {
    superblock.setJournalBackup(i, inode.view.getUint32(I_BLOCK_OFFSET + 4 * i, true));
  }
  superblock.setJournalBackup(15, Math.floor(inode.size / 0x100000000));
  superblock.setJournalBackup(16, inode.size >>> 0);
  superblock.journalBackupType = BACKUP_BLOCKS;
  maker.overheadClusters += Math.ceil(blocks / space.geometry.clusterBlocks);
}

/** Where the journal is tried first: where it was asked for, or in the middle, in the emptier of two groups. */
function journalGoal(maker: Maker): number {
  const { space, superblock, blockBytes } = maker;
  const { geometry, accountedFree } = space;
  const asked = maker.parameters.journal.location;
  if (asked !== undefined) {
    const block = inBlocks(asked, blockBytes);
    if (block >= geometry.blocksCount) {
      throw new FormatError("journal", "the journal's location is outside the file system");
    }
    return block;
  }
  if (maker.options.packedMetadata === true) return 0;
  const free = (group: number): number => accountedFree[group] ?? 0;
  const middle = Math.floor((geometry.blocksCount - geometry.firstDataBlock) / 2);
  let group = geometry.groupOfBlock(middle);
  let start = Math.max(0, group - 1);
  const packed = 2 ** superblock.logGroupsPerFlex;
  if (superblock.logGroupsPerFlex > 0 && group > packed) {
    group -= group % packed;
    while (group < geometry.groupCount && free(group) === 0) group++;
    if (group === geometry.groupCount) group = 0;
    start = group;
  }
  const end = Math.min(group + 1, geometry.groupCount - 1);
  let best = start;
  for (let candidate = start + 1; candidate <= end; candidate++) {
    if (free(candidate) > free(best)) best = candidate;
  }
  return geometry.groupFirstBlock(best);
}

function allocateExtents(
  maker: Maker,
  inode: InodeRecord,
  goal: number,
  blocks: number,
): number {
  const { space } = maker;
  const { clusterBlocks } = space.geometry;
  const longest = 32768 - (32768 % clusterBlocks);
  const map = maker.mapFile(inode);
  let next = space.findCluster(goal);
  let first = -1;
  for (let left = blocks; left > 0;) {
    const run = space.allocateRun(next, Math.min(left, longest));
    if (first < 0) first = run.block;
    maker.charge(inode, Math.ceil(run.blocks / clusterBlocks));
    map.append(run.block, run.blocks);
    zeroRange(maker, run.block, run.blocks);
    left -= run.blocks;
    next = run.block + run.blocks;
  }
  map.finish();
  return first;
}

function allocateBlocks(maker: Maker, inode: InodeRecord, blocks: number): number {
  const map = maker.mapFile(inode);
  const disk = allocateFile(maker, inode, map, maker.space.inodeGoal(JOURNAL_INODE), blocks);
  map.finish();
  for (let from = 0; from < disk.length;) {
    let to = from + 1;
    while (to < disk.length && disk[to] === (disk[to - 1] ?? 0) + 1) to++;
    zeroRange(maker, disk[from] ?? 0, to - from);
    from = to;
  }
  return disk[0] ?? 0;
}

/** What an old journal left behind could be taken for part of the new one. */
function zeroRange(maker: Maker, block: number, blocks: number): void {
  if (maker.zeroed || maker.options.lazyJournal === true) return;
  maker.options.progress?.("Creating journal", 0, blocks);
  maker.writer.device.zero(block * maker.blockBytes, blocks * maker.blockBytes);
}

/** Attaches a journal device, and enters the file system among its users. @throws FormatError, Corrupt */
export function attachJournalDevice(maker: Maker, external: ExternalJournal): void {
  const { superblock, blockBytes } = maker;
  const { device } = external;
  const offset = blockBytes === 1024 ? 2048 : blockBytes;
  const bytes = readJournalSuperblock(device, offset);
  const view = new DataView(bytes.buffer);
  if (view.getUint32(0xc) !== blockBytes) {
    throw new FormatError(
      "journal",
      `the journal device has blocks of ${
        view.getUint32(0xc)
      } bytes, the file system of ${blockBytes}`,
    );
  }
  const users = view.getUint32(0x40);
  if (users >= MAX_USERS) throw new Corrupt("journal superblock", "device", `s_nr_users ${users}`);
  bytes.set(superblock.uuid, 0x100 + 16 * users);
  view.setUint32(0x40, users + 1);
  device.write(bytes, offset);
  device.flush();
  superblock.journalDevice = external.deviceNumber;
  superblock.journalUuid.set(bytes.subarray(0x30, 0x40));
}

function readJournalSuperblock(device: BlockDevice, offset: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(JOURNAL_SUPERBLOCK_BYTES);
  if (device.sizeBytes >= offset + bytes.length) device.read(bytes, offset);
  const view = new DataView(bytes.buffer);
  if (
    view.getUint32(0) !== JOURNAL_MAGIC || view.getUint32(4) !== JournalBlockType.SUPERBLOCK_V2
  ) {
    throw new FormatError(
      "journal",
      "the journal device was not made with the feature journal_dev",
    );
  }
  return bytes;
}

/** Writes a journal device (feature journal_dev): a superblock, and the journal behind it. @throws FormatError */
export function makeJournalDevice(
  parameters: Parameters,
  superblock: Superblock,
  device: BlockDevice,
  zeroed: boolean,
): void {
  const { blockBytes } = parameters;
  const total = superblock.blocksCount;
  if (total < MIN_JOURNAL_BLOCKS) {
    throw new FormatError("sizeBytes", `a journal device needs ${MIN_JOURNAL_BLOCKS} blocks`);
  }
  if (!zeroed && parameters.options.lazyJournal !== true) device.zero(0, total * blockBytes);
  const start = blockBytes === 1024 ? 2 : 1;
  const journal = newJournalSuperblock({
    blockBytes,
    totalBlocks: total,
    firstBlock: start + 1,
    fastCommitBlocks: 0,
    uuid: superblock.uuid,
  });
  journal.view.setUint32(0x40, 0);
  const block = new Uint8Array(blockBytes);
  block.set(journal.bytes);
  device.write(block, start * blockBytes);
}

/** Whether what is made is a journal device. */
export function isJournalDevice(superblock: Superblock): boolean {
  return superblock.hasIncompat(Incompat.JOURNAL_DEV);
}
