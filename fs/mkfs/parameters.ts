/**
 * From options to numbers: what is asked for, with every default filled in and checked, before the
 * layout is computed. The order of the decisions is that of mke2fs.
 *
 * @module
 */

import { Compat, Incompat, RoCompat } from "../layout/features.ts";
import { checkFeatures, FeatureSet } from "./features.ts";
import { FormatError } from "./format_error.ts";
import { type FormatOptions, inBlocks, type JournalOptions } from "./options.ts";
import { CREATOR_HURD, type Profile, profileOf } from "./profile.ts";

/** What is asked for. Counts of blocks are before rounding to what the layout can hold. */
export interface Parameters {
  readonly options: FormatOptions;
  readonly profile: Profile;
  readonly features: FeatureSet;
  readonly revision: 0 | 1;
  readonly blockBytes: number;
  readonly clusterBytes: number;
  readonly blocksCount: number;
  readonly inodeBytes: number;
  readonly inodesCount: number;
  readonly reservedBlocks: number;
  /** Bytes of a group descriptor; 0 stored without 64bit. */
  readonly descriptorBytes: number;
  /** Blocks of a group asked for, 0 for the default. */
  readonly blocksPerGroup: number;
  /** Clusters of a group asked for, 0 for the default. */
  readonly clustersPerGroup: number;
  readonly logGroupsPerFlex: number;
  /** Reserved blocks for growth of the group descriptors asked for, or undefined for the default. */
  readonly reservedGdtBlocks: number | undefined;
  readonly journal: JournalOptions;
  /** Bit 0 user, 1 group, 2 project. */
  readonly quotaTypes: number;
  readonly encoding: number;
  readonly encodingFlags: number;
}

const MAX_32 = 0xffffffff;
const PAGE_BYTES = 4096;
const ENCODING_UTF8_12_1 = 1;
const ENCODING_STRICT = 1;
/** Quota types by name, as bits. */
const QUOTA_BITS = { user: 1, group: 2, project: 4 } as const;

/**
 * @param deviceBytes size of the storage.
 * @throws FormatError
 */
export function resolveParameters(options: FormatOptions, deviceBytes: number): Parameters {
  const sizeBytes = options.sizeBytes ?? wholePages(deviceBytes);
  if (sizeBytes <= 0) throw new FormatError("sizeBytes", "the device has no room at all");
  const revision = options.revision ?? 1;
  const os = options.creatorOs ?? 0;
  const type = options.type ?? (os === CREATOR_HURD ? "ext2" : "ext4");
  const profile = profileOf(type, options.usage, sizeBytes, os);
  const features = chooseFeatures(options, profile, revision);
  const blockBytes = chooseBlockBytes(options, profile);
  const blocksCount = Math.floor(sizeBytes / blockBytes);
  checkBlocksCount(blocksCount, blockBytes, features);
  const quotaTypes = applyExtended(options, features);
  if (features.hasIncompat(Incompat.JOURNAL_DEV)) keepJournalDeviceFeatures(features);
  checkFeatures(features);
  const clusterBytes = chooseClusterBytes(options, features, blockBytes);
  const inodeBytes = chooseInodeBytes(options, profile, features, blockBytes, revision);
  const base = { options, blockBytes, blocksCount, features };
  const descriptorBytes = chooseDescriptorBytes(base);
  const bigalloc = features.hasRoCompat(RoCompat.BIGALLOC);
  const perGroup = checkedBlocksPerGroup(options, blockBytes);
  const journalDevice = features.hasIncompat(Incompat.JOURNAL_DEV);
  return {
    ...base,
    profile,
    revision,
    clusterBytes,
    inodeBytes,
    descriptorBytes,
    inodesCount: chooseInodes(base, profile, clusterBytes, inodeBytes),
    reservedBlocks: journalDevice ? 0 : reservedBlocks(options, blocksCount),
    blocksPerGroup: bigalloc ? 0 : perGroup,
    clustersPerGroup: bigalloc ? perGroup : 0,
    logGroupsPerFlex: chooseFlex(options, features),
    reservedGdtBlocks: reservedForResize(base, perGroup, descriptorBytes, revision),
    journal: typeof options.journal === "object" ? options.journal : {},
    quotaTypes,
    encoding: features.hasIncompat(Incompat.CASEFOLD) ? ENCODING_UTF8_12_1 : 0,
    encodingFlags: options.strictEncoding === true ? ENCODING_STRICT : 0,
  };
}

