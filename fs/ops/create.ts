/**
 * Making nodes that are not directories: files, devices, sockets, FIFOs, unnamed files.
 *
 * @module
 */

import { add, DirSlot, find } from "../dir/dir.ts";
import { EEXIST, ENOENT, ENOKEY, ENOTDIR } from "../errno.ts";
import type { Handle } from "../journal/transaction.ts";
import { writeDevice } from "../layout/device_number.ts";
import { I_BLOCK_OFFSET, InodeFlag, S_IFBLK, S_IFCHR, S_IFMT } from "../layout/inode.ts";
import type { Inode } from "../volume/inode.ts";
import { inheritAcl } from "../xattr/acl.ts";
import { removeAll } from "../xattr/xattr.ts";
import type { Credentials, Engine } from "./engine.ts";
import { entryType, mayAdd } from "./limits.ts";
import { freeInode, newInode } from "./new_inode.ts";

const slot = new DirSlot();

/**
 * Makes a node named `name` in `parent`.
 * @param mode type and permission bits, before the umask.
 * @param umask the caller's; a default ACL of the directory replaces it.
 * @param rdev device number of a device node (the kernel's new_encode_dev).
 * @returns the new inode's number, or a negated errno (EEXIST, ENOSPC, EPERM, …).
 */
export function makeNode(
  engine: Engine,
  owner: Credentials,
  parent: number,
  name: Uint8Array,
  mode: number,
  umask: number,
  rdev: number,
): number {
  const dir = engine.inode(parent);
  const allowed = mayAdd(engine, dir, name);
  if (allowed < 0) return allowed;
  if (find(engine.alloc, dir, name, slot) !== 0) return -EEXIST;
  return engine.changeNames(dir.has(InodeFlag.DIRSYNC), (handle) => {
    const inode = makeInode(engine, handle, owner, dir, mode, umask);
    if (typeof inode === "number") return inode;
    const type = mode & S_IFMT;
    if (type === S_IFCHR || type === S_IFBLK) writeDevice(inode.view, I_BLOCK_OFFSET, rdev);
    inode.links = 1;
    const added = add(
      engine.alloc,
      handle,
      dir,
      name,
      inode.ino,
      entryType(engine, mode),
      owner.uid === 0,
    );
    if (added < 0) {
      discard(engine, handle, inode);
      return added;
    }
    engine.stamp(handle, dir, true);
    return inode.ino;
  });
}

/** Makes a file without a name (O_TMPFILE); the caller counts as its user. @returns its inode number, or a negated errno. */
export function makeUnnamed(
  engine: Engine,
  owner: Credentials,
  parent: number,
  mode: number,
  umask: number,
): number {
  const dir = engine.inode(parent);
  if (!dir.isDirectory) return -ENOTDIR;
  if (dir.links === 0) return -ENOENT;
  if (dir.has(InodeFlag.ENCRYPT)) return -ENOKEY;
  return engine.change((handle) => {
    const inode = makeInode(engine, handle, owner, dir, mode, umask);
    if (typeof inode === "number") return inode;
    engine.orphans.add(inode);
    return inode.ino;
  });
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
