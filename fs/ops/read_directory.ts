/** Listing a directory. @module */

import { type EmitEntry, read } from "../dir/dir.ts";
import { ENOENT, ENOTDIR } from "../errno.ts";
import type { Engine } from "./engine.ts";
import { touchAccessTime } from "./read.ts";

/** DT_* by FT_*: unknown, regular, directory, character, block, FIFO, socket, symbolic link. */
const DIRENT_TYPES = [0, 8, 4, 2, 6, 1, 12, 10];

/**
 * Gives the entries from `cookie` on (0: the start, else what came with an entry before).
 * @param emit takes name, inode number, the cookie of what follows and the DT_* type; false stops.
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
    (name, entryIno, next, type) => emit(name, entryIno, next, DIRENT_TYPES[type] ?? 0),
  );
  touchAccessTime(engine, dir);
  return 0;
}
