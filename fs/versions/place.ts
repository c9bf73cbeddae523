/** A file and its name. @module */

import { ENOENT, ENOTDIR } from "../errno.ts";
import { FsError } from "../errors.ts";
import { ROOT_INODE } from "../layout/superblock.ts";
import type { Engine } from "../ops/engine.ts";
import { lookup } from "../ops/lookup.ts";

/** Where a file is, or was. */
export interface Place {
  /** From the root, without links, `.` and `..`. */
  readonly path: string;
  /** The directory's inode number. */
  readonly parent: number;
  readonly name: Uint8Array;
  /** 0: there is nothing of that name. */
  readonly ino: number;
}

/** Finds a place. @param path from the root, without symbolic links. @throws FsError ENOENT, ENOTDIR; Corrupt */
export function placeOf(engine: Engine, path: string): Place {
  const names = path.split("/").filter((name) => name !== "");
  const last = names.pop();
  if (last === undefined) throw new FsError(ENOENT, `${path} is no file`);
  let parent = ROOT_INODE;
  for (const name of names) {
    parent = lookup(engine, parent, new TextEncoder().encode(name));
    if (parent < 0) throw new FsError(-parent, `${path}: there is no ${name}`);
  }
  const name = new TextEncoder().encode(last);
  const ino = lookup(engine, parent, name);
  if (ino < 0 && ino !== -ENOENT) {
    const reason = ino === -ENOTDIR ? "its parent is no directory" : `errno ${-ino}`;
    throw new FsError(-ino, `${path}: ${reason}`);
  }
  return { path: `/${[...names, last].join("/")}`, parent, name, ino: Math.max(0, ino) };
}
