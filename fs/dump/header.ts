/**
 * The superblock field by field, in the words of dumpe2fs.
 *
 * @module
 */

import { featureNames, Incompat, RoCompat } from "../layout/features.ts";
import { HashVersion } from "../layout/dir_hash.ts";
import {
  FLAG_SIGNED_HASH,
  FLAG_TEST,
  FLAG_UNSIGNED_HASH,
  STATE_ERROR,
  STATE_VALID,
  type Superblock,
} from "../layout/superblock.ts";
import type { Geometry } from "../volume/geometry.ts";
import { ctime, interval, kilobytes, uuidText } from "./words.ts";

/** One line of the header. */
export interface DumpField {
  readonly name: string;
  /** The value itself. */
  readonly value: string | number | readonly string[] | null;
  /** How it is shown; left out: as the value is. */
  readonly text?: string;
}

const ERRORS = ["", "Continue", "Remount read-only", "Panic"];
const SYSTEMS = ["Linux", "GNU/Hurd", "MASIX", "FreeBSD", "Lites"];
const HASHES: Readonly<Record<number, string>> = {
  [HashVersion.LEGACY]: "legacy",
  [HashVersion.HALF_MD4]: "half_md4",
  [HashVersion.TEA]: "tea",
  [HashVersion.LEGACY_UNSIGNED]: "legacy_unsigned",
  [HashVersion.HALF_MD4_UNSIGNED]: "half_md4_unsigned",
  [HashVersion.TEA_UNSIGNED]: "tea_unsigned",
  [HashVersion.SIPHASH]: "siphash",
};
const MOUNT_OPTIONS: readonly (readonly [number, string])[] = [
  [0x1, "debug"],
  [0x2, "bsdgroups"],
  [0x4, "user_xattr"],
  [0x8, "acl"],
  [0x10, "uid16"],
  [0x100, "nobarrier"],
  [0x200, "block_validity"],
  [0x400, "discard"],
  [0x800, "nodelalloc"],
];
const DATA_MODES = ["", "journal_data", "journal_data_ordered", "journal_data_writeback"];
const FLAGS: readonly (readonly [number, string])[] = [
  [FLAG_SIGNED_HASH, "signed_directory_hash"],
  [FLAG_UNSIGNED_HASH, "unsigned_directory_hash"],
  [FLAG_TEST, "test_filesystem"],
];

const field = (name: string, value: DumpField["value"], text?: string): DumpField =>
  text === undefined ? { name, value } : { name, value, text };
const list = (name: string, values: readonly string[]): DumpField =>
  field(name, values, values.length === 0 ? "(none)" : values.join(" "));
const time = (name: string, seconds: number): DumpField =>
  field(name, seconds, seconds === 0 ? "n/a" : ctime(seconds));
const hex = (name: string, value: number, digits: number): DumpField =>
  field(name, value, `0x${value.toString(16).padStart(digits, "0")}`);
const optional = (wanted: boolean, ...fields: readonly DumpField[]): readonly DumpField[] =>
  wanted ? fields : [];

/** All fields of the superblock, in the order of dumpe2fs. */
export function headerFields(superblock: Superblock, geometry: Geometry): DumpField[] {
  return [
    ...identity(superblock),
    ...sizes(superblock, geometry),
    ...history(superblock),
    ...inodes(superblock),
    ...hiddenFiles(superblock),
    ...checksums(superblock),
    ...optional(
      superblock.hasIncompat(Incompat.CASEFOLD),
      field("Character encoding", superblock.encoding, encodingText(superblock)),
    ),
    ...optional(
      superblock.orphanFileInode !== 0,
      field("Orphan file inode", superblock.orphanFileInode),
    ),
  ];
}

function encodingText({ encoding }: Superblock): string {
  return encoding === 1 ? "utf8-12.1" : `unknown (${encoding})`;
}

function bits(table: readonly (readonly [number, string])[], value: number): string[] {
  return table.filter(([bit]) => (value & bit) !== 0).map(([, name]) => name);
}

