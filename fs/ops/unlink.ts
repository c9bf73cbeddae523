/** Taking a name away, of a file or of an empty directory. @module */

import { DirSlot, find, isEmpty, remove } from "../dir/dir.ts";
import { EISDIR, ENAMETOOLONG, ENOENT, ENOTDIR, ENOTEMPTY } from "../errno.ts";
import type { Handle } from "../journal/transaction.ts";
import { InodeFlag } from "../layout/inode.ts";
import type { Inode } from "../volume/inode.ts";
import { deleteIfUnused } from "./delete_inode.ts";
import type { Engine } from "./engine.ts";
import { dropSubdirectory, mayRemove, NAME_MAX } from "./limits.ts";

const slot = new DirSlot();

/** Removes the name of something that is not a directory. @returns 0 or a negated errno. */
export function unlink(engine: Engine, parent: number, name: Uint8Array): number {
  return removeName(engine, parent, name, false);
}

/** Removes an empty directory. @returns 0 or a negated errno (ENOTEMPTY, ENOTDIR, …). */
export function removeDirectory(engine: Engine, parent: number, name: Uint8Array): number {
  return removeName(engine, parent, name, true);
}

function removeName(engine: Engine, parent: number, name: Uint8Array, directory: boolean): number {
  const dir = engine.inode(parent);
  if (!dir.isDirectory) return -ENOTDIR;
  if (name.length > NAME_MAX) return -ENAMETOOLONG;
  const ino = find(engine.alloc, dir, name, slot);
  if (ino === 0) return -ENOENT;
  const victim = engine.inode(ino);
  if (directory !== victim.isDirectory) return directory ? -ENOTDIR : -EISDIR;
  const allowed = mayRemove(dir, victim);
  if (allowed < 0) return allowed;
  if (directory && !isEmpty(engine.alloc, victim)) return -ENOTEMPTY;
  const result = engine.changeNames(dir.has(InodeFlag.DIRSYNC), (handle) => {
    remove(engine.alloc, handle, dir, slot);
    if (directory) dropSubdirectory(dir);
    engine.stamp(handle, dir, true);
    dropName(engine, handle, victim);
    return 0;
  });
  deleteIfUnused(engine, victim);
  return result;
}

/**
 * Counts a name less (a directory loses all its links). Without names the inode becomes an orphan,
 * until `deleteIfUnused` or its last user lets it go.
 */
export function dropName(engine: Engine, handle: Handle, inode: Inode): void {
  if (inode.isDirectory) inode.links = 0;
  else if (inode.links > 0) inode.links--;
  if (inode.links === 0) engine.orphans.add(inode);
  engine.stamp(handle, inode, false);
}
