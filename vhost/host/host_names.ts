/**
 * Operations that find, make and take away names in a shared directory.
 *
 * @module
 */

import type { Attributes, Caller, Entry, Opened } from "../../ffi/fuse/port.ts";
import {
  AT_FDCWD,
  O_ACCMODE,
  O_APPEND,
  O_CLOEXEC,
  O_CREAT,
  O_DIRECT,
  O_EXCL,
  O_NOFOLLOW,
  O_PATH,
  O_RDWR,
  O_TRUNC,
  O_WRONLY,
  S_IFMT,
  S_IFREG,
} from "../../ffi/libc/constants.ts";
import { ERRNO } from "../../ffi/libc/errno.ts";
import { close } from "../../ffi/libc/file.ts";
import { errno, libc } from "../../ffi/libc/library.ts";
import { EBADF, EROFS, ESTALE, HostBase } from "./host_base.ts";
import { FOPEN_CACHE_DIR, FOPEN_DIRECT_IO, FOPEN_KEEP_CACHE } from "../../ffi/fuse/abi.ts";
import type { HostNode } from "./nodes.ts";

const AT_REMOVEDIR = 0x200;
const AT_SYMLINK_FOLLOW = 0x400;
const O_DSYNC = 0o10000;
const O_SYNC = 0o4010000;
const O_NOATIME = 0o1000000;
const O_TMPFILE = 0o20200000;
const S_IFDIR = 0o040000;
const EEXIST = -ERRNO.EEXIST;

/** The result of a system call, as a negated errno when it failed. */
function outcome(result: number): number {
  return result < 0 ? -errno() : result;
}

/** Finding, making, renaming, removing. */
export class HostNames extends HostBase {
  lookup(_caller: Caller, parent: number, name: Uint8Array, entry: Entry): number {
    const directory = this.nodes.get(parent);
    if (directory === undefined) return ESTALE;
    return this.find(directory, this.name.of(name), entry);
  }

