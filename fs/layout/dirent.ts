/**
 * Entries of a directory block, read and written in place on a `DataView`.
 *
 * `ext4_dir_entry_2`: 0x0 inode (32 bits, 0: unused), 0x4 rec_len (16, distance to the next entry), 0x6 name_len (8),
 * 0x7 file_type (8), 0x8 name. Without the filetype feature name_len has 16 bits, the upper ones zero, so that
 * file_type reads as "unknown" either way. rec_len is a multiple of 4; in 64 KiB blocks 65536 is stored as 0xffff
 * (or 0).
 *
 * `ext4_dir_entry_tail`, with metadata_csum the last 12 bytes of a leaf block, dressed as an unused entry:
 * 0x0 det_reserved_zero1 (32, 0), 0x4 det_rec_len (16, 12), 0x6 det_reserved_zero2 (8, 0),
 * 0x7 det_reserved_ft (8, 0xde), 0x8 det_checksum (32): the crc32c continued from the directory inode's checksum seed
 * over all bytes of the block before the tail.
 *
 * Kernel documentation: Documentation/filesystems/ext4/directory.rst, "Linear (Classic) Directories".
 *
 * @module
 */

import { Corrupt } from "../errors.ts";
import { crc32c } from "./crc32c.ts";

export const DIRENT_HEADER_BYTES = 8;
export const DIRENT_TAIL_BYTES = 12;
/** Shortest entry: a name of one byte. */
export const MIN_DIRENT_BYTES = 12;
export const MAX_NAME_BYTES = 255;
/** det_reserved_ft, the file type of the tail. */
export const TAIL_FILE_TYPE = 0xde;
/** Added to entries of directories that are both casefolded and encrypted: hash and minor hash. */
export const DIRENT_HASH_BYTES = 8;

/** Values of file_type. */
export const FileType = {
  UNKNOWN: 0,
  REGULAR: 1,
  DIRECTORY: 2,
  CHARACTER_DEVICE: 3,
  BLOCK_DEVICE: 4,
  FIFO: 5,
  SOCKET: 6,
  SYMLINK: 7,
} as const;

const DOT = 0x2e;
const SLASH = 0x2f;

/** file_type by the upper four bits of an inode's mode. */
const FILE_TYPE_BY_FORMAT = Uint8Array.of(0, 5, 3, 0, 2, 0, 4, 0, 1, 0, 7, 0, 6, 0, 0, 0);
/** DT_* (mode >> 12) by file_type. */
const DT_BY_FILE_TYPE = Uint8Array.of(0, 8, 4, 2, 6, 1, 12, 10);

/** The file_type that an entry for an inode of this mode has; 0 if the mode's format is not one. */
export function fileTypeOfMode(mode: number): number {
  return FILE_TYPE_BY_FORMAT.at((mode >>> 12) & 0xf) ?? 0;
}

/** The DT_* value (as in getdents and FUSE) of a file_type; DT_UNKNOWN (0) if it is not one. */
export function dtOfFileType(fileType: number): number {
  return DT_BY_FILE_TYPE[fileType] ?? 0;
}

/** Bytes that an entry needs for a name of `nameBytes`, without the hash of casefolded and encrypted directories. */
export function direntBytes(nameBytes: number): number {
  return (nameBytes + DIRENT_HEADER_BYTES + 3) & ~3;
}

/** inode of the entry at `entry`; 0 if it is unused. */
export function direntInode(view: DataView, entry: number): number {
  return view.getUint32(entry, true);
}

export function setDirentInode(view: DataView, entry: number, inode: number): void {
  view.setUint32(entry, inode, true);
}

/** rec_len of the entry at `entry`, in bytes, up to 65536. */
export function direntRecLen(view: DataView, entry: number, blockBytes: number): number {
  const raw = view.getUint16(entry + 4, true);
  if (blockBytes < 0x10000) return raw;
  if (raw === 0xffff || raw === 0) return blockBytes;
  return (raw & 0xfffc) | ((raw & 3) << 16);
}

/** Stores `recLen` bytes (a multiple of 4, at most `blockBytes`) as rec_len. */
export function setDirentRecLen(
  view: DataView,
  entry: number,
  recLen: number,
  blockBytes: number,
): void {
  const raw = recLen < 0x10000
    ? recLen
    : recLen === blockBytes && blockBytes === 0x10000
    ? 0xffff
    : (recLen & 0xfffc) | ((recLen >>> 16) & 3);
  view.setUint16(entry + 4, raw, true);
}

export function direntNameLen(view: DataView, entry: number): number {
  return view.getUint8(entry + 6);
}

export function direntFileType(view: DataView, entry: number): number {
  return view.getUint8(entry + 7);
}

export function setDirentFileType(view: DataView, entry: number, fileType: number): void {
  view.setUint8(entry + 7, fileType);
}

/**
 * Writes an entry with its name, which must fit in `recLen`; the bytes between name and end of the entry are kept.
 *
 * @param fileType `FileType.UNKNOWN` without the filetype feature.
 */