function identity(s: Superblock): DumpField[] {
  const mode = DATA_MODES[(s.defaultMountOptions >>> 5) & 3] ?? "";
  const revision = s.revision === 0 ? "0 (original)" : `${s.revision} (dynamic)`;
  const state = `${(s.state & STATE_VALID) !== 0 ? "clean" : "not clean"}${
    (s.state & STATE_ERROR) !== 0 ? " with errors" : ""
  }`;
  return [
    field("Filesystem volume name", s.label, s.label === "" ? "<none>" : s.label),
    field(
      "Last mounted on",
      s.lastMounted,
      s.lastMounted === "" ? "<not available>" : s.lastMounted,
    ),
    field("Filesystem UUID", uuidText(s.uuid)),
    field("Filesystem magic number", s.magic, `0x${s.magic.toString(16).toUpperCase()}`),
    field("Filesystem revision #", s.revision, revision),
    list("Filesystem features", [
      ...featureNames("compat", s.featureCompat),
      ...featureNames("incompat", s.featureIncompat),
      ...featureNames("roCompat", s.featureRoCompat),
    ]),
    ...optional(s.flags !== 0, list("Filesystem flags", bits(FLAGS, s.flags))),
    list("Default mount options", [
      ...(mode === "" ? [] : [mode]),
      ...bits(MOUNT_OPTIONS, s.defaultMountOptions),
    ]),
    ...optional(s.mountOptions !== "", field("Mount options", s.mountOptions)),
    field("Filesystem state", state),
    field("Errors behavior", ERRORS[s.errorsBehavior] || "Unknown (continue)"),
    field("Filesystem OS type", SYSTEMS[s.creatorOs] ?? "unknown"),
  ];
}

function sizes(s: Superblock, geometry: Geometry): DumpField[] {
  const unit = s.hasRoCompat(RoCompat.BIGALLOC) ? "Cluster" : "Fragment";
  return [
    field("Inode count", s.inodesCount),
    field("Block count", s.blocksCount),
    field("Reserved block count", s.reservedBlocksCount),
    ...optional(s.overheadClusters !== 0, field("Overhead clusters", s.overheadClusters)),
    field("Free blocks", s.freeBlocksCount),
    field("Free inodes", s.freeInodesCount),
    field("First block", s.firstDataBlock),
    field("Block size", s.blockBytes),
    field(`${unit} size`, s.clusterBytes),
    ...optional(s.has64bit, field("Group descriptor size", s.descriptorBytes)),
    ...optional(s.reservedGdtBlocks !== 0, field("Reserved GDT blocks", s.reservedGdtBlocks)),
    field("Blocks per group", s.blocksPerGroup),
    field(`${unit}s per group`, geometry.clustersPerGroup),
    field("Inodes per group", s.inodesPerGroup),
    field("Inode blocks per group", geometry.inodeTableBlocks),
    ...optional(
      s.firstMetaBlockGroup !== 0,
      field("First meta block group", s.firstMetaBlockGroup),
    ),
    ...optional(s.raidStride !== 0, field("RAID stride", s.raidStride)),
    ...optional(s.raidStripeWidth !== 0, field("RAID stripe width", s.raidStripeWidth)),
    ...optional(s.logGroupsPerFlex !== 0, field("Flex block group size", 2 ** s.logGroupsPerFlex)),
  ];
}

function history(s: Superblock): DumpField[] {
  const checked = s.lastCheckLo + s.lastCheckHi * 0x100000000;
  const created = s.creationTimeLo + s.creationTimeHi * 0x100000000;
  return [
    ...optional(created !== 0, time("Filesystem created", created)),
    time("Last mount time", s.mountTime),
    time("Last write time", s.writeTime),
    field("Mount count", s.mountCount),
    field("Maximum mount count", s.maxMountCount),
    time("Last checked", checked),
    field("Check interval", s.checkInterval, `${s.checkInterval} (${interval(s.checkInterval)})`),
    ...optional(s.checkInterval !== 0, time("Next check after", checked + s.checkInterval)),
    ...optional(
      s.kbytesWritten !== 0,
      field("Lifetime writes", s.kbytesWritten * 1024, kilobytes(s.kbytesWritten)),
    ),
    field("Reserved blocks uid", s.defaultReservedUid, owner("user", s.defaultReservedUid)),
    field("Reserved blocks gid", s.defaultReservedGid, owner("group", s.defaultReservedGid)),
  ];
}

