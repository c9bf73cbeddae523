/**
 * Making a file system: an ext2, ext3 or ext4 image on a block device.
 *
 * @module
 */

import type { BlockDevice } from "../device/device.ts";
import { EROFS } from "../errno.ts";
import { FsError } from "../errors.ts";
import { crc32c } from "../layout/crc32c.ts";
import { Compat, featureNames, Incompat, RoCompat } from "../layout/features.ts";
import { STATE_ERROR, type Superblock, SUPERBLOCK_OFFSET } from "../layout/superblock.ts";
import { makeDirectories } from "./directories.ts";
import { FormatError } from "./format_error.ts";
import { makeMmp, makeOrphanFile, makeQuotaFiles } from "./hidden_files.ts";
import {
  attachJournalDevice,
  chooseJournalSize,
  isJournalDevice,
  type JournalSize,
  makeJournal,
  makeJournalDevice,
} from "./make_journal.ts";
import { Maker } from "./maker.ts";
import type { FormatOptions } from "./options.ts";
import { type Parameters, resolveParameters } from "./parameters.ts";
import { placeTables } from "./place_tables.ts";
import { planSuperblock } from "./plan.ts";
import { makeResizeInode, reserveInodes } from "./reserved_inodes.ts";
import { backupGroups } from "./space.ts";
import {
  buildDescriptors,
  clearInodeTables,
  InodeTables,
  writePrimarySuperblock,
  writeSuperblocks,
} from "./write_out.ts";

/** What was made, or would be. */
export interface FormatResult {
  /** The superblock: every number of the file system. */
  readonly superblock: Superblock;
  /** Names of what applied: the type and usage types. */
  readonly profile: readonly string[];
  /** Names of the features. */
  readonly features: readonly string[];
  /** First blocks of the groups that hold a copy of superblock and descriptors. */
  readonly backupBlocks: readonly number[];
  /** Blocks of the journal inside the file system, 0 without. */
  readonly journalBlocks: number;
  /** Things that a person should be told; the file system is as asked nevertheless. */
  readonly warnings: readonly string[];
  /** Bytes written to the device. */
  readonly writtenBytes: number;
}

interface Plan {
  readonly parameters: Parameters;
  readonly superblock: Superblock;
  readonly journal: JournalSize | undefined;
  readonly warnings: string[];
}

/**
 * What `format` would make, without writing anything.
 * @param deviceBytes size of the storage.
 * @throws FormatError
 */
export function planFormat(deviceBytes: number, options: FormatOptions = {}): FormatResult {
  const plan = makePlan(deviceBytes, options);
  setNames(plan.superblock, options);
  return result(plan, 0);
}

/**
 * Makes a file system on `device`. What the device held is lost.
 * @throws FormatError before anything is written; FsError ENOSPC when the metadata do not fit (the old
 * superblock is gone then); DeviceError.
 */
export function format(device: BlockDevice, options: FormatOptions = {}): FormatResult {
  const plan = makePlan(device.sizeBytes, options);
  const { parameters, superblock } = plan;
  if (device.readOnly) throw new FsError(EROFS, "the device is read-only");
  const sizeBytes = parameters.blocksCount * parameters.blockBytes;
  if (sizeBytes > device.sizeBytes) {
    throw new FormatError(
      "sizeBytes",
      `${sizeBytes} bytes are more than the device's ${device.sizeBytes}`,
    );
  }
  const now = Math.floor(options.clock?.() ?? Date.now() / 1000);
  setNames(superblock, options);
  setTimes(superblock, now);
  if (isJournalDevice(superblock)) {
    return result(plan, formatJournalDevice(plan, device));
  }
  const maker = new Maker(parameters, superblock, device, now, knownZero(device, options, false));
  const layout = layOut(maker, plan);
  knownZero(device, options, true);
  return result(plan, writeAll(maker, plan, layout));
}

function makePlan(deviceBytes: number, options: FormatOptions): Plan {
  const parameters = resolveParameters(options, deviceBytes);
  const superblock = planSuperblock(parameters);
  const warnings: string[] = [];
  if (parameters.blockBytes > 4096) {
    warnings.push(`blocks of ${parameters.blockBytes} bytes are not usable on most systems`);
  }
  if (isJournalDevice(superblock)) {
    return { parameters, superblock, journal: undefined, warnings };
  }
  checkBadBlocks(parameters, superblock);
  const journal = chooseJournalSize(parameters, superblock, superblock.blocksCount);
  const external = parameters.journal.external !== undefined;
  if (journal === undefined && !external && superblock.hasCompat(Compat.HAS_JOURNAL)) {
    superblock.featureCompat &= ~(Compat.HAS_JOURNAL | Compat.ORPHAN_FILE);
    warnings.push("the file system is too small for a journal: it gets none");
  }
  addWarnings(parameters, superblock, warnings);
  return { parameters, superblock, journal, warnings };
}

