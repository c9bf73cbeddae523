/**
 * The multiple mount protection block (feature mmp, at s_mmp_block): who uses the file system, renewed every few seconds.
 *
 * `mmp_struct` (1024 bytes): 0x0 mmp_magic (32 bits, 0x004d4d50), 0x4 mmp_seq (32), 0x8 mmp_time (64, seconds),
 * 0x10 mmp_nodename (64 bytes), 0x50 mmp_bdevname (32 bytes), 0x70 mmp_check_interval (16, seconds), 0x72 mmp_pad1 (16),
 * 0x74 mmp_pad2 (226 × 32), 0x3fc mmp_checksum (32): the crc32c, continued from the file system's checksum seed, over
 * the 1020 bytes before.
 *
 * Kernel documentation: Documentation/filesystems/ext4/mmp.rst.
 *
 * @module
 */

import { readFixedText, writeFixedText } from "../bytes/fixed_text.ts";
import { getUint64, setUint64 } from "../bytes/uint64.ts";
import { Corrupt } from "../errors.ts";
import { crc32c } from "./crc32c.ts";

export const MMP_BYTES = 1024;
export const MMP_MAGIC = 0x004d4d50;
/** mmp_seq of a file system that nobody uses. */
export const MMP_SEQUENCE_CLEAN = 0xff4d4d50;
/** mmp_seq while a checker works on it. */
export const MMP_SEQUENCE_FSCK = 0xe24d4d50;
/** Largest mmp_seq of a file system in use. */
export const MMP_SEQUENCE_MAX = 0xe24d4d4f;

const CHECKSUM_OFFSET = 0x3fc;

/** The fields of the block. */
export interface Mmp {
  sequence: number;
  /** When it was last renewed, seconds since 1970. */
  time: number;
  /** Host name, up to 64 bytes. */
  nodeName: string;
  /** Device name, up to 32 bytes. */
  deviceName: string;
  /** Seconds between two looks at the block. */
  checkInterval: number;
}

/**
 * Decodes the first 1024 of `bytes`.
 *
 * @param seed the file system's checksum seed, or undefined without metadata_csum.
 * @throws {Corrupt} "mmp".
 */
export function decodeMmp(bytes: Uint8Array, diskBlock: number, seed: number | undefined): Mmp {
  const view = new DataView(bytes.buffer, bytes.byteOffset, MMP_BYTES);
  const corrupt = (field: string) => new Corrupt("mmp", `block 0x${diskBlock.toString(16)}`, field);
  const magic = view.getUint32(0, true);
  if (magic !== MMP_MAGIC) throw corrupt(`mmp_magic 0x${magic.toString(16)} is not 0x4d4d50`);
  if (seed !== undefined) {
    const stored = view.getUint32(CHECKSUM_OFFSET, true);
    if (stored !== crc32c(seed, bytes, 0, CHECKSUM_OFFSET)) throw corrupt("mmp_checksum");
  }
  return {
    sequence: view.getUint32(0x4, true),
    time: getUint64(view, 0x8),
    nodeName: readFixedText(bytes, 0x10, 64),
    deviceName: readFixedText(bytes, 0x50, 32),
    checkInterval: view.getUint16(0x70, true),
  };
}

/** Encodes into the first 1024 of `bytes`, the checksum included if there is a `seed`. */
export function encodeMmp(bytes: Uint8Array, mmp: Mmp, seed: number | undefined): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, MMP_BYTES);
  bytes.fill(0, 0, MMP_BYTES);
  view.setUint32(0, MMP_MAGIC, true);
  view.setUint32(0x4, mmp.sequence, true);
  setUint64(view, 0x8, mmp.time);
  writeFixedText(bytes, 0x10, 64, mmp.nodeName);
  writeFixedText(bytes, 0x50, 32, mmp.deviceName);
  view.setUint16(0x70, mmp.checkInterval, true);
  if (seed !== undefined) {
    view.setUint32(CHECKSUM_OFFSET, crc32c(seed, bytes, 0, CHECKSUM_OFFSET), true);
  }
}
