/**
 * Looking at many files of a directory tree one after the other: status, content, link target and
 * extended attributes, without an allocation for each call.
 *
 * @module
 */

import {
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  O_NOFOLLOW,
  O_RDONLY,
  SYS_GETDENTS64,
} from "./constants.ts";
import { ERRNO } from "./errno.ts";
import { SystemError } from "./error.ts";
import { checked, errno, libc } from "./library.ts";

/** PATH_MAX, and a little more for a last name. */
const PATH_BYTES = 4096 + 256;
/** XATTR_LIST_MAX and XATTR_SIZE_MAX (linux/limits.h). */
const XATTR_BYTES = 65536n;
const STATX_BASIC = 0x7ff;
const O_CLOEXEC = 0o2000000;
const O_NOATIME = 0o1000000;
const GETDENTS64 = BigInt(SYS_GETDENTS64);
const SLASH = 0x2f;
const DOT = 0x2e;
const decoder = new TextDecoder();

/** A place in a tree, and what was found there. Fields are those of the file that was looked at last. */
export class Scanner {
  mode = 0;
  links = 0;
  uid = 0;
  gid = 0;
  ino = 0;
  /** Bytes. */
  size = 0;
  /** Allocated units of 512 bytes. */
  blocks = 0;
  deviceMajor = 0;
  deviceMinor = 0;
  rdevMajor = 0;
  rdevMinor = 0;

  readonly #path = new Uint8Array(PATH_BYTES);
  readonly #status = new Uint8Array(256);
  readonly #view = new DataView(this.#status.buffer);
  /** Names of attributes, or of a directory's entries. */
  readonly #names = new Uint8Array(Number(XATTR_BYTES));
  readonly #value = new Uint8Array(Number(XATTR_BYTES));
  readonly #attribute = new Uint8Array(256);
  #nameStart = 0;
  #pathEnd = 0;
  #lastPath = this.#path;
  #lastName = this.#path;

  /** All names in an open directory but `.` and `..`, in the order of the file system (getdents64). */
  readNames(directory: number): Uint8Array[] {
    const records = this.#names;
    const view = new DataView(records.buffer);
    const found: Uint8Array[] = [];
    for (;;) {
      const result = libc().syscall(GETDENTS64, directory, records, XATTR_BYTES);
      const filled = checked(result, "getdents64");
      if (filled === 0) return found;
      // struct linux_dirent64: 64 bits each of inode and offset, 16 of length, 8 of type, the name.
      for (let at = 0; at + 19 < filled; at += view.getUint16(at + 16, true)) {
        const name = at + 19;
        const end = records.indexOf(0, name);
        const dots = records[name] === DOT &&
          (end === name + 1 || (end === name + 2 && records[name + 1] === DOT));
        if (!dots) found.push(records.slice(name, end));
      }
    }
  }

