/**
 * Directories and symbolic links of the host, with names as bytes.
 *
 * @module
 */

import { AT_FDCWD, SYS_GETDENTS64 } from "./constants.ts";
import { checked, libc } from "./library.ts";
import { cString, type Path, pathText } from "./path.ts";

/** A name in a directory. */
export interface DirectoryName {
  readonly name: Uint8Array;
  readonly ino: number;
  /** DT_*; 0 where the file system does not tell. */
  readonly type: number;
}

const CHUNK_BYTES = 64 * 1024;
const LONGEST_TARGET = 4096;
/** Filled and decoded within a call: a new one for each directory costs more than reading it. */
const chunk = new Uint8Array(CHUNK_BYTES);

/**
 * All names in an open directory but `.` and `..`, in the order of the file system (getdents64).
 * Reads on from the descriptor's position.
 */
export function readNames(directory: number): DirectoryName[] {
  const names: DirectoryName[] = [];
  for (;;) {
    const result = libc().syscall(BigInt(SYS_GETDENTS64), directory, chunk, BigInt(chunk.length));
    const filled = checked(result, "getdents64");
    if (filled === 0) return names;
    collectNames(chunk.subarray(0, filled), names);
  }
}

/** Decodes `struct linux_dirent64` records (getdents64(2)). */
function collectNames(records: Uint8Array, names: DirectoryName[]): void {
  const view = new DataView(records.buffer, records.byteOffset, records.byteLength);
  let at = 0;
  while (at + 19 < records.length) {
    const recordBytes = view.getUint16(at + 16, true);
    if (recordBytes < 20) return;
    const field = records.subarray(at + 19, at + recordBytes);
    const end = field.indexOf(0);
    const name = field.slice(0, end < 0 ? field.length : end);
    if (!isDotOrDotDot(name)) {
      names.push({
        name,
        ino: Number(view.getBigUint64(at, true)),
        type: view.getUint8(at + 18),
      });
    }
    at += recordBytes;
  }
}

function isDotOrDotDot(name: Uint8Array): boolean {
  return name[0] === 0x2e && (name.length === 1 || (name.length === 2 && name[1] === 0x2e));
}

/** The target of a symbolic link, as bytes. */
export function readLink(path: Path): Uint8Array {
  return readLinkAt(AT_FDCWD, path);
}

/** As `readLink`, relative to an open directory. */
export function readLinkAt(directory: number, path: Path): Uint8Array {
  const target = new Uint8Array(LONGEST_TARGET);
  const result = libc().readlinkat(directory, cString(path), target, BigInt(target.length));
  return target.slice(0, checked(result, "readlink", pathText(path)));
}
