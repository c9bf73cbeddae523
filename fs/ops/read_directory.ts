/** Listing a directory. @module */

import { type EmitEntry, read } from "../dir/dir.ts";
import { ENOENT, ENOTDIR } from "../errno.ts";
import { dtOfFileType } from "../layout/dirent.ts";
import { ROOT_INODE } from "../layout/superblock.ts";
import type { Engine } from "./engine.ts";
import { touchAccessTime } from "./read.ts";

/**
 * Gives the entries from `cookie` on (0: the start, else what came with an entry before).
 * @param emit takes the name's bytes from `start` to `end`, inode number, the cookie of what follows and the DT_* type; false stops.
 * @returns 0, -ENOTDIR, or -ENOENT for a directory that was removed.
 */
export function readDirectory(
  engine: Engine,
  ino: number,
  cookie: number,
  emit: EmitEntry,
): number {
  const dir = engine.inode(ino);
  if (!dir.isDirectory) return -ENOTDIR;
  if (dir.links === 0) return -ENOENT;
  read(
    engine.alloc,
    dir,
    cookie,
    (bytes, start, end, entryIno, next, type) =>
      entryIno === engine.hiddenInode && ino === ROOT_INODE ||
      emit(bytes, start, end, entryIno, next, dtOfFileType(type)),
  );
  touchAccessTime(engine, dir);
  return 0;
}
