/** The port's operations on open files and directories. @module */

import { NameOperations } from "./name_operations.ts";
import { GroupCommit } from "./group_commit.ts";
import type { Caller, DirectorySink, Entry, Opened, Server } from "../../ffi/fuse/port.ts";
import { ENOSYS } from "../errno.ts";
import { copyRange } from "../ops/copy_range.ts";
import { makeUnnamed } from "../ops/create.ts";
import { fallocate } from "../ops/fallocate.ts";
import { mayOpen, O_ACCMODE } from "../ops/open_flags.ts";
import { read } from "../ops/read.ts";
import { readDirectory } from "../ops/read_directory.ts";
import { seek } from "../ops/seek.ts";
import { write } from "../ops/write.ts";
import { inodeOf } from "./node.ts";

/** FOPEN_* flags. */
const KEEP_CACHE = 1 << 1;
const NO_FLUSH = 1 << 5;
const PARALLEL_DIRECT_WRITES = 1 << 6;
const OPEN_FLAGS = KEEP_CACHE | NO_FLUSH | PARALLEL_DIRECT_WRITES;
const WRITE_KILL_SUIDGID = 4;
const S_IFREG = 0o100000;
const S_IFMT = 0o170000;
/** The handle of a file that was opened for writing. */
const WRITING = 1;

/** Opening, reading, writing, listing. */
export class DataOperations extends NameOperations {
  /** Answers deferred requests; there are none before `init`. */
  protected server: Server | undefined;
  readonly groupCommit = new GroupCommit(
    this.engine,
    (unique, result) => this.server?.complete(unique, result),
  );

  open(_caller: Caller, node: number, flags: number, opened: Opened): number {
    opened.handle = (flags & O_ACCMODE) !== 0 ? WRITING : 0;
    opened.flags = OPEN_FLAGS;
    return mayOpen(this.engine, inodeOf(node), flags);
  }

  create(
    caller: Caller,
    parent: number,
    name: Uint8Array,
    mode: number,
    umask: number,
    _flags: number,
    entry: Entry,
    opened: Opened,
  ): number {
    opened.handle = WRITING;
    opened.flags = OPEN_FLAGS;
    return this.mknod(caller, parent, name, mode, umask, 0, entry);
  }

  tmpfile(
    caller: Caller,
    parent: number,
    mode: number,
    umask: number,
    _flags: number,
    entry: Entry,
    opened: Opened,
  ): number {
    opened.handle = WRITING;
    opened.flags = OPEN_FLAGS;
    const fullMode = (mode & ~S_IFMT) | S_IFREG;
    const ino = makeUnnamed(this.engine, caller, inodeOf(parent), fullMode, umask);
    return ino < 0 ? ino : this.give(ino, entry);
  }

  read(
    _caller: Caller,
    node: number,
    _handle: number,
    offset: number,
    targets: readonly Uint8Array[],
  ): number {
    let done = 0;
    for (const target of targets) {
      const count = read(this.engine, inodeOf(node), offset + done, target);
      if (count < 0) return done > 0 ? done : count;
      done += count;
      if (count < target.length) break;
    }
    return done;
  }

  write(
    caller: Caller,
    node: number,
    _handle: number,
    offset: number,
    sources: readonly Uint8Array[],
    flags: number,
  ): number {
    const options = {
      privileged: this.privileged(caller),
      killPrivileges: (flags & WRITE_KILL_SUIDGID) !== 0,
    };
    let done = 0;
    for (const source of sources) {
      const count = write(this.engine, inodeOf(node), offset + done, source, options);
      if (count < 0) return done > 0 ? done : count;
      done += count;
      if (count < source.length) break;
    }
    return done;
  }

  flush(): number {
    return -ENOSYS;
  }

  release(_caller: Caller, node: number, handle: number): number {
    const inode = handle === WRITING ? this.engine.volume.inodes.peek(inodeOf(node)) : undefined;
    if (inode !== undefined) this.engine.alloc.discardPreallocation(inode);
    return 0;
  }

  fsync(caller: Caller): number {
    return this.groupCommit.request(caller.unique);
  }

  opendir(): number {
    return -ENOSYS;
  }

  readdir(
    _caller: Caller,
    node: number,
    _handle: number,
    offset: number,
    plus: boolean,
    sink: DirectorySink,
  ): number {
    if (!plus) {
      return readDirectory(
        this.engine,
        inodeOf(node),
        offset,
        (name, ino, next, type) => sink.plain(name, ino, next, type),
      );
    }
    return readDirectory(
      this.engine,
      inodeOf(node),
      offset,
      (name, ino, next, type) => this.#plus(sink, name, ino, next, type),
    );
  }

  releasedir(): number {
    return -ENOSYS;
  }

  fsyncdir(caller: Caller): number {
    return this.groupCommit.request(caller.unique);
  }

  syncfs(caller: Caller): number {
    return this.groupCommit.request(caller.unique);
  }

  fallocate(
    caller: Caller,
    node: number,
    _handle: number,
    offset: number,
    length: number,
    mode: number,
  ): number {
    const privileged = this.privileged(caller);
    return fallocate(this.engine, inodeOf(node), offset, length, mode, privileged);
  }

  lseek(_caller: Caller, node: number, _handle: number, offset: number, whence: number): number {
    return seek(this.engine, inodeOf(node), offset, whence);
  }

  copyFileRange(
    caller: Caller,
    node: number,
    _handle: number,
    offset: number,
    newNode: number,
    _newHandle: number,
    newOffset: number,
    length: number,
  ): number {
    const options = { privileged: this.privileged(caller), killPrivileges: false };
    const target = inodeOf(newNode);
    return copyRange(this.engine, inodeOf(node), offset, target, newOffset, length, options);
  }

  /** An entry with attributes; one whose inode cannot be read is given without. */
  #plus(sink: DirectorySink, name: Uint8Array, ino: number, next: number, type: number): boolean {
    const dots = name[0] === DOT && (name.length === 1 || (name.length === 2 && name[1] === DOT));
    if (dots) {
      sink.entry.node = 0;
      return sink.plus(name, ino, next, type);
    }
    try {
      this.fill(ino, sink.entry);
    } catch (error) {
      this.engine.errnoOf(error, "readdirplus");
      sink.entry.node = 0;
    }
    if (!sink.plus(name, ino, next, type)) return false;
    if (sink.entry.node !== 0) this.counts.add(ino);
    return true;
  }
}

const DOT = 0x2e;