function addWarnings(parameters: Parameters, superblock: Superblock, warnings: string[]): void {
  const unused = parameters.blocksCount - superblock.blocksCount;
  if (unused > 0) warnings.push(`${unused} blocks at the end stay unused`);
  if (superblock.inodeBytes === 128) {
    warnings.push("inodes of 128 bytes cannot hold dates beyond 2038");
  }
  const { raidStride, raidStripeWidth } = superblock;
  if (raidStride > 0 && raidStripeWidth % raidStride !== 0) {
    warnings.push(`the stripe width ${raidStripeWidth} is not a multiple of ${raidStride}`);
  }
  if (parameters.clusterBytes > 16 * parameters.blockBytes) {
    warnings.push("clusters of more than 16 blocks are considered experimental");
  }
  if (superblock.hasMetadataChecksums && !superblock.hasIncompat(Incompat.EXTENTS)) {
    warnings.push("without the feature extent the maps of files have no checksums");
  }
  if (superblock.hasMetadataChecksums && !superblock.has64bit) {
    warnings.push("without the feature 64bit some checksums have 16 bits only");
  }
}

function checkBadBlocks(parameters: Parameters, superblock: Superblock): void {
  const { badBlocks } = parameters.options;
  if (badBlocks === undefined) return;
  if (superblock.hasRoCompat(RoCompat.BIGALLOC)) {
    throw new FormatError("badBlocks", "bad blocks cannot be noted with the feature bigalloc");
  }
  const perBlock = Math.floor(superblock.blockBytes / superblock.descriptorBytes);
  const mustBeGood = superblock.firstDataBlock + 1 + Math.ceil(superblock.groupCount / perBlock);
  for (const block of badBlocks) {
    if (!Number.isInteger(block) || block < 0 || block >= superblock.blocksCount) {
      throw new FormatError("badBlocks", `bad block ${block} is not in the file system`);
    }
    if (block <= mustBeGood) {
      throw new FormatError(
        "badBlocks",
        `block ${block} is bad; the superblock and group descriptors need 0 to ${mustBeGood}`,
      );
    }
  }
}

function setNames(superblock: Superblock, options: FormatOptions): void {
  const random = options.random ??
    ((target) => void crypto.getRandomValues(target as Uint8Array<ArrayBuffer>));
  superblock.uuid.set(options.uuid ?? randomUuid(random));
  superblock.bytes.set(options.hashSeed ?? randomUuid(random), 0xec);
  if (options.label !== undefined) superblock.label = options.label;
  if (options.lastMounted !== undefined) superblock.lastMounted = options.lastMounted;
  if (superblock.hasIncompat(Incompat.CSUM_SEED)) {
    superblock.checksumSeedRaw = crc32c(0xffffffff, superblock.uuid);
  }
  // s_encrypt_algos: AES-256-XTS for contents, AES-256-CTS for names.
  if (superblock.hasIncompat(Incompat.ENCRYPT)) superblock.bytes.set([1, 4], 0x254);
}

function randomUuid(random: (target: Uint8Array) => void): Uint8Array {
  const uuid = new Uint8Array(16);
  random(uuid);
  uuid[6] = ((uuid[6] ?? 0) & 0x0f) | 0x40;
  uuid[8] = ((uuid[8] ?? 0) & 0x3f) | 0x80;
  return uuid;
}

function setTimes(superblock: Superblock, now: number): void {
  const high = Math.floor(now / 0x100000000) & 0xff;
  superblock.creationTimeLo = superblock.lastCheckLo = now >>> 0;
  superblock.creationTimeHi = superblock.lastCheckHi = high;
  superblock.writeTime = now;
}

/** Whether all of the storage reads as zeros; with `act`, makes it so where that is cheap. */
function knownZero(device: BlockDevice, options: FormatOptions, act: boolean): boolean {
  const storage = options.storage ?? "device";
  if (storage === "zeros" || options.assumeZeroed === true) return true;
  if (options.superblockOnly === true || options.discard === false) return false;
  if (act && storage === "sparse") device.zero(0, device.sizeBytes);
  if (act && storage === "device") device.discard(0, device.sizeBytes);
  return storage === "sparse";
}

interface Layout {
  readonly overheadClusters: number;
}

/** Places the metadata. Nothing is written. */
function layOut(maker: Maker, plan: Plan): Layout {
  const { space, options } = maker;
  for (const block of options.badBlocks ?? []) space.used.mark(block, 1);
  placeTables(space, options.packedMetadata === true);
  const bad = options.badBlocks?.filter((block) => !isMetadata(maker, block)).length ?? 0;
  if (options.badBlocks !== undefined) plan.warnings.push(...badBackups(maker, options.badBlocks));
  return { overheadClusters: space.finishTables() - bad };
}

/** Whether a bad block lies in a copy of the superblock or the descriptors. */
function isMetadata(maker: Maker, block: number): boolean {
  const group = maker.space.geometry.groupOfBlock(block);
  const head = maker.space.head(group);
  return block < maker.space.geometry.groupFirstBlock(group) + head.blocks;
}

