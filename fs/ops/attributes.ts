/** Extended attributes of an inode, by their full names; POSIX ACLs among them. @module */

import type { Engine } from "./engine.ts";
import { getByName, list, remove, resolveName, set, XATTR_CREDITS } from "../xattr/xattr.ts";

/** How an attribute is set. */
export interface SetHow {
  /** XATTR_CREATE 1, XATTR_REPLACE 2, or 0. */
  readonly flags: number;
  /** Clear the set-group-id bit when an access ACL is set. */
  readonly killSgid: boolean;
  /** May change `trusted.` attributes and use reserved blocks. */
  readonly privileged: boolean;
}

/**
 * Copies the value into `value`; an empty `value` asks for the length alone.
 * @returns its length, -ENODATA, -ERANGE when `value` is too short, -EOPNOTSUPP for an unknown namespace.
 */
export function getAttribute(
  engine: Engine,
  ino: number,
  name: Uint8Array,
  value: Uint8Array,
  privileged: boolean,
): number {
  return getByName(engine.alloc, engine.inode(ino), name, value, privileged);
}

/** Copies the names, each ended by a NUL. @returns their length or a negated errno. */
export function listAttributes(
  engine: Engine,
  ino: number,
  target: Uint8Array,
  privileged: boolean,
): number {
  return list(engine.alloc, engine.inode(ino), target, privileged);
}

/** Sets an attribute. @returns 0 or a negated errno. */
export function setAttribute(
  engine: Engine,
  ino: number,
  name: Uint8Array,
  value: Uint8Array,
  how: SetHow,
): number {
  const inode = engine.inode(ino);
  const resolved = resolveName(name);
  if (typeof resolved === "number") return resolved;
  const { index, suffix } = resolved;
  const { flags, killSgid, privileged } = how;
  return engine.changeInode(inode, (handle) => {
    const result = set(
      engine.alloc,
      handle,
      inode,
      index,
      suffix,
      value,
      flags,
      privileged,
      killSgid,
    );
    if (result >= 0) engine.stamp(handle, inode, false);
    return result;
  }, XATTR_CREDITS);
}

/** Removes an attribute. @returns 0, -ENODATA or another negated errno. */
export function removeAttribute(
  engine: Engine,
  ino: number,
  name: Uint8Array,
  privileged: boolean,
): number {
  const inode = engine.inode(ino);
  const resolved = resolveName(name);
  if (typeof resolved === "number") return resolved;
  return engine.changeInode(inode, (handle) => {
    const { index, suffix } = resolved;
    const result = remove(engine.alloc, handle, inode, index, suffix, privileged);
    if (result >= 0) engine.stamp(handle, inode, false);
    return result;
  }, XATTR_CREDITS);
}