export function writeDirent(
  bytes: Uint8Array,
  view: DataView,
  entry: number,
  inode: number,
  recLen: number,
  blockBytes: number,
  fileType: number,
  name: Uint8Array,
): void {
  view.setUint32(entry, inode, true);
  setDirentRecLen(view, entry, recLen, blockBytes);
  view.setUint8(entry + 6, name.length);
  view.setUint8(entry + 7, fileType);
  bytes.set(name, entry + DIRENT_HEADER_BYTES);
}

/** Whether the entry is used and has this name. */
export function direntHasName(
  bytes: Uint8Array,
  view: DataView,
  entry: number,
  name: Uint8Array,
): boolean {
  const length = name.length;
  if (view.getUint8(entry + 6) !== length || view.getUint32(entry, true) === 0) return false;
  const start = entry + DIRENT_HEADER_BYTES;
  for (let i = 0; i < length; i++) {
    if (bytes[start + i] !== name[i]) return false;
  }
  return true;
}

/**
 * Checks the entry at `entry` within a region that ends at `end` (both byte offsets in the view) before it is used.
 *
 * @param blockBytes the block size, for the encoding of rec_len.
 * @returns what is wrong, or undefined.
 */
export function direntProblem(
  view: DataView,
  entry: number,
  end: number,
  blockBytes: number,
  inodesCount: number,
): string | undefined {
  const room = end - entry;
  if (room < MIN_DIRENT_BYTES) return `${room} bytes left for an entry`;
  const recLen = direntRecLen(view, entry, blockBytes);
  const nameLen = direntNameLen(view, entry);
  const inode = direntInode(view, entry);
  if (recLen < MIN_DIRENT_BYTES) return `rec_len ${recLen} is smaller than 12`;
  if ((recLen & 3) !== 0) return `rec_len ${recLen} is not a multiple of 4`;
  if (recLen > room) return `rec_len ${recLen} exceeds the ${room} bytes left`;
  if (recLen !== room && recLen > room - MIN_DIRENT_BYTES) {
    return `rec_len ${recLen} leaves less than an entry`;
  }
  if (direntBytes(nameLen) > recLen) return `name_len ${nameLen} does not fit rec_len ${recLen}`;
  if (inode > inodesCount) return `inode ${inode} exceeds ${inodesCount}`;
  if (inode !== 0 && nameLen === 0) return "name_len is 0 in a used entry";
  return undefined;
}

/** Whether a name read from an image can be shown to programs: not empty, without NUL and '/', not "." or "..". */
export function direntNameIsPlain(bytes: Uint8Array, start: number, end: number): boolean {
  let otherThanDots = end - start > 2;
  for (let at = start; at < end; at++) {
    const byte = bytes[at];
    if (byte === 0 || byte === SLASH) return false;
    if (byte !== DOT) otherThanDots = true;
  }
  return otherThanDots;
}

/** The error for a bad entry. `fileBlock` counts blocks of the directory, `offset` bytes within one. */
export function corruptDirent(
  directory: number,
  fileBlock: number,
  offset: number,
  problem: string,
): Corrupt {
  const place = `directory inode ${directory} block ${fileBlock} offset 0x${offset.toString(16)}`;
  return new Corrupt("directory entry", place, problem);
}

/** Writes the tail that closes a leaf block with metadata_csum, without its checksum. */
export function writeDirentTail(view: DataView, blockBytes: number): void {
  const tail = blockBytes - DIRENT_TAIL_BYTES;
  view.setUint32(tail, 0, true);
  view.setUint16(tail + 4, DIRENT_TAIL_BYTES, true);
  view.setUint8(tail + 6, 0);
  view.setUint8(tail + 7, TAIL_FILE_TYPE);
  view.setUint32(tail + 8, 0, true);
}

/** Whether the block ends in a tail. */
export function hasDirentTail(view: DataView, blockBytes: number): boolean {
  const tail = blockBytes - DIRENT_TAIL_BYTES;
  return view.getUint32(tail, true) === 0 &&
    view.getUint16(tail + 4, true) === DIRENT_TAIL_BYTES &&
    view.getUint8(tail + 6) === 0 &&
    view.getUint8(tail + 7) === TAIL_FILE_TYPE;
}

/** Whether the block ends in a tail with the right checksum. `inodeSeed` is the directory's checksum seed. */
export function verifyDirentBlock(bytes: Uint8Array, view: DataView, inodeSeed: number): boolean {
  const tail = bytes.length - DIRENT_TAIL_BYTES;
  return hasDirentTail(view, bytes.length) &&
    view.getUint32(tail + 8, true) === crc32c(inodeSeed, bytes, 0, tail);
}

/** Sets the checksum in the tail of a leaf block. */
export function setDirentBlockChecksum(
  bytes: Uint8Array,
  view: DataView,
  inodeSeed: number,
): void {
  const tail = bytes.length - DIRENT_TAIL_BYTES;
  view.setUint32(tail + 8, crc32c(inodeSeed, bytes, 0, tail), true);
}
