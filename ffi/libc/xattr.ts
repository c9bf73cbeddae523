/**
 * Extended attributes of the host's files.
 *
 * @module
 */

import { ERRNO } from "./errno.ts";
import { SystemError } from "./error.ts";
import { errno, libc } from "./library.ts";
import { cString, type Path, pathText } from "./path.ts";

/** XATTR_SIZE_MAX and XATTR_LIST_MAX (linux/limits.h). */
const LARGEST_BYTES = 65536;

/**
 * The names of a file's extended attributes, as bytes; none where the file system keeps none. A symbolic link in the
 * last place is not followed unless `follow`.
 */
export function listXattrs(path: Path, follow = false): Uint8Array[] {
  const list = new Uint8Array(LARGEST_BYTES);
  const call = follow ? libc().listxattr : libc().llistxattr;
  const length = call(cString(path), list, BigInt(list.length));
  if (length < 0) {
    const number = errno();
    if (number === ERRNO.EOPNOTSUPP) return [];
    throw new SystemError(number, "llistxattr", pathText(path));
  }
  const names: Uint8Array[] = [];
  let begin = 0;
  while (begin < length) {
    const end = list.indexOf(0, begin);
    if (end < 0 || end >= length) break;
    names.push(list.slice(begin, end));
    begin = end + 1;
  }
  return names;
}

/** The value of an extended attribute; undefined when the file has none of that name. `follow` as for `listXattrs`. */
export function getXattr(path: Path, name: Path, follow = false): Uint8Array | undefined {
  const value = new Uint8Array(LARGEST_BYTES);
  const call = follow ? libc().getxattr : libc().lgetxattr;
  const length = call(cString(path), cString(name), value, BigInt(value.length));
  if (length >= 0) return value.slice(0, length);
  const number = errno();
  if (number === ERRNO.ENODATA || number === ERRNO.EOPNOTSUPP) return undefined;
  throw new SystemError(number, "lgetxattr", pathText(path));
}
