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
import type { FormatOptions } from "../../fs/mkfs/options.ts";

/** How an image is made. */
export interface Shape {
  readonly name: string;
  readonly sizeBytes: number;
  readonly format: FormatOptions;
  /** Not every kernel is built to mount it. */
  readonly withoutKernel?: true;
  /** The checksums that the journal is given, when not those that it gets by itself. */
  readonly journalChecksums?: 0 | 2 | 3;
  /** Not every kernel with ext4 mounts it read-write. */
  readonly rareInKernels?: boolean;
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
    format: { blockBytes: 1024, features: ["quota"] },
    withoutKernel: true,
  },
  {
    name: "orphan-file",
    sizeBytes: 8 * MIB,
    format: { blockBytes: 1024, features: ["orphan_file", "metadata_csum_seed"] },
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
    rareInKernels: true,
  },
];

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
  const device = new MemoryDevice(shape.sizeBytes);
  const bytes = new Uint8Array(shape.sizeBytes);
  fillFree(bytes);
  device.write(bytes, 0);
  format(device, {
    errors: "remount-ro",
    reservedPercent: 0,
    inodes: 2048,
    storage: "device",
    discard: false,
    uuid: new Uint8Array(16).fill(0x42),
    hashSeed: new Uint8Array(16).fill(0x24),
    clock: () => 1_700_000_000,
    ...shape.format,
  });
  device.read(bytes, 0);
  editJournal(bytes, shape.format.blockBytes ?? 4096, (superblock) => {
    superblock.setChecksums(shape.journalChecksums ?? superblock.checksums);
    superblock.headBlock = 1 + (seed % 1000);
  });
  return bytes;
}

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