function owner(kind: string, id: number): string {
  return id === 0 ? `0 (${kind} root)` : String(id);
}

function errorHistory(s: Superblock): readonly DumpField[] {
  const text = (at: number): string => {
    const bytes = s.bytes.subarray(at, at + 32);
    const end = bytes.indexOf(0);
    return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
  };
  const first = s.firstErrorTimeLo + s.firstErrorTimeHi * 0x100000000;
  const last = s.lastErrorTimeLo + s.lastErrorTimeHi * 0x100000000;
  const one = (which: string, at: number, func: number, line: number, ino: number) =>
    optional(
      at !== 0,
      time(`${which} error time`, at),
      field(`${which} error function`, text(func)),
      field(`${which} error line #`, line),
      ...optional(ino !== 0, field(`${which} error inode #`, ino)),
    );
  return [
    ...optional(s.errorCount !== 0, field("FS Error count", s.errorCount)),
    ...one("First", first, 0x1a8, s.firstErrorLine, s.firstErrorInode),
    ...one("Last", last, 0x1e0, s.lastErrorLine, s.lastErrorInode),
  ];
}

function inodes(s: Superblock): DumpField[] {
  if (s.revision === 0) return [];
  return [
    field("First inode", s.firstInode),
    field("Inode size", s.inodeBytes),
    ...optional(s.minExtraIsize !== 0, field("Required extra isize", s.minExtraIsize)),
    ...optional(s.wantExtraIsize !== 0, field("Desired extra isize", s.wantExtraIsize)),
  ];
}

function hiddenFiles(s: Superblock): DumpField[] {
  const seed = s.bytes.subarray(0xec, 0xfc);
  const zero = (bytes: Uint8Array): boolean => bytes.every((byte) => byte === 0);
  return [
    ...optional(!zero(s.journalUuid), field("Journal UUID", uuidText(s.journalUuid))),
    ...optional(s.journalInode !== 0, field("Journal inode", s.journalInode)),
    ...optional(s.journalDevice !== 0, hex("Journal device", s.journalDevice, 4)),
    ...optional(s.lastOrphan !== 0, field("First orphan inode", s.lastOrphan)),
    ...optional(
      s.hasCompat(0x20) || s.defaultHashVersion !== 0,
      field("Default directory hash", HASHES[s.defaultHashVersion] ?? "unknown"),
    ),
    ...optional(!zero(seed), field("Directory Hash Seed", uuidText(seed))),
    ...optional(
      s.journalBackupType !== 0,
      field("Journal backup", s.journalBackupType === 1 ? "inode blocks" : "unknown"),
    ),
    ...errorHistory(s),
    ...optional(
      s.hasIncompat(Incompat.MMP),
      field("MMP block number", s.mmpBlock),
      field("MMP update interval", s.mmpInterval),
    ),
    ...optional(s.userQuotaInode !== 0, field("User quota inode", s.userQuotaInode)),
    ...optional(s.groupQuotaInode !== 0, field("Group quota inode", s.groupQuotaInode)),
    ...optional(s.projectQuotaInode !== 0, field("Project quota inode", s.projectQuotaInode)),
  ];
}

function checksums(s: Superblock): readonly DumpField[] {
  return [
    ...optional(
      s.hasMetadataChecksums,
      field("Checksum type", s.checksumType === 1 ? "crc32c" : `unknown ${s.checksumType}`),
      hex("Checksum", s.checksum, 8),
    ),
    ...optional(s.hasIncompat(Incompat.CSUM_SEED), hex("Checksum seed", s.checksumSeedRaw, 8)),
  ];
}