  /** Makes a name as the caller's, then looks it up. */
  #make(
    caller: Caller,
    parent: number,
    name: Uint8Array,
    umask: number,
    entry: Entry,
    make: (directory: HostNode, path: Uint8Array<ArrayBuffer>) => number,
  ): number {
    if (this.options.readOnly) return EROFS;
    const directory = this.nodes.get(parent);
    if (directory === undefined) return ESTALE;
    const path = this.name.of(name);
    const made = this.asCaller(
      caller,
      umask,
      () => outcome(make(directory, path)),
    );
    return made < 0 ? made : this.find(directory, path, entry);
  }

  mknod(
    caller: Caller,
    parent: number,
    name: Uint8Array,
    mode: number,
    umask: number,
    rdev: number,
    entry: Entry,
  ): number {
    return this.#make(
      caller,
      parent,
      name,
      umask,
      entry,
      (directory, path) => libc().mknodat(directory.descriptor, path, mode, BigInt(rdev)),
    );
  }

  mkdir(
    caller: Caller,
    parent: number,
    name: Uint8Array,
    mode: number,
    umask: number,
    entry: Entry,
  ): number {
    return this.#make(
      caller,
      parent,
      name,
      umask,
      entry,
      (directory, path) => libc().mkdirat(directory.descriptor, path, mode),
    );
  }

  symlink(
    caller: Caller,
    parent: number,
    name: Uint8Array,
    target: Uint8Array,
    entry: Entry,
  ): number {
    const text = this.otherName.of(target);
    return this.#make(
      caller,
      parent,
      name,
      0,
      entry,
      (directory, path) => libc().symlinkat(text, directory.descriptor, path),
    );
  }

  link(
    _caller: Caller,
    node: number,
    newParent: number,
    newName: Uint8Array,
    entry: Entry,
  ): number {
    if (this.options.readOnly) return EROFS;
    const from = this.nodes.get(node);
    const directory = this.nodes.get(newParent);
    if (from === undefined || directory === undefined) return ESTALE;
    const path = this.name.of(newName);
    const linked = libc().linkat(
      AT_FDCWD,
      from.name,
      directory.descriptor,
      path,
      AT_SYMLINK_FOLLOW,
    );
    return linked < 0 ? -errno() : this.find(directory, path, entry);
  }

  unlink(_caller: Caller, parent: number, name: Uint8Array): number {
    return this.#remove(parent, name, 0);
  }

  rmdir(_caller: Caller, parent: number, name: Uint8Array): number {
    return this.#remove(parent, name, AT_REMOVEDIR);
  }

  #remove(parent: number, name: Uint8Array, flags: number): number {
    if (this.options.readOnly) return EROFS;
    const directory = this.nodes.get(parent);
    if (directory === undefined) return ESTALE;
    return outcome(libc().unlinkat(directory.descriptor, this.name.of(name), flags));
  }

  rename(
    _caller: Caller,
    parent: number,
    name: Uint8Array,
    newParent: number,
    newName: Uint8Array,
    flags: number,
  ): number {
    if (this.options.readOnly) return EROFS;
    const from = this.nodes.get(parent);
    const to = this.nodes.get(newParent);
    if (from === undefined || to === undefined) return ESTALE;
    return outcome(
      libc().renameat2(
        from.descriptor,
        this.name.of(name),
        to.descriptor,
        this.otherName.of(newName),
        flags,
      ),
    );
  }

  readlink(_caller: Caller, node: number, target: Uint8Array): number {
    const link = this.nodes.get(node);
    if (link === undefined) return ESTALE;
    const bytes = target as Uint8Array<ArrayBuffer>;
    return outcome(libc().readlinkat(link.descriptor, EMPTY, bytes, BigInt(target.length)));
  }

  /** The guest's flags as the host gets them. */
  #openFlags(flags: number): number {
    const { writeback, directIo, preserveNoatime } = this.options;
    let taken = flags & (O_ACCMODE | O_APPEND | O_TRUNC | O_DSYNC | O_SYNC);
    if (directIo) taken |= flags & O_DIRECT;
    if (preserveNoatime) taken |= flags & O_NOATIME;
    if (writeback) {
      // The guest's kernel reads to fill pages, and appends by itself.
      if ((taken & O_ACCMODE) === O_WRONLY) taken = taken & ~O_ACCMODE | O_RDWR;
      taken &= ~O_APPEND;
    }
    return taken;
  }

  #opened(descriptor: number, node: number, flags: number, opened: Opened): void {
    const { cache, directIo } = this.options;
    opened.handle = this.files.add(descriptor, node);
    opened.flags = 0;
    const direct = cache === "never" || cache === "metadata" ||
      (directIo && (flags & O_DIRECT) !== 0);
    if (direct) opened.flags = FOPEN_DIRECT_IO;
    else if (cache === "always") opened.flags = FOPEN_KEEP_CACHE;
  }

  open(_caller: Caller, node: number, flags: number, opened: Opened): number {
    const file = this.nodes.get(node);
    if (file === undefined) return ESTALE;
    const writes = (flags & O_ACCMODE) !== 0 || (flags & O_TRUNC) !== 0;
    if (writes && this.options.readOnly) return EROFS;
    const descriptor = this.reopen(file, this.#openFlags(flags));
    if (descriptor < 0) return descriptor;
    this.#opened(descriptor, node, flags, opened);
    return 0;
  }

  opendir(_caller: Caller, node: number, _flags: number, opened: Opened): number {
    return this.openDirectory(node, opened, this.options.cache === "always" ? FOPEN_CACHE_DIR : 0);
  }

  /** Opens a directory. To be told apart by the layer that reads them. */
  protected openDirectory(_node: number, _opened: Opened, _flags: number): number {
    return EBADF;
  }

  create(
    caller: Caller,
    parent: number,
    name: Uint8Array,
    mode: number,
    umask: number,
    flags: number,
    entry: Entry,
    opened: Opened,
  ): number {
    if (this.options.readOnly) return EROFS;
    const directory = this.nodes.get(parent);
    if (directory === undefined) return ESTALE;
    const path = this.name.of(name);
    const wanted = this.#openFlags(flags);
    const descriptor = this.asCaller(
      caller,
      umask,
      () =>
        outcome(
          libc().openat(
            directory.descriptor,
            path,
            wanted | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
            mode & 0o7777,
          ),
        ),
    );
    if (descriptor === EEXIST && (flags & O_EXCL) === 0) {
      return this.#openExisting(caller, directory, path, flags, entry, opened);
    }
    return descriptor < 0
      ? descriptor
      : this.#enterOpen(descriptor, directory, flags, entry, opened);
  }

  #openExisting(
    caller: Caller,
    directory: HostNode,
    path: Uint8Array<ArrayBuffer>,
    flags: number,
    entry: Entry,
    opened: Opened,
  ): number {
    const found = this.find(directory, path, entry);
    if (found < 0) return found;
    const result = (entry.attributes.mode & S_IFMT) === S_IFREG
      ? this.open(caller, entry.node, flags, opened)
      : -ERRNO.EEXIST;
    if (result < 0) this.nodes.forget(entry.node, 1);
    return result;
  }

  /** A file that was just made and is open. */
  #enterOpen(
    descriptor: number,
    directory: HostNode,
    flags: number,
    entry: Entry,
    opened: Opened,
  ): number {
    const name = ENCODER.encode(`${descriptor}\0`);
    const path = outcome(libc().openat(AT_FDCWD, name, O_PATH | O_CLOEXEC, 0));
    const result = path < 0 ? path : this.enter(path, directory, entry);
    if (result < 0) {
      close(descriptor);
      return result;
    }
    this.#opened(descriptor, entry.node, flags, opened);
    return 0;
  }

  tmpfile(
    caller: Caller,
    parent: number,
    mode: number,
    umask: number,
    flags: number,
    entry: Entry,
    opened: Opened,
  ): number {
    if (this.options.readOnly) return EROFS;
    const directory = this.nodes.get(parent);
    if (directory === undefined) return ESTALE;
    if (directory.type !== S_IFDIR) return -ERRNO.ENOTDIR;
    const wanted = this.#openFlags(flags) & ~O_TRUNC | (flags & O_EXCL);
    const descriptor = this.asCaller(
      caller,
      umask,
      () =>
        outcome(
          libc().openat(AT_FDCWD, directory.name, wanted | O_TMPFILE | O_CLOEXEC, mode & 0o7777),
        ),
    );
    return descriptor < 0
      ? descriptor
      : this.#enterOpen(descriptor, directory, flags, entry, opened);
  }

  getattr(_caller: Caller, node: number, attributes: Attributes): number {
    const file = this.nodes.get(node);
    return file === undefined ? ESTALE : this.fillFrom(file, attributes);
  }
}

const EMPTY = new Uint8Array(8);
const ENCODER = new TextEncoder();
