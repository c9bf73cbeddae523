/**
 * What making any kind of node has in common: the checks, the inode with its ACLs, the entry in the
 * directory, and taking everything back when that fails.
 *
 * @module
 */

import { add, DirSlot, find } from "../dir/dir.ts";
import { EEXIST } from "../errno.ts";
import type { Handle } from "../journal/transaction.ts";
import { InodeFlag } from "../layout/inode.ts";
import type { Inode } from "../volume/inode.ts";
import { inheritAcl } from "../xattr/acl.ts";
import { removeAll } from "../xattr/xattr.ts";
import { clearContent } from "./delete_inode.ts";
import type { Credentials, Engine } from "./engine.ts";
import { addSubdirectory, entryType, mayAdd } from "./limits.ts";
import { freeInode, newInode } from "./new_inode.ts";

const slot = new DirSlot();

/** 0 when `name` can be added to `dir`, else a negated errno (EEXIST, ENOENT, ENOTDIR, EPERM, …). */
export function mayMake(engine: Engine, dir: Inode, name: Uint8Array): number {
  const allowed = mayAdd(engine, dir, name);
  if (allowed < 0) return allowed;
  return find(engine.alloc, dir, name, slot) !== 0 ? -EEXIST : 0;
}

/**
 * Makes a node of `mode` (type and permission bits, before the umask) named `name` in `dir`, where that
 * name is free.
 * @param fill gives the inode its content and its links; answers 0 or more, a negated errno or
 *   NEEDS_COMMIT.
 * @returns the new inode's number, or a negated errno.
 */
export function makeNamed(
  engine: Engine,
  owner: Credentials,
  dir: Inode,
  name: Uint8Array,
  mode: number,
  umask: number,
  fill: (handle: Handle, inode: Inode) => number,
): number {
  return engine.changeNames(dir.has(InodeFlag.DIRSYNC), (handle) => {
    const inode = makeInode(engine, handle, owner, dir, mode, umask);
    if (typeof inode === "number") return inode;
    const result = orTakeBack(engine, handle, inode, () => {
      const filled = fill(handle, inode);
      if (filled < 0) return filled;
      const type = entryType(engine, mode);
      return add(engine.alloc, handle, dir, name, inode.ino, type, owner.uid === 0);
    });
    if (result < 0) return result;
    if (inode.isDirectory) addSubdirectory(engine, dir);
    engine.stamp(handle, dir, true);
    return inode.ino;
  });
}

/** Does `work` for a new inode; when that fails, by its answer or by an error, the inode and its content are freed. */
function orTakeBack(engine: Engine, handle: Handle, inode: Inode, work: () => number): number {
  let done = false;
  try {
    const result = work();
    done = result >= 0;
    return result;
  } finally {
    if (!done) {
      clearContent(engine, handle, inode);
      discard(engine, handle, inode);
    }
  }
}

/** The new inode with its ACLs, or a negated errno. */
export function makeInode(
  engine: Engine,
  handle: Handle,
  owner: Credentials,
  dir: Inode,
  mode: number,
  umask: number,
): Inode | number {
  const ino = newInode(engine, handle, dir, mode, owner);
  if (ino < 0) return ino;
  const inode = engine.volume.inodes.load(ino);
  try {
    const inherited = inheritAcl(engine.alloc, handle, dir, inode, inode.mode, umask);
    if (inherited >= 0) return inode;
    discard(engine, handle, inode);
    return inherited;
  } catch (error) {
    discard(engine, handle, inode);
    throw error;
  }
}

/** Takes back an inode that did not get a name. */
export function discard(engine: Engine, handle: Handle, inode: Inode): void {
  if (inode.fileAcl !== 0) removeAll(engine.alloc, handle, inode);
  freeInode(engine, handle, inode);
}
