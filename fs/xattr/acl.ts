/**
 * POSIX ACLs of inodes: what setting one does to the mode, chmod with one, and inheritance.
 *
 * POSIX.1e draft 17, sections 23.1 and 23.3; kernel documentation: filesystems/ext4/attributes, "POSIX ACLs".
 *
 * @module
 */

import type { Allocator } from "../alloc/allocator.ts";
import { EACCES, ENODATA, EOPNOTSUPP, ERANGE } from "../errno.ts";
import type { Handle } from "../journal/transaction.ts";
import {
  ACL_HEADER_BYTES,
  ACL_UNDEFINED_ID,
  ACL_XATTR_ENTRY_BYTES,
  ACL_XATTR_VERSION,
  aclFromDisk,
  AclTag,
  aclToDisk,
} from "../layout/acl.ts";
import { S_ISGID } from "../layout/inode.ts";
import { XattrIndex } from "../layout/xattr_name.ts";
import type { Inode } from "../volume/inode.ts";
import { getStoredCopy, hasNoXattrs } from "./lookup.ts";
import { removeStored, setStored } from "./store.ts";

/** One entry of an ACL. */
export interface AclEntry {
  /** AclTag. */
  readonly tag: number;
  /** rwx: 0 to 7. */
  permissions: number;
  /** User or group number of a named entry, else ACL_UNDEFINED_ID. */
  readonly id: number;
}

/** An ACL: entries in the order of their tags. */
export type Acl = readonly AclEntry[];

const NO_NAME = new Uint8Array(0);
const PERMISSION_BITS = 0o777;

/** The entries of an ACL in attribute form, which must be a good one (`aclProblem`). */
export function decodeAcl(xattr: Uint8Array): Acl {
  const view = new DataView(xattr.buffer, xattr.byteOffset, xattr.length);
  const entries: AclEntry[] = [];
  for (let at = ACL_HEADER_BYTES; at < xattr.length; at += ACL_XATTR_ENTRY_BYTES) {
    const tag = view.getUint16(at, true);
    const named = tag === AclTag.USER || tag === AclTag.GROUP;
    entries.push({
      tag,
      permissions: view.getUint16(at + 2, true),
      id: named ? view.getUint32(at + 4, true) : ACL_UNDEFINED_ID,
    });
  }
  return entries;
}

/** The attribute form of an ACL. */
export function encodeAcl(acl: Acl): Uint8Array {
  const xattr = new Uint8Array(ACL_HEADER_BYTES + acl.length * ACL_XATTR_ENTRY_BYTES);
  const view = new DataView(xattr.buffer);
  view.setUint32(0, ACL_XATTR_VERSION, true);
  let at = ACL_HEADER_BYTES;
  for (const { tag, permissions, id } of acl) {
    view.setUint16(at, tag, true);
    view.setUint16(at + 2, permissions, true);
    view.setUint32(at + 4, id, true);
    at += ACL_XATTR_ENTRY_BYTES;
  }
  return xattr;
}

/** An ACL of the inode, or null. @param index POSIX_ACL_ACCESS or POSIX_ACL_DEFAULT. @throws Corrupt */
export function loadAcl(alloc: Allocator, inode: Inode, index: number): Acl | null {
  if (hasNoXattrs(inode)) return null;
  const disk = getStoredCopy(alloc, inode, index, NO_NAME);
  if (disk === null) return null;
  const acl = decodeAcl(aclFromDisk(disk, inode.ino));
  return acl.length === 0 ? null : acl;
}

/** Reads an ACL in attribute form. Arguments and answers as `get`. */
export function getAcl(alloc: Allocator, inode: Inode, index: number, out: Uint8Array): number {
  if (inode.isSymlink) return -EOPNOTSUPP;
  const disk = getStoredCopy(alloc, inode, index, NO_NAME);
  if (disk === null) return -ENODATA;
  const xattr = aclFromDisk(disk, inode.ino);
  if (out.length === 0) return xattr.length;
  if (xattr.length > out.length) return -ERANGE;
  out.set(xattr);
  return xattr.length;
}

/** The permission bits that an access ACL says: owner, mask or owning group, others. */
export function modeOfAcl(acl: Acl): number {
  const group = acl.find(({ tag }) => tag === AclTag.MASK) ??
    acl.find(({ tag }) => tag === AclTag.GROUP_OBJ);
  let mode = (group?.permissions ?? 0) << 3;
  for (const { tag, permissions } of acl) {
    if (tag === AclTag.USER_OBJ) mode |= permissions << 6;
    else if (tag === AclTag.OTHER) mode |= permissions;
  }
  return mode;
}

/** Whether the ACL says no more than permission bits can. */
export function isModeEquivalent(acl: Acl): boolean {
  return acl.every(({ tag }) =>
    tag === AclTag.USER_OBJ || tag === AclTag.GROUP_OBJ || tag === AclTag.OTHER
  );
}

/**
 * Sets an ACL from its attribute form, as setxattr(2) does; without entries it is removed. An access ACL sets the
 * permission bits of the mode, and is not stored when these say it all.
 * @param killSetgid clear S_ISGID with an access ACL: the caller is not in the file's group and may not override that.
 * @returns 0; -EINVAL, -EOPNOTSUPP for a bad ACL; -EOPNOTSUPP for a symbolic link; -EACCES for a default ACL of
 * what is no directory; -ENOSPC, NEEDS_COMMIT.
 */
