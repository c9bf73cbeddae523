/**
 * Handing out one entry of a directory that is read.
 *
 * @module
 */

import {
  DIRENT_HEADER_BYTES,
  direntFileType,
  direntInode,
  direntNameIsPlain,
  direntNameLen,
  FileType,
} from "../layout/dirent.ts";
import type { DirContext } from "./context.ts";
import type { EntryRegion } from "./entry_region.ts";
import { isDots } from "./lookup.ts";

/**
 * Told of an entry. `name` is valid during the call; `nextCookie` continues after it; `fileType` is a file_type, 0
 * where the volume does not record it. Returns false when it did not take the entry: reading stops before it.
 */
export type EmitEntry = (
  name: Uint8Array,
  ino: number,
  nextCookie: number,
  fileType: number,
) => boolean;

/** Emits the used entry at `at` of the region. @throws Corrupt for a name that no path can have */
export function emitEntry(
  context: DirContext,
  region: EntryRegion,
  at: number,
  nextCookie: number,
  emit: EmitEntry,
): boolean {
  const { bytes, view } = region;
  const start = at + DIRENT_HEADER_BYTES;
  const end = start + direntNameLen(view, at);
  const name = bytes.subarray(start, end);
  if (!direntNameIsPlain(bytes, start, end) || isDots(name)) {
    throw region.corrupt(at, "the name is not one that a path can have");
  }
  const type = context.filetype ? direntFileType(view, at) : FileType.UNKNOWN;
  const known = type <= FileType.SYMLINK ? type : FileType.UNKNOWN;
  return emit(name, direntInode(view, at), nextCookie, known);
}