interface Base {
  readonly options: FormatOptions;
  readonly blockBytes: number;
  readonly blocksCount: number;
  readonly features: FeatureSet;
}

function wholePages(bytes: number): number {
  return Math.floor(bytes / PAGE_BYTES) * PAGE_BYTES;
}

function isPowerOfTwo(value: number): boolean {
  return Number.isInteger(value) && value > 0 && Number.isInteger(Math.log2(value));
}

function chooseFeatures(options: FormatOptions, profile: Profile, revision: number): FeatureSet {
  const features = new FeatureSet();
  const edits = options.features ?? [];
  const wantsJournal = options.journal !== undefined && options.journal !== false;
  if (revision === 0) {
    for (const text of edits) features.edit(text);
    if ((features.compat | features.incompat | features.roCompat) !== 0 || wantsJournal) {
      throw new FormatError("revision", "a revision 0 file system has no features and no journal");
    }
    return features;
  }
  for (const text of profile.features) features.edit(text);
  const hurd = options.creatorOs === CREATOR_HURD;
  if (hurd) features.clearHurd();
  for (const text of edits) features.edit(text);
  if (hurd) features.checkHurd();
  if (wantsJournal) features.setCompat(Compat.HAS_JOURNAL, true);
  if (features.hasRoCompat(RoCompat.METADATA_CSUM)) features.setRoCompat(RoCompat.GDT_CSUM, false);
  return features;
}

function chooseBlockBytes(options: FormatOptions, profile: Profile): number {
  const sector = options.sectorBytes ?? 512;
  const asked = options.blockBytes;
  if (asked === undefined) {
    return Math.max(profile.blockBytes, sector, options.minimumBlockBytes ?? 0);
  }
  if (!isPowerOfTwo(asked) || asked < 1024 || asked > 65536) {
    throw new FormatError(
      "blockBytes",
      `block size ${asked} is not a power of two from 1024 to 65536`,
    );
  }
  if (asked < sector) {
    throw new FormatError(
      "blockBytes",
      `block size ${asked} is smaller than the device's sectors of ${sector} bytes`,
    );
  }
  return asked;
}

function checkBlocksCount(blocksCount: number, blockBytes: number, features: FeatureSet): void {
  if (blocksCount === 0) {
    throw new FormatError("sizeBytes", "the size is smaller than one block");
  }
  if (blocksCount > MAX_32) {
    if (!features.hasIncompat(Incompat.BIT64)) {
      throw new FormatError(
        "sizeBytes",
        `${blocksCount} blocks of ${blockBytes} bytes need the feature 64bit`,
      );
    }
    features.setCompat(Compat.RESIZE_INODE, false);
  }
  if (blocksCount > blockBytes * 8 * 2 ** 32 - 1 || blocksCount > 2 ** 48 - 1) {
    throw new FormatError("sizeBytes", `${blocksCount} blocks are more than the format can hold`);
  }
}

