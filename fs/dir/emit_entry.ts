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

/**
 * Told of an entry. The name is `bytes[start..end)`, valid during the call; `nextCookie` continues after it; `fileType` is
 * a file_type, 0 where the volume does not record it. Returns false when it did not take the entry: reading stops before
 * it.
 */
export type EmitEntry = (
  bytes: Uint8Array,
  start: number,
  end: number,
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
  const word = view.getUint32(at + 4, true);
  const start = at + DIRENT_HEADER_BYTES;
  const end = start + ((word >>> 16) & 0xff);
  if (context.shows !== "nothing") return emitShown(context, region, at, nextCookie, emit);
  if (!direntNameIsPlain(bytes, start, end)) {
    throw region.corrupt(at, "the name is not one that a path can have");
  }
  const type = context.filetype ? word >>> 24 : FileType.UNKNOWN;
  const known = type <= FileType.SYMLINK ? type : FileType.UNKNOWN;
  return emit(bytes, start, end, view.getUint32(at, true), nextCookie, known);
}

/** Emits an entry of an encrypted directory, under the name that is shown for it. */
function emitShown(
  context: DirContext,
  region: EntryRegion,
  at: number,
  nextCookie: number,
  emit: EmitEntry,
): boolean {
  const { bytes, view } = region;
  const names = context.encryptedNames;
  const start = at + DIRENT_HEADER_BYTES;
  const end = start + direntNameLen(view, at);
  const hashed = context.shows === "names with hashes";
  const hash = hashed ? context.hasher.hash(context.hashVersion, bytes, start, end) : 0;
  const minor = hashed ? context.hasher.minor : 0;
  const length = names?.show(bytes, start, end, hash, minor) ?? 0;
  if (names === null || length === 0) throw region.corrupt(at, "the name is not an encrypted one");
  const type = context.filetype ? direntFileType(view, at) : FileType.UNKNOWN;
  const known = type <= FileType.SYMLINK ? type : FileType.UNKNOWN;
  return emit(names.shown, 0, length, direntInode(view, at), nextCookie, known);
}
