/** The port's operations on open files and directories. @module */

import { NameOperations } from "./name_operations.ts";
import type { ColdReads } from "./cold_reads.ts";
import { GroupCommit } from "./group_commit.ts";
import type { Caller, DirectorySink, Entry, Opened, Server } from "../../ffi/fuse/port.ts";
import { VALID_MS } from "./node_view.ts";
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
const DOT = 0x2e;
/** Listings of directories up to this size come with all attributes from the start. */
const SMALL_DIRECTORY_BYTES = 64 * 1024;
/** The handle of a file that was opened for writing. */
const WRITING = 1;

/** Opening, reading, writing, listing. */
export class DataOperations extends NameOperations {
  /** Answers deferred requests; there are none before `init`. */
  protected server: Server | undefined;
  /** Reads that would wait for the disk go through this; undefined: they are waited for. */
  protected coldReads: ColdReads | undefined;
  readonly groupCommit = new GroupCommit(
    this.engine,
    (unique, result) => this.server?.complete(unique, result),
  );

  open(_caller: Caller, node: number, flags: number, opened: Opened): number {
    opened.handle = (flags & O_ACCMODE) !== 0 ? WRITING : 0;
    opened.flags = OPEN_FLAGS;
    const result = mayOpen(this.engine, inodeOf(node), flags);
    if (result >= 0) this.#opened(inodeOf(node));
    return result;
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
    const result = this.mknod(caller, parent, name, mode, umask, 0, entry);
    if (result >= 0) this.#opened(inodeOf(entry.node));
    return result;
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
    if (ino >= 0) this.#opened(ino);
    return ino < 0 ? ino : this.give(ino, entry, parent);
  }

  read(
    caller: Caller,
    node: number,
    _handle: number,
    offset: number,
    targets: readonly Uint8Array[],
  ): number {
    const [first] = targets;
    if (this.coldReads !== undefined && first !== undefined && targets.length === 1) {
      const result = this.coldReads.read(caller.unique, inodeOf(node), offset, first);
      if (result !== undefined) return result;
    }
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

  /** Counts who has the file open: its inode stays in memory meanwhile. */
  #opened(ino: number): void {
    this.engine.inode(ino).users++;
  }

  release(_caller: Caller, node: number, handle: number): number {
    const inode = this.engine.volume.inodes.peek(inodeOf(node));
    if (inode === undefined) return 0;
    if (inode.users > 0) inode.users--;
    if (handle === WRITING) this.engine.alloc.discardPreallocation(inode);
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
    const ino = inodeOf(node);
    if (!plus) {
      return readDirectory(
        this.engine,
        ino,
        offset,
        (bytes, start, end, entryIno, next, type) =>
          sink.plain(bytes, start, end, entryIno, next, type),
      );
    }
    // The kernel asks for attributes at the start of every listing, wanted or not, and for more only
    // when somebody used those: at the start of a large one, what would have to be read is left out.
    const inMemory = offset === 0 && this.engine.inode(ino).size > SMALL_DIRECTORY_BYTES;
    const validMs = this.engine.hasCasefold ? this.nameValidMs(node) : VALID_MS;
    return readDirectory(
      this.engine,
      ino,
      offset,
      (bytes, start, end, entryIno, next, type) => {
        const { entry } = sink;
        this.#describe(entry, bytes, start, end, entryIno, inMemory);
        if (validMs === 0) entry.entryValidMs = 0;
        if (!sink.plus(bytes, start, end, entryIno, next, type)) return false;
        if (entry.node !== 0) this.counts.add(entryIno);
        return true;
      },
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

  /** Fills in a listing's entry; without attributes (node 0) for dots and an inode that is not to be read, or cannot be. */
  #describe(
    entry: Entry,
    bytes: Uint8Array,
    start: number,
    end: number,
    ino: number,
    inMemory: boolean,
  ): void {
    entry.node = 0;
    const length = end - start;
    if (bytes[start] === DOT && (length === 1 || (length === 2 && bytes[start + 1] === DOT))) {
      return;
    }
    if (inMemory && this.engine.volume.inodes.peek(ino) === undefined) return;
    try {
      this.fill(ino, entry);
    } catch (error) {
      this.engine.errnoOf(error, "readdirplus");
      entry.node = 0;
    }
  }
}
