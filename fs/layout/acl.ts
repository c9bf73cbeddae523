/**
 * POSIX ACLs: the form that ext4 keeps as the value of system.posix_acl_access and _default, and the form in which
 * programs pass it as an extended attribute. Both are little-endian lists of entries behind a version.
 *
 * On disk `ext4_acl_header` (4 bytes): 0x0 a_version (32 bits, 1). Entries: `ext4_acl_entry_short` (4 bytes) for owner,
 * owning group, mask and others: 0x0 e_tag (16), 0x2 e_perm (16); `ext4_acl_entry` (8 bytes) for named users and
 * groups: 0x0 e_tag (16), 0x2 e_perm (16), 0x4 e_id (32).
 *
 * As an attribute `posix_acl_xattr_header` (4 bytes): 0x0 a_version (32, 2). Entries `posix_acl_xattr_entry` (8 bytes):
 * 0x0 e_tag (16), 0x2 e_perm (16), 0x4 e_id (32, 0xffffffff where the tag has none).
 *
 * Kernel documentation: Documentation/filesystems/ext4/attributes.rst, "POSIX ACLs".
 *
 * @module
 */

import { EINVAL, EOPNOTSUPP } from "../errno.ts";
import { Corrupt } from "../errors.ts";

/** Values of e_tag, in the order in which they appear. */
export const AclTag = {
  USER_OBJ: 0x01,
  USER: 0x02,
  GROUP_OBJ: 0x04,
  GROUP: 0x08,
  MASK: 0x10,
  OTHER: 0x20,
} as const;

/** e_id of an entry whose tag needs none. */
export const ACL_UNDEFINED_ID = 0xffffffff;

export const ACL_DISK_VERSION = 1;
export const ACL_XATTR_VERSION = 2;
/** Bytes of an entry of the attribute form, and of the header of both. */
export const ACL_XATTR_ENTRY_BYTES = 8;
export const ACL_HEADER_BYTES = 4;

const SHORT_BYTES = 4;
const FULL_BYTES = 8;

function hasId(tag: number): boolean {
  return tag === AclTag.USER || tag === AclTag.GROUP;
}

/** Which tags may come after the ones seen so far; `MASK` becomes needed with a named user or group. */
const NEXT: ReadonlyMap<number, readonly number[]> = new Map<number, readonly number[]>([
  [0, [AclTag.USER_OBJ]],
  [AclTag.USER_OBJ, [AclTag.USER, AclTag.GROUP_OBJ]],
  [AclTag.USER, [AclTag.USER, AclTag.GROUP_OBJ]],
  [AclTag.GROUP_OBJ, [AclTag.GROUP, AclTag.MASK, AclTag.OTHER]],
  [AclTag.GROUP, [AclTag.GROUP, AclTag.MASK]],
  [AclTag.MASK, [AclTag.OTHER]],
  [AclTag.OTHER, []],
]);

/**
 * Checks an ACL of the attribute form: version, whole entries, permissions of three bits, one owner, owning group and
 * others each, in order, and a mask if there is a named user or group.
 *
 * @returns what is wrong, or undefined.
 */
export function aclProblem(xattr: Uint8Array): string | undefined {
  const view = new DataView(xattr.buffer, xattr.byteOffset, xattr.length);
  if (xattr.length < ACL_HEADER_BYTES || view.getUint32(0, true) !== ACL_XATTR_VERSION) {
    return "a_version";
  }
  if ((xattr.length - ACL_HEADER_BYTES) % ACL_XATTR_ENTRY_BYTES !== 0) return "length";
  let previous = 0;
  let named = false;
  let masked = false;
  for (let at = ACL_HEADER_BYTES; at < xattr.length; at += ACL_XATTR_ENTRY_BYTES) {
    const tag = view.getUint16(at, true);
    const permissions = view.getUint16(at + 2, true);
    if (!NEXT.get(previous)?.includes(tag)) return `e_tag 0x${tag.toString(16)}`;
    if (permissions > 7) return `e_perm 0x${permissions.toString(16)}`;
    if (hasId(tag) && view.getUint32(at + 4, true) === ACL_UNDEFINED_ID) return "e_id";
    named ||= hasId(tag);
    masked ||= tag === AclTag.MASK;
    previous = tag;
  }
  if (previous !== AclTag.OTHER) return "no entry for others";
  if (named && !masked) return "no mask";
  return undefined;
}

/**
 * The on-disk form of an ACL in attribute form.
 *
 * @returns the value to store; empty if the ACL has no entries, which means to remove it; or -EOPNOTSUPP for another
 * version, -EINVAL for an ACL that is not good.
 */
export function aclToDisk(xattr: Uint8Array): Uint8Array | number {
  if (xattr.length < ACL_HEADER_BYTES) return -EINVAL;
  const source = new DataView(xattr.buffer, xattr.byteOffset, xattr.length);
  if (source.getUint32(0, true) !== ACL_XATTR_VERSION) return -EOPNOTSUPP;
  if (xattr.length === ACL_HEADER_BYTES) return new Uint8Array(0);
  if (aclProblem(xattr) !== undefined) return -EINVAL;
  const disk = new Uint8Array(xattr.length);
  const target = new DataView(disk.buffer);
  target.setUint32(0, ACL_DISK_VERSION, true);
  let to = ACL_HEADER_BYTES;
  for (let from = ACL_HEADER_BYTES; from < xattr.length; from += ACL_XATTR_ENTRY_BYTES) {
    const tag = source.getUint16(from, true);
    target.setUint16(to, tag, true);
    target.setUint16(to + 2, source.getUint16(from + 2, true), true);
    if (hasId(tag)) target.setUint32(to + 4, source.getUint32(from + 4, true), true);
    to += hasId(tag) ? FULL_BYTES : SHORT_BYTES;
  }
  return disk.slice(0, to);
}

/**
 * The attribute form of an ACL as stored.
 *
 * @throws {Corrupt} "ACL" if it is not a good one.
 */
export function aclFromDisk(disk: Uint8Array, inode: number): Uint8Array {
  const corrupt = (field: string) => new Corrupt("ACL", `inode ${inode}`, field);
  const source = new DataView(disk.buffer, disk.byteOffset, disk.length);
  if (disk.length < ACL_HEADER_BYTES || source.getUint32(0, true) !== ACL_DISK_VERSION) {
    throw corrupt("a_version");
  }
  // Short entries become twice as long, so that this is always enough.
  const xattr = new Uint8Array(2 * disk.length);
  const target = new DataView(xattr.buffer);
  target.setUint32(0, ACL_XATTR_VERSION, true);
  let to = ACL_HEADER_BYTES;
  for (let from = ACL_HEADER_BYTES; from < disk.length; to += ACL_XATTR_ENTRY_BYTES) {
    if (from + SHORT_BYTES > disk.length) throw corrupt("length");
    const tag = source.getUint16(from, true);
    const bytes = hasId(tag) ? FULL_BYTES : SHORT_BYTES;
    if (from + bytes > disk.length) throw corrupt("length");
    target.setUint16(to, tag, true);
    target.setUint16(to + 2, source.getUint16(from + 2, true), true);
    target.setUint32(
      to + 4,
      hasId(tag) ? source.getUint32(from + 4, true) : ACL_UNDEFINED_ID,
      true,
    );
    from += bytes;
  }
  const result = xattr.slice(0, to);
  const problem = to === ACL_HEADER_BYTES ? undefined : aclProblem(result);
  if (problem !== undefined) throw corrupt(problem);
  return result;
}
