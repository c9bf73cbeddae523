/**
 * Extended attributes: the front door.
 *
 * Names are given as name index and the rest of the name (`resolveName`). ACLs are passed in the form in which
 * programs know them. Times are the caller's: after a change it sets the inode's change time.
 *
 * Namespaces: "user." on regular files and directories only; "trusted." for privileged callers only; "security.";
 * "system.posix_acl_access" and "system.posix_acl_default". Who may set "user." and ACLs by owner and mode is for
 * the caller to check.
 *
 * @module
 */

import type { Allocator } from "../alloc/allocator.ts";
import { E2BIG, EINVAL, ENODATA, EPERM, ERANGE } from "../errno.ts";
import type { Handle } from "../journal/transaction.ts";
import { InodeFlag } from "../layout/inode.ts";
import { XATTR_VALUE_MAX } from "../layout/xattr.ts";
import { XattrIndex, xattrPrefix } from "../layout/xattr_name.ts";
import type { Inode } from "../volume/inode.ts";
import { getAcl, removeAcl, setAcl } from "./acl.ts";
import { getStored, hasNoXattrs } from "./lookup.ts";
import { isAclIndex, namespaceOf } from "./name.ts";
import { removeStored, setStored } from "./store.ts";

export { hasNoXattrs, list, valueInodeCount } from "./lookup.ts";
export { namespaceOf, resolveName, type XattrName } from "./name.ts";
export { removeAll, XATTR_CREATE, XATTR_CREDITS, XATTR_REPLACE } from "./store.ts";

/** Longest name behind the prefix, in bytes. */
const NAME_MAX = 255;

/**
 * Reads an attribute.
 * @param name behind the prefix; empty for ACLs.
 * @param out receives the value; empty to ask for the length only.
 * @returns the value's length in bytes; -ENODATA; -ERANGE when `out` is too short; -EOPNOTSUPP for an ACL of a symbolic
 * link.
 * @throws Corrupt, DeviceError
 */
export function get(
  alloc: Allocator,
  inode: Inode,
  index: number,
  name: Uint8Array,
  out: Uint8Array,
): number {
  if (hasNoXattrs(inode)) return -ENODATA;
  if (isAclIndex(index)) return getAcl(alloc, inode, index, out);
  return getStored(alloc, inode, index, name, out);
}

/**
 * Reads an attribute by its full name; allocates nothing when the inode has no attributes.
 * @param privileged may read "trusted.".
 * @returns as `get`; -EOPNOTSUPP and -EINVAL as `resolveName`.
 */
export function getByName(
  alloc: Allocator,
  inode: Inode,
  fullName: Uint8Array,
  out: Uint8Array,
  privileged: boolean,
): number {
  const index = namespaceOf(fullName);
  if (index < 0) return index;
  if (hasNoXattrs(inode)) return -ENODATA;
  if (index === XattrIndex.TRUSTED && !privileged) return -ENODATA;
  const name = fullName.subarray(xattrPrefix(index)?.length ?? 0);
  return get(alloc, inode, index, name, out);
}

/**
 * Sets an attribute.
 * @param name behind the prefix: 1 to 255 bytes, empty for ACLs.
 * @param value up to 64 KiB.
 * @param flags XATTR_CREATE, XATTR_REPLACE or 0; not looked at for ACLs, as in Linux.
 * @param privileged may set "trusted." and use reserved blocks.
 * @param killSetgid see `setAcl`.
 * @returns 0; -EEXIST, -ENODATA as the flags ask; -EPERM; -E2BIG for the value, -ERANGE for the name; -ENOSPC when it
 * fits nowhere; NEEDS_COMMIT; of `setAcl`.
 * @throws Corrupt, DeviceError, with nothing changed.
 */
export function set(
  alloc: Allocator,
  handle: Handle,
  inode: Inode,
  index: number,
  name: Uint8Array,
  value: Uint8Array,
  flags: number,
  privileged: boolean,
  killSetgid = false,
): number {
  if (value.length > XATTR_VALUE_MAX) return -E2BIG;
  const refusal = mayChange(inode, index, name, privileged);
  if (refusal !== 0) return refusal;
  if (isAclIndex(index)) {
    return setAcl(alloc, handle, inode, index, value, privileged, killSetgid);
  }
  return setStored(alloc, handle, inode, index, name, value, flags, privileged);
}

/**
 * Removes an attribute. An ACL that is not there is no error, as in Linux.
 * @returns 0; -ENODATA; -EPERM; -ENOSPC or NEEDS_COMMIT when a block that is shared must be copied.
 * @throws Corrupt, DeviceError, with nothing changed.
 */
export function remove(
  alloc: Allocator,
  handle: Handle,
  inode: Inode,
  index: number,
  name: Uint8Array,
  privileged: boolean,
): number {
  const refusal = mayChange(inode, index, name, privileged);
  if (refusal !== 0) return refusal;
  if (isAclIndex(index)) return removeAcl(alloc, handle, inode, index, privileged);
  if (hasNoXattrs(inode)) return -ENODATA;
  return removeStored(alloc, handle, inode, index, name, privileged);
}

function mayChange(inode: Inode, index: number, name: Uint8Array, privileged: boolean): number {
  if (inode.has(InodeFlag.IMMUTABLE | InodeFlag.APPEND)) return -EPERM;
  if (index === XattrIndex.TRUSTED && !privileged) return -EPERM;
  if (index === XattrIndex.USER && !inode.isRegular && !inode.isDirectory) return -EPERM;
  if (isAclIndex(index)) return name.length === 0 ? 0 : -EINVAL;
  if (name.length === 0 || name.includes(0)) return -EINVAL;
  return name.length > NAME_MAX ? -ERANGE : 0;
}
