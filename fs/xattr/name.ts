/**
 * Names of extended attributes as programs give them: a namespace and what follows it.
 *
 * @module
 */

import { EINVAL, EOPNOTSUPP } from "../errno.ts";
import { xattrIndexOfName, xattrPrefix } from "../layout/xattr_name.ts";
import { XattrIndex } from "../layout/xattr_name.ts";

/** A resolved name. */
export interface XattrName {
  /** e_name_index, see `XattrIndex`. */
  readonly index: number;
  /** The name as it is stored: a view of the full name behind its prefix; empty for ACLs. */
  readonly suffix: Uint8Array;
}

/** Namespaces in which a program may name attributes, by name index. The rest is internal to ext4. */
const VISIBLE: readonly boolean[] = visibleIndexes();

function visibleIndexes(): boolean[] {
  const visible = new Array<boolean>(256).fill(false);
  const shown = [
    XattrIndex.USER,
    XattrIndex.POSIX_ACL_ACCESS,
    XattrIndex.POSIX_ACL_DEFAULT,
    XattrIndex.TRUSTED,
    XattrIndex.SECURITY,
    XattrIndex.HURD,
  ];
  for (const index of shown) visible[index] = true;
  return visible;
}

/** Whether programs see attributes of this name index. */
export function isVisibleIndex(index: number): boolean {
  return VISIBLE[index] === true;
}

/** Whether the index is one of the two POSIX ACLs. */
export function isAclIndex(index: number): boolean {
  return index === XattrIndex.POSIX_ACL_ACCESS || index === XattrIndex.POSIX_ACL_DEFAULT;
}

/**
 * The name index of a full name such as "user.comment", without allocating.
 * @returns the index, -EOPNOTSUPP for a namespace that is not served, -EINVAL for a namespace alone ("user.").
 */
export function namespaceOf(name: Uint8Array): number {
  const index = xattrIndexOfName(name);
  if (!isVisibleIndex(index)) return -EOPNOTSUPP;
  if (isAclIndex(index)) return index;
  return name.length === (xattrPrefix(index)?.length ?? 0) ? -EINVAL : index;
}

/** Splits a full name. @returns as `namespaceOf`, with the rest of the name. */
export function resolveName(name: Uint8Array): XattrName | number {
  const index = namespaceOf(name);
  if (index < 0) return index;
  return { index, suffix: name.subarray(xattrPrefix(index)?.length ?? 0) };
}
