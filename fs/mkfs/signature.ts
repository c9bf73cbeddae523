/**
 * What a device holds already: the commonest file systems, partition tables and members of larger
 * volumes, told by their magic numbers.
 *
 * @module
 */

import type { BlockDevice } from "../device/device.ts";
import { Compat, Incompat, RoCompat } from "../layout/features.ts";

/** Something recognised. */
export interface Found {
  /** "ext4", "xfs", "swap space", "partition table (gpt)", … */
  readonly type: string;
  readonly label: string;
}

interface Signature {
  readonly type: string;
  readonly offset: number;
  /** Bytes, or text of one byte a character. */
  readonly magic: string;
  readonly label?: readonly [offset: number, length: number];
  /** A further condition. */
  readonly check?: (view: DataView) => boolean;
}

const KIB = 1024;
/** Enough for every signature below. */
const READ_BYTES = 72 * KIB;

const hasFatParameters = (view: DataView): boolean => {
  const sector = view.getUint16(11, true);
  return [512, 1024, 2048, 4096].includes(sector) && view.getUint8(13) > 0 &&
    view.getUint8(16) > 0 && view.getUint8(16) <= 4 && view.getUint8(21) >= 0xf0;
};

const SIGNATURES: readonly Signature[] = [
  { type: "xfs", offset: 0, magic: "XFSB", label: [108, 12] },
  { type: "btrfs", offset: 64 * KIB + 64, magic: "_BHRfS_M", label: [64 * KIB + 299, 256] },
  { type: "swap space", offset: 4086, magic: "SWAPSPACE2", label: [1052, 16] },
  { type: "swap space", offset: 4086, magic: "SWAP-SPACE", label: [1052, 16] },
  { type: "swap space", offset: 65526, magic: "SWAPSPACE2", label: [1052, 16] },
  { type: "ntfs", offset: 3, magic: "NTFS    " },
  { type: "exfat", offset: 3, magic: "EXFAT   " },
  { type: "f2fs", offset: KIB, magic: "\x10\x20\xf5\xf2" },
  { type: "squashfs", offset: 0, magic: "hsqs" },
  { type: "erofs", offset: KIB, magic: "\xe2\xe1\xf5\xe0", label: [KIB + 64, 16] },
  { type: "bcachefs", offset: 4 * KIB + 24, magic: "\xc6\x85\x73\xf6" },
  { type: "reiserfs", offset: 64 * KIB + 52, magic: "ReIsEr", label: [64 * KIB + 100, 16] },
  { type: "jfs", offset: 32 * KIB, magic: "JFS1", label: [32 * KIB + 152, 16] },
  { type: "iso9660", offset: 32 * KIB + 1, magic: "CD001", label: [32 * KIB + 40, 32] },
  { type: "udf", offset: 32 * KIB + 1, magic: "BEA01" },
  { type: "minix", offset: KIB + 16, magic: "\x7f\x13" },
  { type: "minix", offset: KIB + 16, magic: "\x8f\x13" },
  { type: "LUKS", offset: 0, magic: "LUKS\xba\xbe" },
  { type: "LVM2 physical volume", offset: 512, magic: "LABELONE" },
  { type: "LVM2 physical volume", offset: 0, magic: "LABELONE" },
  { type: "Linux RAID member", offset: 4 * KIB, magic: "\xfc\x4e\x2b\xa9" },
  { type: "Linux RAID member", offset: 0, magic: "\xfc\x4e\x2b\xa9" },
  { type: "partition table (gpt)", offset: 512, magic: "EFI PART" },
  { type: "partition table (gpt)", offset: 4 * KIB, magic: "EFI PART" },
  { type: "vfat", offset: 82, magic: "FAT32   ", label: [71, 11], check: hasFatParameters },
  { type: "vfat", offset: 54, magic: "FAT16   ", label: [43, 11], check: hasFatParameters },
  { type: "vfat", offset: 54, magic: "FAT12   ", label: [43, 11], check: hasFatParameters },
  { type: "vfat", offset: 510, magic: "\x55\xaa", check: hasFatParameters },
];

/** The first thing recognised on the device, or undefined. */
export function findSignature(device: BlockDevice): Found | undefined {
  const bytes = new Uint8Array(READ_BYTES);
  device.read(bytes.subarray(0, Math.min(READ_BYTES, device.sizeBytes)), 0);
  const view = new DataView(bytes.buffer);
  return findExt(bytes, view) ?? findMagic(bytes, view) ?? findDosTable(view);
}

function findMagic(bytes: Uint8Array, view: DataView): Found | undefined {
  for (const signature of SIGNATURES) {
    if (!matches(bytes, signature.offset, signature.magic)) continue;
    if (signature.check?.(view) === false) continue;
    const label = signature.label === undefined ? "" : text(bytes, ...signature.label);
    return { type: signature.type, label };
  }
  return undefined;
}

function matches(bytes: Uint8Array, offset: number, magic: string): boolean {
  for (let i = 0; i < magic.length; i++) {
    if (bytes[offset + i] !== magic.charCodeAt(i)) return false;
  }
  return true;
}

function text(bytes: Uint8Array, offset: number, length: number): string {
  const field = bytes.subarray(offset, offset + length);
  const end = field.indexOf(0);
  return new TextDecoder().decode(end < 0 ? field : field.subarray(0, end)).trim();
}

/** Tells ext2, ext3 and ext4 apart by their features. */
function findExt(bytes: Uint8Array, view: DataView): Found | undefined {
  if (view.getUint16(KIB + 0x38, true) !== 0xef53) return undefined;
  const label = text(bytes, KIB + 0x78, 16);
  const compat = view.getUint32(KIB + 0x5c, true);
  const incompat = view.getUint32(KIB + 0x60, true);
  const roCompat = view.getUint32(KIB + 0x64, true);
  if ((incompat & Incompat.JOURNAL_DEV) !== 0) return { type: "ext journal", label };
  const old = Incompat.FILETYPE | Incompat.META_BG | Incompat.RECOVER;
  const oldRo = RoCompat.SPARSE_SUPER | RoCompat.LARGE_FILE | RoCompat.BTREE_DIR;
  if ((incompat & ~old) !== 0 || (roCompat & ~oldRo) !== 0) return { type: "ext4", label };
  return { type: (compat & Compat.HAS_JOURNAL) === 0 ? "ext2" : "ext3", label };
}

/** An MBR: the signature, and at least one partition that makes sense. */
function findDosTable(view: DataView): Found | undefined {
  if (view.getUint16(510, true) !== 0xaa55) return undefined;
  for (let entry = 446; entry < 510; entry += 16) {
    const status = view.getUint8(entry);
    if (status !== 0 && status !== 0x80) return undefined;
  }
  for (let entry = 446; entry < 510; entry += 16) {
    const used = view.getUint8(entry + 4) !== 0 && view.getUint32(entry + 12, true) > 0;
    if (used) return { type: "partition table (dos)", label: "" };
  }
  return undefined;
}
