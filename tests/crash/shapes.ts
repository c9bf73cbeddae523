/**
 * The images on which the crash workloads work. What is free holds a pattern from the start, so that
 * free space which becomes readable shows.
 *
 * @module
 */

import { MemoryDevice } from "../../fs/device/memory.ts";
import { JOURNAL_MAGIC, JournalBlockType } from "../../fs/layout/journal.ts";
import {
  decodeJournalSuperblock,
  type JournalSuperblock,
} from "../../fs/layout/journal_superblock.ts";
import { format } from "../../fs/mkfs/format.ts";
import type { FormatOptions, JournalOptions } from "../../fs/mkfs/options.ts";
import { leaveFastCommits } from "./fast_commit_base.ts";
import type { JudgeShares } from "./judges.ts";
import { devicesOf } from "./parts.ts";

/** How an image is made. */
export interface Shape {
  readonly name: string;
  readonly sizeBytes: number;
  readonly format: FormatOptions;
  /** The checksums that the journal is given, when not those that it gets by itself. */
  readonly journalChecksums?: 0 | 2 | 3;
  /** Bytes of a device of its own for the journal; `sizeBytes` is without it. */
  readonly journalBytes?: number;
  /** The journal holds fast commits when the image is mounted. */
  readonly fastCommits?: true;
  /** Judges that cannot tell: the kernel may be built without what it takes; e2fsck would wait, or knows it less well. */
  readonly without?: readonly ("e2fsckInstead" | "replay" | "kernel")[];
  /** Only for recordings in this process. */
  readonly inProcess?: true;
}

const MIB = 1 << 20;

/** The smallest journal that there can be: 1024 blocks. */
export const SHAPES: readonly Shape[] = [
  { name: "1k", sizeBytes: 8 * MIB, format: { blockBytes: 1024 } },
  { name: "4k", sizeBytes: 16 * MIB, format: { blockBytes: 4096 } },
  {
    name: "inline",
    sizeBytes: 8 * MIB,
    format: { blockBytes: 1024, features: ["inline_data"], inodeBytes: 256 },
  },
  {
    name: "bigalloc",
    sizeBytes: 16 * MIB,
    format: { blockBytes: 1024, features: ["bigalloc"], clusterBytes: 8192 },
  },
  {
    name: "32bit",
    sizeBytes: 8 * MIB,
    format: { blockBytes: 1024, features: ["^64bit", "^metadata_csum"] },
  },
  {
    name: "csum-v2",
    sizeBytes: 8 * MIB,
    format: { blockBytes: 1024, features: ["^orphan_file"] },
    journalChecksums: 2,
  },
  {
    name: "no-csum",
    sizeBytes: 8 * MIB,
    format: { blockBytes: 1024, features: ["^metadata_csum", "^orphan_file", "uninit_bg"] },
  },
  {
    name: "ext3",
    sizeBytes: 8 * MIB,
    format: { blockBytes: 1024, type: "ext3" },
  },
  {
    name: "groups",
    sizeBytes: 8 * MIB,
    format: { blockBytes: 1024, blocksPerGroup: 2048, features: ["^flex_bg"] },
  },
  {
    name: "quota",
    sizeBytes: 8 * MIB,
    format: {
      blockBytes: 1024,
      features: ["quota", "project"],
      quotaTypes: ["user", "group", "project"],
    },
    // CONFIG_QFMT_V2
    without: ["kernel"],
  },
  {
    name: "orphan-file",
    sizeBytes: 8 * MIB,
    format: {
      blockBytes: 1024,
      features: ["orphan_file", "metadata_csum_seed"],
      orphanFileSize: { blocks: 1 },
    },
  },
  {
    name: "external",
    sizeBytes: 8 * MIB,
    journalBytes: 2 * MIB,
    format: { blockBytes: 1024, features: ["quota"] },
    without: ["kernel"],
    inProcess: true,
  },
  {
    name: "mmp",
    sizeBytes: 8 * MIB,
    format: { blockBytes: 1024, features: ["mmp"] },
    without: ["e2fsckInstead", "replay", "kernel"],
    inProcess: true,
  },
  {
    name: "fast-commit",
    sizeBytes: 8 * MIB,
    format: { blockBytes: 1024, features: ["fast_commit"] },
    fastCommits: true,
    without: ["e2fsckInstead", "replay"],
    inProcess: true,
  },
];