export function setAcl(
  alloc: Allocator,
  handle: Handle,
  inode: Inode,
  index: number,
  xattr: Uint8Array,
  privileged: boolean,
  killSetgid: boolean,
): number {
  if (inode.isSymlink) return -EOPNOTSUPP;
  const disk = xattr.length === 0 ? xattr : aclToDisk(xattr);
  if (typeof disk === "number") return disk;
  if (disk.length === 0) return removeAcl(alloc, handle, inode, index, privileged);
  if (index === XattrIndex.POSIX_ACL_DEFAULT) {
    if (!inode.isDirectory) return -EACCES;
    return setStored(alloc, handle, inode, index, NO_NAME, disk, 0, privileged);
  }
  const acl = decodeAcl(xattr);
  const result = storeAccessAcl(alloc, handle, inode, acl, privileged);
  if (result !== 0) return result;
  inode.mode = (inode.mode & ~PERMISSION_BITS) | modeOfAcl(acl);
  if (killSetgid) inode.mode &= ~S_ISGID;
  alloc.volume.dirtyInode(handle, inode);
  return 0;
}

/** Removes an ACL; one that is not there is no error. @returns 0, -ENOSPC, NEEDS_COMMIT. */
export function removeAcl(
  alloc: Allocator,
  handle: Handle,
  inode: Inode,
  index: number,
  privileged: boolean,
): number {
  if (hasNoXattrs(inode)) return 0;
  const result = removeStored(alloc, handle, inode, index, NO_NAME, privileged);
  return result === -ENODATA ? 0 : result;
}

/** Stores an access ACL, or removes it when the mode says the same. */
function storeAccessAcl(
  alloc: Allocator,
  handle: Handle,
  inode: Inode,
  acl: Acl,
  privileged: boolean,
): number {
  const index = XattrIndex.POSIX_ACL_ACCESS;
  if (isModeEquivalent(acl)) return removeAcl(alloc, handle, inode, index, privileged);
  return storeAcl(alloc, handle, inode, index, acl, privileged);
}

function storeAcl(
  alloc: Allocator,
  handle: Handle,
  inode: Inode,
  index: number,
  acl: Acl,
  privileged: boolean,
): number {
  const disk = aclToDisk(encodeAcl(acl));
  if (typeof disk === "number") return disk;
  return setStored(alloc, handle, inode, index, NO_NAME, disk, 0, privileged);
}

/**
 * Brings the access ACL of an inode, if it has one, into line with its mode, which chmod has just changed: owner,
 * others, and the mask (or, without one, the owning group).
 * @returns 0, or -ENOSPC or NEEDS_COMMIT with nothing changed (the caller undoes its change of the mode).
 */
export function aclChmod(alloc: Allocator, handle: Handle, inode: Inode): number {
  if (hasNoXattrs(inode) || inode.isSymlink) return 0;
  const acl = loadAcl(alloc, inode, XattrIndex.POSIX_ACL_ACCESS);
  if (acl === null) return 0;
  const { mode } = inode;
  const masked = acl.some(({ tag }) => tag === AclTag.MASK);
  for (const entry of acl) {
    if (entry.tag === AclTag.USER_OBJ) entry.permissions = (mode >> 6) & 7;
    else if (entry.tag === AclTag.OTHER) entry.permissions = mode & 7;
    else if (entry.tag === (masked ? AclTag.MASK : AclTag.GROUP_OBJ)) {
      entry.permissions = (mode >> 3) & 7;
    }
  }
  return storeAccessAcl(alloc, handle, inode, acl, true);
}

/**
 * Gives a new inode its mode and, from the default ACL of the directory it is made in, its ACLs. With a default ACL
 * the umask does not count. A symbolic link keeps its mode and gets no ACLs.
 * @param mode type and permission bits that were asked for.
 * @returns 0, with `child.mode` set; -ENOSPC or NEEDS_COMMIT: the child is then to be given up, with `removeAll`.
 */
export function inheritAcl(
  alloc: Allocator,
  handle: Handle,
  parent: Inode,
  child: Inode,
  mode: number,
  umask: number,
): number {
  child.mode = mode;
  if (child.isSymlink) return 0;
  const inherited = loadAcl(alloc, parent, XattrIndex.POSIX_ACL_DEFAULT);
  if (inherited === null) {
    child.mode = mode & ~(umask & PERMISSION_BITS);
    return 0;
  }
  if (child.isDirectory) {
    const index = XattrIndex.POSIX_ACL_DEFAULT;
    const result = storeAcl(alloc, handle, child, index, inherited, true);
    if (result !== 0) return result;
  }
  maskByMode(inherited, mode);
  child.mode = (mode & ~PERMISSION_BITS) | modeOfAcl(inherited);
  alloc.volume.dirtyInode(handle, child);
  if (isModeEquivalent(inherited)) return 0;
  return storeAcl(alloc, handle, child, XattrIndex.POSIX_ACL_ACCESS, inherited, true);
}

/** Takes from owner, others, and mask (or owning group) what the create mode does not grant. */
function maskByMode(acl: Acl, mode: number): void {
  const masked = acl.some(({ tag }) => tag === AclTag.MASK);
  for (const entry of acl) {
    if (entry.tag === AclTag.USER_OBJ) entry.permissions &= mode >> 6;
    else if (entry.tag === AclTag.OTHER) entry.permissions &= mode;
    else if (entry.tag === (masked ? AclTag.MASK : AclTag.GROUP_OBJ)) {
      entry.permissions &= mode >> 3;
    }
  }
}