/** Features that extended options imply; returns the quota bits. */
function applyExtended(options: FormatOptions, features: FeatureSet): number {
  if (options.encoding !== undefined) {
    if (options.encoding !== "utf8" && options.encoding !== "utf8-12.1") {
      throw new FormatError("encoding", `encoding ${options.encoding} is not known (utf8 is)`);
    }
    features.setIncompat(Incompat.CASEFOLD, true);
  }
  if (options.strictEncoding !== undefined && !features.hasIncompat(Incompat.CASEFOLD)) {
    throw new FormatError("strictEncoding", "encoding flags need an encoding (-E encoding=utf8)");
  }
  let quota = 0;
  for (const type of options.quotaTypes ?? ["user", "group"] as const) quota |= QUOTA_BITS[type];
  if ((quota & QUOTA_BITS.project) !== 0) features.setRoCompat(RoCompat.PROJECT, true);
  if (features.hasRoCompat(RoCompat.PROJECT)) quota |= QUOTA_BITS.project;
  const extended = options.groupsPerFlex !== undefined && !features.hasIncompat(Incompat.FLEX_BG);
  if (extended) {
    throw new FormatError("groupsPerFlex", "groups can be packed with the feature flex_bg only");
  }
  const mmp = options.mmpIntervalSeconds ?? 0;
  if (mmp < 0 || mmp > 300 || !Number.isInteger(mmp)) {
    throw new FormatError("mmpIntervalSeconds", `MMP interval ${mmp} is not 0 to 300 seconds`);
  }
  return quota;
}

function keepJournalDeviceFeatures(features: FeatureSet): void {
  features.compat = 0;
  features.incompat = Incompat.JOURNAL_DEV;
  features.roCompat &= RoCompat.METADATA_CSUM;
}

function chooseClusterBytes(
  options: FormatOptions,
  features: FeatureSet,
  blockBytes: number,
): number {
  const asked = options.clusterBytes;
  if (!features.hasRoCompat(RoCompat.BIGALLOC)) {
    if (asked === undefined) return blockBytes;
    throw new FormatError("clusterBytes", "a cluster size needs the feature bigalloc");
  }
  if (asked === undefined) return 16 * blockBytes;
  if (!isPowerOfTwo(asked) || asked < 2048 || asked > 256 * 1024 * 1024) {
    throw new FormatError(
      "clusterBytes",
      `cluster size ${asked} is not a power of two from 2048 to 268435456`,
    );
  }
  if (asked < blockBytes) {
    throw new FormatError(
      "clusterBytes",
      `cluster size ${asked} is smaller than the block size ${blockBytes}`,
    );
  }
  return asked;
}

function chooseInodeBytes(
  options: FormatOptions,
  profile: Profile,
  features: FeatureSet,
  blockBytes: number,
  revision: number,
): number {
  if (revision === 0) return 128;
  const size = options.inodeBytes ?? profile.inodeBytes;
  if (!isPowerOfTwo(size) || size < 128 || size > blockBytes) {
    throw new FormatError(
      "inodeBytes",
      `inode size ${size} is not a power of two from 128 to the block size ${blockBytes}`,
    );
  }
  if (size === 128 && features.hasRoCompat(RoCompat.PROJECT)) {
    throw new FormatError("inodeBytes", "inodes of 128 bytes are too small for project quota");
  }
  if (size === 128 && features.hasIncompat(Incompat.INLINE_DATA)) {
    throw new FormatError("inodeBytes", "inodes of 128 bytes are too small for inline data");
  }
  return size;
}

function chooseDescriptorBytes({ options, features, blockBytes }: Base): number {
  const asked = options.descriptorBytes;
  if (!features.hasIncompat(Incompat.BIT64)) {
    if (asked === undefined) return 0;
    throw new FormatError("descriptorBytes", "a descriptor size needs the feature 64bit");
  }
  const size = asked ?? 64;
  if (!isPowerOfTwo(size) || size < 64 || size > Math.min(1024, blockBytes)) {
    throw new FormatError("descriptorBytes", `descriptor size ${size} is not 64, 128, … 1024`);
  }
  return size;
}

function checkedBlocksPerGroup(options: FormatOptions, blockBytes: number): number {
  const asked = options.blocksPerGroup;
  if (asked === undefined) return 0;
  if (asked % 8 !== 0) {
    throw new FormatError("blocksPerGroup", `${asked} blocks a group are not a multiple of 8`);
  }
  if (asked < 256 || asked > 8 * blockBytes) {
    throw new FormatError(
      "blocksPerGroup",
      `${asked} blocks a group are not 256 to ${8 * blockBytes}`,
    );
  }
  return asked;
}

