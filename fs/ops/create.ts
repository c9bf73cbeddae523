/**
 * Making nodes that are not directories: files, devices, sockets, FIFOs, unnamed files.
 *
 * @module
 */

import { ENOENT, ENOKEY, ENOTDIR } from "../errno.ts";
import { writeDevice } from "../layout/device_number.ts";
import { I_BLOCK_OFFSET, InodeFlag, S_IFBLK, S_IFCHR, S_IFMT } from "../layout/inode.ts";
import type { Credentials, Engine } from "./engine.ts";
import { makeInode, makeNamed, mayMake } from "./named_node.ts";

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
  const allowed = mayMake(engine, dir, name);
  if (allowed < 0) return allowed;
  const type = mode & S_IFMT;
  return makeNamed(engine, owner, dir, name, mode, umask, (_handle, inode) => {
    if (type === S_IFCHR || type === S_IFBLK) writeDevice(inode.view, I_BLOCK_OFFSET, rdev);
    inode.links = 1;
    return 0;
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
