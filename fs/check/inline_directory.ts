/**
 * Directories whose entries lie within the inode.
 *
 * @module
 */

import { MIN_DIRENT_BYTES } from "../layout/dirent.ts";
import {
  INLINE_DIRECTORY_HEADER_BYTES,
  INLINE_I_BLOCK_BYTES,
  inlineParent,
} from "../layout/inline_data.ts";
import { I_BLOCK_OFFSET } from "../layout/inode.ts";
import type { CheckContext } from "./context.ts";
import type { EntryChecker } from "./entry_checker.ts";
import { inlineValue } from "./find_xattr.ts";
import type { RawInode } from "./raw_inode.ts";

/** Checks an inline directory: the parent's number, and two lists of entries. */
export function checkInlineDirectory(
  check: CheckContext,
  entries: EntryChecker,
  raw: RawInode,
): void {
  const { findings, directories, countedLinks, superblock } = check;
  const value = inlineValue(raw);
  if (value === undefined) return;
  const size = INLINE_I_BLOCK_BYTES + value.length;
  const isBad = (size & 3) !== 0 || (value.length > 0 && value.length < MIN_DIRENT_BYTES);
  if (isBad) findings.add("directory_inline_size", { inode: raw.ino }, size);
  const start = raw.offset + I_BLOCK_OFFSET;
  const parent = inlineParent(raw.view, start);
  countedLinks.increment(raw.ino);
  if (parent === 0) findings.add("dot_dot_missing", { inode: raw.ino });
  else if (parent > superblock.inodesCount) {
    findings.add("dot_dot_inode", { inode: raw.ino }, parent);
  } else {
    directories.dotDots.set(raw.ino, parent);
    countedLinks.increment(parent);
  }
  // Copies: the buffer that the inode lies in is used again while its entries are checked.
  const first = raw.bytes.slice(
    start + INLINE_DIRECTORY_HEADER_BYTES,
    start + INLINE_I_BLOCK_BYTES,
  );
  const second = value.slice();
  const names = new Set<string>();
  for (const [fileBlock, bytes] of [first, second].entries()) {
    if (bytes.length === 0) continue;
    const view = new DataView(bytes.buffer);
    const common = { bytes, view, end: bytes.length, fileBlock, diskBlock: 0 };
    entries.checkBlock({ ...common, withoutDots: true });
    for (const name of namesIn(bytes, view)) {
      if (names.has(name)) findings.add("entry_duplicate", { inode: raw.ino, fileBlock, name });
      names.add(name);
    }
  }
}

/** The names of used entries, byte by byte as Latin-1. */
function* namesIn(bytes: Uint8Array, view: DataView): Generator<string> {
  for (let at = 0; at + MIN_DIRENT_BYTES <= bytes.length;) {
    const recLen = view.getUint16(at + 4, true);
    if (recLen < MIN_DIRENT_BYTES) return;
    const length = view.getUint8(at + 6);
    if (view.getUint32(at, true) !== 0) {
      yield String.fromCharCode(...bytes.subarray(at + 8, at + 8 + length));
    }
    at += recLen;
  }
}