function chooseFlex(options: FormatOptions, features: FeatureSet): number {
  if (!features.hasIncompat(Incompat.FLEX_BG)) return 0;
  const groups = options.groupsPerFlex ?? 16;
  if (!isPowerOfTwo(groups) || groups > 2 ** 31) {
    throw new FormatError("groupsPerFlex", `${groups} groups are not a power of two up to 2^31`);
  }
  return Math.log2(groups);
}

function chooseInodes(
  { options, blockBytes, blocksCount, features }: Base,
  profile: Profile,
  clusterBytes: number,
  inodeBytes: number,
): number {
  const ratio = options.inodeRatioBytes ??
    Math.max(profile.inodeRatioBytes, blockBytes, clusterBytes);
  if (ratio < 1024 || ratio > 65536 * 1024) {
    throw new FormatError("inodeRatioBytes", `${ratio} bytes an inode are not 1024 to 67108864`);
  }
  let inodes = options.inodes ?? 0;
  if (inodes > MAX_32 || inodes < 0) {
    throw new FormatError("inodes", `${inodes} inodes are not 1 to 4294967295`);
  }
  if (inodes === 0) {
    inodes = Math.floor((blocksCount * blockBytes) / ratio);
    if (inodes > MAX_32 && !features.hasIncompat(Incompat.BIT64)) {
      throw new FormatError("inodeRatioBytes", `${inodes} inodes are too many: raise the ratio`);
    }
    inodes = Math.min(inodes, MAX_32);
  }
  if (features.hasIncompat(Incompat.JOURNAL_DEV)) return inodes;
  if (inodes * inodeBytes >= blocksCount * blockBytes) {
    throw new FormatError(
      options.inodes === undefined ? "inodeRatioBytes" : "inodes",
      `${inodes} inodes of ${inodeBytes} bytes do not fit in ${blocksCount} blocks of ${blockBytes} bytes`,
    );
  }
  return inodes;
}

function reservedBlocks(options: FormatOptions, blocksCount: number): number {
  const percent = options.reservedPercent ?? 5;
  if (!(percent >= 0 && percent <= 50)) {
    throw new FormatError("reservedPercent", `reserved percentage ${percent} is not 0 to 50`);
  }
  return Math.floor((percent * blocksCount) / 100);
}

/** Blocks to reserve so that the descriptors can describe a file system of `resizeBlocks`. */
function reservedForResize(
  { options, blockBytes, blocksCount, features }: Base,
  blocksPerGroup: number,
  descriptorBytes: number,
  revision: number,
): number | undefined {
  if (options.resize === undefined) return undefined;
  const target = inBlocks(options.resize, blockBytes);
  if (target <= blocksCount) {
    throw new FormatError("resize", "the resize maximum is not greater than the size");
  }
  if (revision === 0) {
    throw new FormatError("resize", "a revision 0 file system cannot be resized online");
  }
  const perGroup = blocksPerGroup === 0 ? blockBytes * 8 : blocksPerGroup;
  const perBlock = Math.floor(blockBytes / (descriptorBytes === 0 ? 32 : descriptorBytes));
  const blocksFor = (blocks: number): number => Math.ceil(Math.ceil(blocks / perGroup) / perBlock);
  const more = Math.min(blocksFor(target) - blocksFor(blocksCount), blockBytes / 4);
  if (more <= 0) return undefined;
  if (!features.hasRoCompat(RoCompat.SPARSE_SUPER) || features.hasIncompat(Incompat.META_BG)) {
    throw new FormatError("resize", "resize needs sparse_super and excludes meta_bg");
  }
  features.setCompat(Compat.RESIZE_INODE, true);
  return more;
}
