/**
 * Name indexes: how the prefix of an extended attribute's name is stored in one byte (e_name_index).
 *
 * Kernel documentation: Documentation/filesystems/ext4/attributes.rst, "Attribute Name Indices".
 *
 * @module
 */

/** Values of e_name_index. */
export const XattrIndex = {
  USER: 1,
  POSIX_ACL_ACCESS: 2,
  POSIX_ACL_DEFAULT: 3,
  TRUSTED: 4,
  LUSTRE: 5,
  SECURITY: 6,
  SYSTEM: 7,
  RICHACL: 8,
  ENCRYPTION: 9,
  HURD: 10,
} as const;

/** A prefix with its index; `whole` if nothing may follow it. The longer of two that fit comes first. */
interface Prefix {
  readonly index: number;
  readonly text: string;
  readonly bytes: Uint8Array;
  readonly whole: boolean;
}

function prefix(index: number, text: string): Prefix {
  return { index, text, bytes: new TextEncoder().encode(text), whole: !text.endsWith(".") };
}

const PREFIXES: readonly Prefix[] = [
  prefix(XattrIndex.USER, "user."),
  prefix(XattrIndex.SECURITY, "security."),
  prefix(XattrIndex.TRUSTED, "trusted."),
  prefix(XattrIndex.POSIX_ACL_ACCESS, "system.posix_acl_access"),
  prefix(XattrIndex.POSIX_ACL_DEFAULT, "system.posix_acl_default"),
  prefix(XattrIndex.RICHACL, "system.richacl"),
  prefix(XattrIndex.SYSTEM, "system."),
  prefix(XattrIndex.HURD, "gnu."),
];

const BYTES_BY_INDEX: ReadonlyMap<number, Uint8Array> = new Map(
  PREFIXES.map(({ index, bytes }) => [index, bytes]),
);
const TEXT_BY_INDEX: ReadonlyMap<number, string> = new Map(
  PREFIXES.map(({ index, text }) => [index, text]),
);

function startsWith(name: Uint8Array, start: Uint8Array): boolean {
  if (name.length < start.length) return false;
  for (let i = 0; i < start.length; i++) {
    if (name[i] !== start[i]) return false;
  }
  return true;
}

/**
 * The name index of a full name such as "user.comment"; 0 if no prefix fits. What is stored as the name is
 * `name.subarray(xattrPrefix(index).length)`.
 */
export function xattrIndexOfName(name: Uint8Array): number {
  for (const { index, bytes, whole } of PREFIXES) {
    if (startsWith(name, bytes) && (!whole || name.length === bytes.length)) return index;
  }
  return 0;
}

/** The prefix that an index stands for; undefined for an index that programs are shown nothing of. */
export function xattrPrefix(index: number): Uint8Array | undefined {
  return BYTES_BY_INDEX.get(index);
}

/** The prefix as text. */
export function xattrPrefixText(index: number): string | undefined {
  return TEXT_BY_INDEX.get(index);
}
