/**
 * Names in encrypted directories, whose keys are not known here: shown, and found again, in the form that the kernel
 * gives them then.
 *
 * @module
 */

import { DirHasher } from "../layout/dir_hash.ts";
import {
  DIRENT_HEADER_BYTES,
  direntInode,
  direntNameLen,
  direntRecLen,
  MIN_DIRENT_BYTES,
} from "../layout/dirent.ts";
import {
  decodeNoKeyName,
  encodeNoKeyName,
  isNoKeyNameOf,
  MAX_NO_KEY_NAME_BYTES,
  MIN_STORED_BYTES,
} from "../layout/no_key_name.ts";
import type { EntryRegion } from "./entry_region.ts";

const DOT = 0x2e;

/** Hashes that are stored behind the names: a directory that is encrypted and disregards case needs its key to compute them. */
export class StoredHasher extends DirHasher {
  override half(_version: number, bytes: Uint8Array, start: number, end: number): number {
    const entry = start - DIRENT_HEADER_BYTES;
    const at = entry + ((end - entry + 3) & ~3);
    if (at + 8 > bytes.length) return 0;
    const view = new DataView(bytes.buffer, bytes.byteOffset + at, 8);
    this.minor = view.getInt32(4, true);
    return view.getUint32(0, true) >>> 1;
  }
}

/** Shows and finds names of encrypted directories. */
export class EncryptedNames {
  /** The name that `show` made. */
  readonly shown = new Uint8Array(MAX_NO_KEY_NAME_BYTES);

  /**
   * Makes what is shown for the name of an entry.
   * @param hash of the name in the directory's order; @param minor its minor hash.
   * @returns its length in `shown`, 0 for a name that encryption cannot have made.
   */
  show(bytes: Uint8Array, start: number, end: number, hash: number, minor: number): number {
    if (end - start < MIN_STORED_BYTES) return 0;
    return encodeNoKeyName(bytes, start, end, hash, minor, this.shown);
  }

  /** As `EntryRegion.find`, for a name that was shown. @throws Corrupt */
  find(region: EntryRegion, name: Uint8Array): number {
    const wanted = decodeNoKeyName(name);
    if (wanted === undefined) return -1;
    const { bytes, view, end, blockBytes } = region;
    for (let at = region.start; at < end;) {
      const start = at + DIRENT_HEADER_BYTES;
      const stop = start + direntNameLen(view, at);
      const isUsed = direntInode(view, at) !== 0 && !isDots(bytes, start, stop);
      if (isUsed && isNoKeyNameOf(wanted, bytes, start, stop)) return at;
      const recLen = direntRecLen(view, at, blockBytes);
      if (recLen < MIN_DIRENT_BYTES) throw region.corrupt(at, `rec_len ${recLen}`);
      at += recLen;
    }
    return -1;
  }
}

function isDots(bytes: Uint8Array, start: number, end: number): boolean {
  return bytes[start] === DOT &&
    (end === start + 1 || (end === start + 2 && bytes[start + 1] === DOT));
}