/** Those that a mount takes without further ado. */
export const PLAIN_SHAPES: readonly Shape[] = SHAPES.filter(({ inProcess }) => inProcess !== true);

/** The shares of those judges that can judge such an image. */
export function judgesFor(shape: Shape, shares: JudgeShares): JudgeShares {
  return { ...shares, ...Object.fromEntries((shape.without ?? []).map((name) => [name, 0])) };
}

/** For trying the tests themselves. */
export const UNJOURNALED: Shape = {
  name: "unjournaled",
  sizeBytes: 4 * MIB,
  format: { blockBytes: 1024, features: ["^has_journal"], inodes: 512 },
};

/**
 * Makes the image. The same shape and seed give the same bytes each time.
 * @param seed decides where in the log the first transaction goes, so that it wraps around sooner or later.
 */
export function makeBase(shape: Shape, seed: number): Uint8Array<ArrayBuffer> {
  const { sizeBytes, journalBytes = 0 } = shape;
  const blockBytes = shape.format.blockBytes ?? 4096;
  const storage = new MemoryDevice(sizeBytes + journalBytes);
  const bytes = new Uint8Array(sizeBytes + journalBytes);
  fillFree(bytes);
  storage.write(bytes, 0);
  const { device, journalDevice } = devicesOf(storage, journalBytes);
  let journal: { journal?: JournalOptions } = {};
  if (journalDevice !== undefined) {
    const features = ["journal_dev"];
    format(journalDevice, { ...FIXED, uuid: JOURNAL_UUID, blockBytes, features });
    journal = { journal: { external: { device: journalDevice, deviceNumber: 0 } } };
  }
  format(device, { ...FIXED, ...journal, inodes: 2048, ...shape.format });
  storage.read(bytes, 0);
  editJournal(bytes, blockBytes, (superblock) => {
    superblock.setChecksums(shape.journalChecksums ?? superblock.checksums);
    superblock.headBlock = 1 + (seed % 1000);
  });
  if (shape.fastCommits === true) leaveFastCommits(bytes, blockBytes);
  return bytes;
}

const JOURNAL_UUID = new Uint8Array(16).fill(0x43);
const FIXED: FormatOptions = {
  errors: "remount-ro",
  reservedPercent: 0,
  storage: "device",
  discard: false,
  uuid: new Uint8Array(16).fill(0x42),
  hashSeed: new Uint8Array(16).fill(0x24),
  clock: () => 1_700_000_000,
};

/** "stale" at every sector, which no pattern of a file contains. */
function fillFree(bytes: Uint8Array): void {
  const text = new TextEncoder().encode("stale free space ");
  bytes.set(text);
  for (let done = text.length; done < bytes.length; done *= 2) bytes.copyWithin(done, 0, done);
}

/** Changes the journal's superblock, if there is one. */
function editJournal(
  bytes: Uint8Array<ArrayBuffer>,
  blockBytes: number,
  edit: (superblock: JournalSuperblock) => void,
): void {
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < bytes.length; at += blockBytes) {
    if (view.getUint32(at) !== JOURNAL_MAGIC) continue;
    if (view.getUint32(at + 4) !== JournalBlockType.SUPERBLOCK_V2) continue;
    const block = bytes.slice(at, at + blockBytes);
    const superblock = decodeJournalSuperblock(block, blockBytes, view.getUint32(at + 0x10));
    edit(superblock);
    superblock.setChecksum();
    bytes.set(superblock.bytes, at);
    return;
  }
}

/** @throws Error for a name that there is not. */
export function shapeNamed(name: string): Shape {
  const shape = SHAPES.find((candidate) => candidate.name === name);
  if (shape === undefined) {
    throw new Error(`no shape ${name}: ${SHAPES.map(({ name }) => name).join(", ")}`);
  }
  return shape;
}
