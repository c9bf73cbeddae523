/**
 * A run of directory entries: a leaf block without its tail, or one of the two parts of an inline directory.
 *
 * Kernel documentation: Documentation/filesystems/ext4/directory.rst, "Linear (Classic) Directories".
 *
 * @module
 */

import type { Corrupt } from "../errors.ts";
import {
  corruptDirent,
  DIRENT_HEADER_BYTES,
  direntBytes,
  direntInode,
  direntNameLen,
  direntProblem,
  direntRecLen,
  MIN_DIRENT_BYTES,
  setDirentRecLen,
  writeDirent,
} from "../layout/dirent.ts";

/** `EntryRegion.directory` blocks that stand for the two parts of an inline directory. */
export const INLINE_HEAD = -1;
export const INLINE_REST = -2;

const NO_BYTES = new Uint8Array(0);

/**
 * Entries in `bytes[start..end)`. One object is set to one run after the other. All offsets are byte
 * offsets in `bytes`.
 *
 * The entries were verified when their block was loaded; the loops still refuse a rec_len that would
 * not bring them on, since a hostile image can make one block serve as two structures.
 */
export class EntryRegion {
  bytes: Uint8Array = NO_BYTES;
  view: DataView = new DataView(NO_BYTES.buffer);
  start = 0;
  end = 0;
  /** Block size that decides how rec_len is stored. */
  blockBytes = 0;
  /** Inode number of the directory, for errors. */
  directory = 0;
  /** Its block, or INLINE_HEAD, INLINE_REST. */
  fileBlock = 0;

  set(
    bytes: Uint8Array,
    view: DataView,
    start: number,
    end: number,
    blockBytes: number,
    directory: number,
    fileBlock: number,
  ): void {
    this.bytes = bytes;
    this.view = view;
    this.start = start;
    this.end = end;
    this.blockBytes = blockBytes;
    this.directory = directory;
    this.fileBlock = fileBlock;
  }

  /** Sets this region to the entries of another. */
  copy(other: EntryRegion): EntryRegion {
    const { bytes, view, start, end, blockBytes, directory, fileBlock } = other;
    this.set(bytes, view, start, end, blockBytes, directory, fileBlock);
    return this;
  }

  /** Checks every entry. @throws Corrupt */
  verify(inodesCount: number): void {
    const { view, end, blockBytes } = this;
    let at = this.start;
    while (at < end) {
      const problem = direntProblem(view, at, end, blockBytes, inodesCount);
      if (problem !== undefined) throw this.corrupt(at, problem);
      at += direntRecLen(view, at, blockBytes);
    }
  }

  /** Offset of the used entry with this name, or -1. @throws Corrupt */
  find(name: Uint8Array): number {
    const { bytes, view, end } = this;
    const length = name.length;
    // The last byte tells names apart that programs number or extend.
    const lastByte = name[length - 1];
    const lastPlace = DIRENT_HEADER_BYTES + length - 1;
    const last = end - MIN_DIRENT_BYTES;
    const narrow = this.blockBytes < 0x10000;
    let at = this.start;
    while (at <= last) {
      const word = view.getUint32(at + 4, true);
      if (
        ((word >>> 16) & 0xff) === length && bytes[at + lastPlace] === lastByte &&
        this.#sameName(at, name) && view.getUint32(at, true) !== 0
      ) return at;
      const recLen = narrow ? word & 0xffff : direntRecLen(view, at, this.blockBytes);
      if (recLen < MIN_DIRENT_BYTES) throw this.corrupt(at, `rec_len ${recLen}`);
      at += recLen;
    }
    if (at !== end) throw this.corrupt(at, "entries do not end with the block");
    return -1;
  }

  /** Offset of the first entry that has `needBytes` to spare (an unused one: in all), or -1. @throws Corrupt */
  findRoom(needBytes: number): number {
    const { view, end } = this;
    const last = end - MIN_DIRENT_BYTES;
    const narrow = this.blockBytes < 0x10000;
    let at = this.start;
    while (at <= last) {
      const word = view.getUint32(at + 4, true);
      const recLen = narrow ? word & 0xffff : direntRecLen(view, at, this.blockBytes);
      if (recLen < MIN_DIRENT_BYTES) throw this.corrupt(at, `rec_len ${recLen}`);
      // Most entries have no room: look at the inode only where the lengths say that it matters.
      if (recLen >= needBytes) {
        const used = view.getUint32(at, true) === 0 ? 0 : direntBytes((word >>> 16) & 0xff);
        if (recLen - used >= needBytes) return at;
      }
      at += recLen;
    }
    if (at !== end) throw this.corrupt(at, "entries do not end with the block");
    return -1;
  }

  /** Puts an entry where `findRoom` said. */
  insert(at: number, name: Uint8Array, ino: number, fileType: number): void {
    const { bytes, view, blockBytes } = this;
    const recLen = direntRecLen(view, at, blockBytes);
    if (direntInode(view, at) === 0) {
      writeDirent(bytes, view, at, ino, recLen, blockBytes, fileType, name);
      return;
    }
    const used = direntBytes(direntNameLen(view, at));
    writeDirent(bytes, view, at + used, ino, recLen - used, blockBytes, fileType, name);
    setDirentRecLen(view, at, used, blockBytes);
  }

  /** Removes the entry at `at`: its space goes to the entry before it, or it becomes unused when it is the first. */
  remove(at: number): void {
    const { bytes, view, blockBytes } = this;
    const recLen = direntRecLen(view, at, blockBytes);
    const previous = this.before(at);
    if (previous < 0) {
      bytes.fill(0, at, at + 4);
      bytes.fill(0, at + 6, at + recLen);
      return;
    }
    setDirentRecLen(view, previous, at - previous + recLen, blockBytes);
    bytes.fill(0, at, at + recLen);
  }

  /** Offset of the entry before the one at `at`; -1 when that is the first. @throws Corrupt */
  before(at: number): number {
    const { view, blockBytes } = this;
    let previous = -1;
    let entry = this.start;
    while (entry < at) {
      previous = entry;
      const recLen = direntRecLen(view, entry, blockBytes);
      if (recLen < MIN_DIRENT_BYTES) throw this.corrupt(entry, `rec_len ${recLen}`);
      entry += recLen;
    }
    if (entry !== at) throw this.corrupt(at, "no entry begins here");
    return previous;
  }

  /** Whether any entry is in use. */
  isUsed(): boolean {
    const { view, end, blockBytes } = this;
    for (let at = this.start; at < end;) {
      if (direntInode(view, at) !== 0) return true;
      const recLen = direntRecLen(view, at, blockBytes);
      if (recLen < MIN_DIRENT_BYTES) throw this.corrupt(at, `rec_len ${recLen}`);
      at += recLen;
    }
    return false;
  }

  /** The error for a bad entry at `at`. */
  corrupt(at: number, problem: string): Corrupt {
    return corruptDirent(this.directory, this.fileBlock, at, problem);
  }

  #sameName(at: number, name: Uint8Array): boolean {
    const { bytes } = this;
    const start = at + DIRENT_HEADER_BYTES;
    for (let i = name.length - 2; i >= 0; i--) {
      if (bytes[start + i] !== name[i]) return false;
    }
    return true;
  }
}