  /** Chooses the file `name` in the directory with the path `directory`. @throws SystemError ENAMETOOLONG */
  choose(directory: Uint8Array, name: Uint8Array): void {
    let start = directory.length;
    if (start + 1 + name.length >= PATH_BYTES) {
      throw new SystemError(ERRNO.ENAMETOOLONG, "open", decoder.decode(directory));
    }
    if (this.#nameStart === 0 || directory !== this.#lastDirectory) {
      this.#path.set(directory);
      this.#lastDirectory = directory;
    }
    if (this.#path[start - 1] !== SLASH) this.#path[start++] = SLASH;
    this.#path.set(name, start);
    this.#pathEnd = start + name.length;
    this.#path[this.#pathEnd] = 0;
    this.#nameStart = start;
    this.#lastPath = this.#path.subarray(0, this.#pathEnd + 1);
    this.#lastName = this.#path.subarray(start, this.#pathEnd + 1);
  }
  #lastDirectory: Uint8Array | undefined;

  /** The path of the chosen file, as bytes. */
  get path(): Uint8Array {
    return this.#path.slice(0, this.#pathEnd);
  }

  /** Looks at the chosen file, which lies in the open directory. Symbolic links are not followed. */
  look(directory: number): void {
    const { statx } = libc();
    const name = this.#lastName as Uint8Array<ArrayBuffer>;
    const result = statx(directory, name, AT_SYMLINK_NOFOLLOW, STATX_BASIC, this.#status);
    checked(result, "stat", result < 0 ? this.#text() : undefined);
    const view = this.#view;
    this.links = view.getUint32(0x10, true);
    this.uid = view.getUint32(0x14, true);
    this.gid = view.getUint32(0x18, true);
    this.mode = view.getUint16(0x1c, true);
    this.ino = this.#long(0x20);
    this.size = this.#long(0x28);
    this.blocks = this.#long(0x30);
    this.rdevMajor = view.getUint32(0x80, true);
    this.rdevMinor = view.getUint32(0x84, true);
    this.deviceMajor = view.getUint32(0x88, true);
    this.deviceMinor = view.getUint32(0x8c, true);
  }

  /** A time of the file looked at: seconds since 1970 and nanoseconds. */
  time(which: "atime" | "mtime" | "ctime"): { seconds: number; nanoseconds: number } {
    const at = { atime: 0x40, ctime: 0x60, mtime: 0x70 }[which];
    const seconds = this.#view.getInt32(at + 4, true) * 0x100000000 +
      this.#view.getUint32(at, true);
    return { seconds, nanoseconds: this.#view.getUint32(at + 8, true) };
  }

  #long(at: number): number {
    return this.#view.getUint32(at, true) + this.#view.getUint32(at + 4, true) * 0x100000000;
  }

  /**
   * Opens the chosen file for reading, without changing its access time where that is allowed; the caller
   * closes the descriptor.
   * @param directory AT_FDCWD goes by the path.
   * @param flags further O_* flags.
   */
  open(directory: number, flags = 0): number {
    const name = (directory === AT_FDCWD ? this.#lastPath : this.#lastName) as Uint8Array<
      ArrayBuffer
    >;
    const all = O_RDONLY | O_NOFOLLOW | O_CLOEXEC | flags;
    let result = libc().openat(directory, name, all | O_NOATIME, 0);
    if (result < 0 && errno() === ERRNO.EPERM) result = libc().openat(directory, name, all, 0);
    return checked(result, "open", result < 0 ? this.#text() : undefined);
  }

  /**
   * The extended attributes of the chosen file: full names and values.
   * @param descriptor the file, if it is open: spares the way along its path.
   */
  readXattrs(
    descriptor = -1,
  ): readonly (readonly [name: Uint8Array, value: Uint8Array])[] {
    const path = this.#lastPath as Uint8Array<ArrayBuffer>;
    const names = this.#names;
    const length = descriptor < 0
      ? libc().llistxattr(path, names, XATTR_BYTES)
      : libc().flistxattr(descriptor, names, XATTR_BYTES);
    if (length === 0) return NONE;
    if (length < 0) {
      const number = errno();
      if (number === ERRNO.EOPNOTSUPP) return NONE;
      throw new SystemError(number, "listxattr", this.#text());
    }
    const found: [Uint8Array, Uint8Array][] = [];
    for (let begin = 0; begin < length;) {
      const end = names.indexOf(0, begin);
      const name = names.slice(begin, end);
      begin = end + 1;
      const value = this.#xattr(descriptor, name);
      if (value !== undefined) found.push([name, value]);
    }
    return found;
  }

  #xattr(descriptor: number, name: Uint8Array): Uint8Array | undefined {
    this.#attribute.set(name);
    this.#attribute[name.length] = 0;
    const path = this.#lastPath as Uint8Array<ArrayBuffer>;
    const size = descriptor < 0
      ? libc().lgetxattr(path, this.#attribute, this.#value, XATTR_BYTES)
      : libc().fgetxattr(descriptor, this.#attribute, this.#value, XATTR_BYTES);
    return size < 0 ? undefined : this.#value.slice(0, size);
  }

  #text(): string {
    return decoder.decode(this.path);
  }
}

const NONE: readonly (readonly [Uint8Array, Uint8Array])[] = [];
