/** Finding a name in a directory. @module */

import { DirSlot, find } from "../dir/dir.ts";
import { EINVAL, ENAMETOOLONG, ENOENT, ENOTDIR } from "../errno.ts";
import { Corrupt } from "../errors.ts";
import type { Engine } from "./engine.ts";
import { isNameRefused, NAME_MAX } from "./limits.ts";

const slot = new DirSlot();

/**
 * @returns the inode number of `name` in directory `parent`, or -ENOENT, -ENOTDIR, -ENAMETOOLONG.
 * @throws Corrupt when the name leads to an inode that is not in use.
 */
export function lookup(engine: Engine, parent: number, name: Uint8Array): number {
  const dir = engine.inode(parent);
  if (!dir.isDirectory) return -ENOTDIR;
  if (name.length > NAME_MAX) return -ENAMETOOLONG;
  if (isNameRefused(engine, dir, name)) return -EINVAL;
  const ino = find(engine.alloc, dir, name, slot);
  if (ino === 0 || ino === engine.hiddenInode) return -ENOENT;
  const inode = engine.volume.inodes.load(ino);
  if (inode.mode === 0 || inode.links === 0) {
    throw new Corrupt("directory", `inode ${parent}`, `an entry leads to the free inode ${ino}`);
  }
  return ino;
}
