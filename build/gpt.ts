/**
 * A GUID partition table with one Linux partition (UEFI Specification 2.10, section 5: "GUID Partition
 * Table (GPT) Disk Layout"): protective MBR, primary table at the start, backup at the end.
 *
 * @module
 */

import { BuildError } from "./build_error.ts";
import { crc32 } from "./crc32.ts";

/** Where the partition lies, in bytes of the disk. */
export interface GptLayout {
  readonly diskBytes: number;
  readonly partitionOffset: number;
  readonly partitionBytes: number;
}

/** Identifiers and name in the table. */
export interface GptNames {
  /** 16 bytes each, in the order in which UUIDs are written. */
  readonly diskId: Uint8Array;
  readonly partitionId: Uint8Array;
  /** Up to 36 UTF-16 units. */
  readonly partitionName: string;
}

const SECTOR_BYTES = 512;
const ALIGNMENT = 1 << 20;
const ENTRIES = 128;
const ENTRY_BYTES = 128;
const ENTRY_SECTORS = (ENTRIES * ENTRY_BYTES) / SECTOR_BYTES;
const HEADER_BYTES = 92;
const REVISION = 0x00010000;
const NAME_UNITS = 36;
/** Sectors behind the last one that a partition may use: the backup's entries and header. */
const TAIL_SECTORS = ENTRY_SECTORS + 1;
const PROTECTIVE_TYPE = 0xee;
/** Linux file system data, 0FC63DAF-8483-4772-8E79-3D69D8477DE4. */
const LINUX_TYPE = [
  0x0f,
  0xc6,
  0x3d,
  0xaf,
  0x84,
  0x83,
  0x47,
  0x72,
  0x8e,
  0x79,
  0x3d,
  0x69,
  0xd8,
  0x47,
  0x7d,
  0xe4,
];

/** The largest partition of a disk, on boundaries of 1 MiB. @throws BuildError when there is no room */
export function gptLayout(diskBytes: number): GptLayout {
  const usable = Math.floor(diskBytes / SECTOR_BYTES) * SECTOR_BYTES - TAIL_SECTORS * SECTOR_BYTES;
  const partitionBytes = Math.floor(usable / ALIGNMENT) * ALIGNMENT - ALIGNMENT;
  if (partitionBytes <= 0) {
    throw new BuildError(`${diskBytes} bytes have no room for a partition table and a partition`);
  }
  return { diskBytes, partitionOffset: ALIGNMENT, partitionBytes };
}

/** The smallest disk with a partition of this size. */
export function gptAround(partitionBytes: number): GptLayout {
  const rounded = Math.ceil(partitionBytes / ALIGNMENT) * ALIGNMENT;
  return {
    diskBytes: rounded + 2 * ALIGNMENT,
    partitionOffset: ALIGNMENT,
    partitionBytes: rounded,
  };
}

/** Bytes to be written at an offset of the disk. */
export interface GptPart {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** The tables, the backup first, so that an interrupted run leaves no half of one at the start. */
export function gptParts(layout: GptLayout, names: GptNames): readonly GptPart[] {
  const sectors = Math.floor(layout.diskBytes / SECTOR_BYTES);
  const first = layout.partitionOffset / SECTOR_BYTES;
  const last = first + layout.partitionBytes / SECTOR_BYTES - 1;
  const entries = entryTable(names, first, last);
  const backupEntries = sectors - TAIL_SECTORS;
  const header = (own: number, other: number, table: number): Uint8Array =>
    headerSector({ own, other, table, sectors, entries, diskId: names.diskId });
  return [
    { offset: backupEntries * SECTOR_BYTES, bytes: entries },
    { offset: (sectors - 1) * SECTOR_BYTES, bytes: header(sectors - 1, 1, backupEntries) },
    { offset: 2 * SECTOR_BYTES, bytes: entries },
    { offset: SECTOR_BYTES, bytes: header(1, sectors - 1, 2) },
    { offset: 0, bytes: protectiveMbr(sectors) },
  ];
}

/** GUIDs are stored with their first three fields little-endian. */
function putGuid(bytes: Uint8Array, at: number, id: ArrayLike<number>): void {
  const order = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
  order.forEach((from, index) => bytes[at + index] = id[from] ?? 0);
}

function putSector(view: DataView, at: number, sector: number): void {
  view.setBigUint64(at, BigInt(sector), true);
}

function entryTable(names: GptNames, first: number, last: number): Uint8Array {
  const table = new Uint8Array(ENTRIES * ENTRY_BYTES);
  const view = new DataView(table.buffer);
  putGuid(table, 0, LINUX_TYPE);
  putGuid(table, 16, names.partitionId);
  putSector(view, 32, first);
  putSector(view, 40, last);
  for (let i = 0; i < Math.min(NAME_UNITS, names.partitionName.length); i++) {
    view.setUint16(56 + 2 * i, names.partitionName.charCodeAt(i), true);
  }
  return table;
}

interface HeaderFields {
  readonly own: number;
  readonly other: number;
  /** First sector of the entries. */
  readonly table: number;
  readonly sectors: number;
  readonly entries: Uint8Array;
  readonly diskId: Uint8Array;
}

function headerSector(fields: HeaderFields): Uint8Array {
  const sector = new Uint8Array(SECTOR_BYTES);
  const view = new DataView(sector.buffer);
  sector.set(new TextEncoder().encode("EFI PART"));
  view.setUint32(8, REVISION, true);
  view.setUint32(12, HEADER_BYTES, true);
  putSector(view, 24, fields.own);
  putSector(view, 32, fields.other);
  putSector(view, 40, 2 + ENTRY_SECTORS);
  putSector(view, 48, fields.sectors - TAIL_SECTORS - 1);
  putGuid(sector, 56, fields.diskId);
  putSector(view, 72, fields.table);
  view.setUint32(80, ENTRIES, true);
  view.setUint32(84, ENTRY_BYTES, true);
  view.setUint32(88, crc32(fields.entries), true);
  view.setUint32(16, crc32(sector.subarray(0, HEADER_BYTES)), true);
  return sector;
}

/** A partition of the type EE over the whole disk: to programs that know no GPT the disk is full. */
function protectiveMbr(sectors: number): Uint8Array {
  const mbr = new Uint8Array(SECTOR_BYTES);
  const view = new DataView(mbr.buffer);
  mbr.set([0x00, 0x00, 0x02, 0x00, PROTECTIVE_TYPE, 0xff, 0xff, 0xff], 446);
  view.setUint32(454, 1, true);
  view.setUint32(458, Math.min(sectors - 1, 0xffffffff), true);
  mbr.set([0x55, 0xaa], 510);
  return mbr;
}