function badBackups(maker: Maker, blocks: readonly number[]): string[] {
  const bad = blocks.filter((block) => isMetadata(maker, block));
  return bad.map((block) => `block ${block} is bad, and part of a backup superblock or its table`);
}

function writeAll(maker: Maker, plan: Plan, layout: Layout): number {
  const { superblock, options, space, writer } = maker;
  maker.overheadClusters = layout.overheadClusters;
  if (options.superblockOnly === true) {
    superblock.state |= STATE_ERROR;
    if (plan.journal !== undefined) superblock.journalInode = 8;
  } else {
    wipeSignatures(maker);
    clearInodeTables(maker);
    makeDirectories(maker);
    reserveInodes(maker);
    makeResizeInode(maker);
    const { external } = plan.parameters.journal;
    if (external !== undefined) attachJournalDevice(maker, external);
    else if (plan.journal !== undefined) makeJournal(maker, plan.journal);
    makeMmp(maker);
    superblock.overheadClusters = maker.overheadClusters + superblock.firstDataBlock;
    makeContents(maker);
  }
  const { table, summary } = buildDescriptors(maker);
  superblock.freeBlocksCount = summary.freeClusters * space.geometry.clusterBlocks;
  superblock.freeInodesCount = summary.freeInodes;
  setKilobytesWritten(maker, table);
  writeSuperblocks(maker, table);
  writePrimarySuperblock(maker);
  return writer.writtenBytes;
}

/** Files: those that no directory names, and what the caller fills in. */
function makeContents(maker: Maker): void {
  const { options } = maker;
  const tables = new InodeTables(maker);
  if (options.fill === undefined) {
    maker.countUsage(maker.root.inode);
    maker.countUsage(maker.lostFound.inode);
    makeQuotaFiles(maker);
    makeOrphanFile(maker);
  } else {
    makeOrphanFile(maker);
    options.fill(maker, tables);
    makeQuotaFiles(maker);
  }
  for (const inode of maker.inodes.values()) tables.put(inode);
  tables.finish();
}

/** Removes what would be taken for something else: the old superblock, a boot sector, RAID data at the end. */
function wipeSignatures(maker: Maker): void {
  if (maker.zeroed) return;
  const { writer, blockBytes, superblock } = maker;
  const { device } = writer;
  device.zero(SUPERBLOCK_OFFSET, 3 * 1024);
  if (!hasBsdLabel(device)) device.zero(0, 1024);
  const tail = 65536 / blockBytes;
  const blocks = superblock.blocksCount;
  let start = blocks - (blocks % tail);
  if (start > tail) start -= tail;
  if (start > 0) device.zero(start * blockBytes, (blocks - start) * blockBytes);
}

/** A BSD disk label lives in the first sector beside the file system. */
function hasBsdLabel(device: BlockDevice): boolean {
  const sector = new Uint8Array(512);
  device.read(sector, 0);
  const magic = new DataView(sector.buffer).getUint32(64, true);
  return magic === 0x82564557 || magic === 0x57455682;
}

const COUNTS_WRITES = RoCompat.HUGE_FILE | RoCompat.GDT_CSUM | RoCompat.DIR_NLINK |
  RoCompat.METADATA_CSUM | RoCompat.EXTRA_ISIZE;

function setKilobytesWritten(maker: Maker, table: Uint8Array): void {
  const { superblock, writer, space } = maker;
  if (!superblock.hasIncompat(Incompat.FLEX_BG) && !superblock.hasRoCompat(COUNTS_WRITES)) return;
  writer.flushBlocks();
  const copies = 1 + space.backupGroups.length;
  const bytes = writer.writtenBytes + copies * (table.length + 1024);
  superblock.kbytesWritten = 1 + Math.floor(bytes / 1024);
}

function formatJournalDevice(plan: Plan, device: BlockDevice): number {
  const { parameters, superblock } = plan;
  const { options } = parameters;
  const zeroed = knownZero(device, options, true);
  makeJournalDevice(parameters, superblock, device, zeroed);
  const written = superblock.bytes.length + parameters.blockBytes;
  if (superblock.hasRoCompat(COUNTS_WRITES)) {
    superblock.kbytesWritten = 1 + Math.floor(written / 1024);
  }
  superblock.setChecksum();
  device.write(superblock.bytes, SUPERBLOCK_OFFSET);
  device.flush();
  return written;
}

function result(plan: Plan, writtenBytes: number): FormatResult {
  const { superblock, parameters, journal, warnings } = plan;
  const backups = isJournalDevice(superblock) ? [] : backupGroups(superblock);
  return {
    superblock,
    profile: parameters.profile.names,
    features: [
      ...featureNames("compat", superblock.featureCompat),
      ...featureNames("incompat", superblock.featureIncompat),
      ...featureNames("roCompat", superblock.featureRoCompat),
    ],
    backupBlocks: backups.map((group) =>
      superblock.firstDataBlock + group * superblock.blocksPerGroup
    ),
    journalBlocks: journal === undefined ? 0 : journal.logBlocks + journal.fastCommitBlocks,
    warnings,
    writtenBytes,
  };
}
