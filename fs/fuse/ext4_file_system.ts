/**
 * A volume behind the file-system port: node ids, lookup counts, validity times and errnos. Every
 * method hands on to one operation of `fs/ops`.
 *
 * @module
 */

import type {
  Attributes,
  Caller,
  DirectorySink,
  Entry,
  FileSystem,
  Opened,
  SetAttributes,
  Statfs,
} from "../../ffi/fuse/port.ts";
import { ENOENT, ENOSYS } from "../errno.ts";
import { getAttribute, listAttributes, removeAttribute, setAttribute } from "../ops/attributes.ts";
import { copyRange } from "../ops/copy_range.ts";
import { makeNode, makeUnnamed } from "../ops/create.ts";
import { deleteIfUnused } from "../ops/delete_inode.ts";
import type { Engine } from "../ops/engine.ts";
import { fallocate } from "../ops/fallocate.ts";
import { filesystemStat } from "../ops/filesystem_stat.ts";
import { link } from "../ops/link.ts";
import { lookup } from "../ops/lookup.ts";
import { finishEngine } from "../ops/open_volume.ts";
import { makeDirectory } from "../ops/make_directory.ts";
import { mayOpen, O_ACCMODE } from "../ops/open_flags.ts";
import { read } from "../ops/read.ts";
import { readDirectory } from "../ops/read_directory.ts";
import { rename } from "../ops/rename.ts";
import { seek } from "../ops/seek.ts";
import { setAttributes } from "../ops/set_attributes.ts";
import { makeSymlink, readSymlink } from "../ops/symlink.ts";
import { removeDirectory, unlink } from "../ops/unlink.ts";
import { write } from "../ops/write.ts";
import { changeOf } from "./change_of.ts";
import { ioctl } from "./ioctl.ts";
import { LookupCounts } from "./lookup_counts.ts";
import { fillAttributes, inodeOf, nodeOf } from "./node.ts";

/** FOPEN_* flags. */
const KEEP_CACHE = 1 << 1;
const NO_FLUSH = 1 << 5;
const PARALLEL_DIRECT_WRITES = 1 << 6;
const OPEN_FLAGS = KEEP_CACHE | NO_FLUSH | PARALLEL_DIRECT_WRITES;
const WRITE_KILL_SUIDGID = 4;
/** Nobody else changes the image, so the kernel may keep what it knows. */
const VALID_MS = 24 * 3600 * 1000;
/**
 * After so long without a change what is pending is written out: an unmount does not wait for this
 * process, and the image should be whole when somebody looks at it then.
 */
const QUIET_MS = 5;
const S_IFREG = 0o100000;
const S_IFMT = 0o170000;
/** The handle of a file that was opened for writing. */
const WRITING = 1;

/** How the file system is served. */
export interface ServeOptions {
  /** Milliseconds between commits of what changed (`commit=`). */
  readonly commitMs: number;
  /** Milliseconds since some fixed time, never going back. */
  readonly monotonicMs: () => number;
}

/** An opened ext4 file system as the FUSE server wants it. */
export class Ext4FileSystem implements FileSystem {
  readonly #counts = new LookupCounts();
  readonly #blockBytes: number;
  /** When the oldest uncommitted change is to be committed at the latest; 0: none. */
  #nextCommitMs = 0;
  /** How many changes there were at the last look, and when that number was new. */
  #changesSeen = 0;
  #changesSeenMs = 0;

  constructor(readonly engine: Engine, readonly options: ServeOptions) {
    this.#blockBytes = engine.volume.geometry.blockBytes;
    engine.inUse = (inode) => inode.users > 0 || this.#counts.get(inode.ino) > 0;
  }

  init(): void {}

  /** Makes the image complete: umount(2) may be waiting for just this. The device stays open. */
  destroy(): void {
    try {
      finishEngine(this.engine);
    } catch (error) {
      this.engine.errnoOf(error, "unmount");
    }
  }

  errnoOf(error: unknown, operation: string): number {
    return this.engine.errnoOf(error, operation);
  }

  idle(): number {
    const { engine, options } = this;
    engine.trim();
    if (!engine.volume.transactions.pending) {
      this.#nextCommitMs = 0;
      return options.commitMs;
    }
    const now = options.monotonicMs();
    if (this.#nextCommitMs === 0) this.#nextCommitMs = now + options.commitMs;
    if (engine.changes !== this.#changesSeen) {
      this.#changesSeen = engine.changes;
      this.#changesSeenMs = now;
    }
    const due = Math.min(this.#nextCommitMs, this.#changesSeenMs + QUIET_MS);
    if (now < due) return due - now;
    this.#nextCommitMs = 0;
    engine.volume.commit(false);
    return options.commitMs;
  }

  lookup(_caller: Caller, parent: number, name: Uint8Array, entry: Entry): number {
    const ino = lookup(this.engine, inodeOf(parent), name);
    if (ino > 0) return this.#give(ino, entry);
    if (ino !== -ENOENT) return ino;
    // A negative entry: the kernel need not ask again.
    entry.node = 0;
    entry.entryValidMs = VALID_MS;
    return 0;
  }

  forget(node: number, lookups: number): void {
    const ino = inodeOf(node);
    if (this.#counts.take(ino, lookups) > 0) return;
    const inode = this.engine.volume.inodes.peek(ino);
    if (inode !== undefined && inode.orphan) deleteIfUnused(this.engine, inode);
  }

  getattr(_caller: Caller, node: number, attributes: Attributes): number {
    fillAttributes(this.engine.inode(inodeOf(node)), this.#blockBytes, attributes);
    return 0;
  }

  setattr(caller: Caller, node: number, set: SetAttributes, attributes: Attributes): number {
    const ino = inodeOf(node);
    const result = setAttributes(this.engine, ino, changeOf(set), this.#privileged(caller));
    if (result < 0) return result;
    fillAttributes(this.engine.inode(ino), this.#blockBytes, attributes);
    return 0;
  }

  readlink(_caller: Caller, node: number, target: Uint8Array): number {
    return readSymlink(this.engine, inodeOf(node), target);
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
    const fullMode = (mode & S_IFMT) === 0 ? mode | S_IFREG : mode;
    const ino = makeNode(this.engine, caller, inodeOf(parent), name, fullMode, umask, rdev);
    return ino < 0 ? ino : this.#give(ino, entry);
  }

  mkdir(
    caller: Caller,
    parent: number,
    name: Uint8Array,
    mode: number,
    umask: number,
    entry: Entry,
  ): number {
    const ino = makeDirectory(this.engine, caller, inodeOf(parent), name, mode, umask);
    return ino < 0 ? ino : this.#give(ino, entry);
  }

  unlink(_caller: Caller, parent: number, name: Uint8Array): number {
    return unlink(this.engine, inodeOf(parent), name);
  }

  rmdir(_caller: Caller, parent: number, name: Uint8Array): number {
    return removeDirectory(this.engine, inodeOf(parent), name);
  }

  symlink(
    caller: Caller,
    parent: number,
    name: Uint8Array,
    target: Uint8Array,
    entry: Entry,
  ): number {
    const ino = makeSymlink(this.engine, caller, inodeOf(parent), name, target);
    return ino < 0 ? ino : this.#give(ino, entry);
  }

  rename(
    caller: Caller,
    parent: number,
    name: Uint8Array,
    newParent: number,
    newName: Uint8Array,
    flags: number,
  ): number {
    return rename(this.engine, caller, inodeOf(parent), name, inodeOf(newParent), newName, flags);
  }

  link(
    _caller: Caller,
    node: number,
    newParent: number,
    newName: Uint8Array,
    entry: Entry,
  ): number {
    const ino = inodeOf(node);
    const result = link(this.engine, ino, inodeOf(newParent), newName);
    return result < 0 ? result : this.#give(ino, entry);
  }

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
    return ino < 0 ? ino : this.#give(ino, entry);
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
      privileged: this.#privileged(caller),
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

  fsync(): number {
    this.engine.sync(true);
    return 0;
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

  fsyncdir(): number {
    return this.fsync();
  }

  syncfs(): number {
    return this.fsync();
  }

  statfs(_caller: Caller, _node: number, statfs: Statfs): number {
    const stat = filesystemStat(this.engine);
    statfs.blocks = stat.blocks;
    statfs.blocksFree = stat.blocksFree;
    statfs.blocksAvailable = stat.blocksAvailable;
    statfs.files = stat.inodes;
    statfs.filesFree = stat.inodesFree;
    statfs.blockBytes = statfs.fragmentBytes = stat.blockBytes;
    statfs.nameMax = 255;
    return 0;
  }

  getxattr(caller: Caller, node: number, name: Uint8Array, value: Uint8Array): number {
    return getAttribute(this.engine, inodeOf(node), name, value, caller.uid === 0);
  }

  listxattr(caller: Caller, node: number, list: Uint8Array): number {
    return listAttributes(this.engine, inodeOf(node), list, caller.uid === 0);
  }

  setxattr(
    caller: Caller,
    node: number,
    name: Uint8Array,
    value: Uint8Array,
    flags: number,
    killSgid: boolean,
  ): number {
    const how = { flags, killSgid, privileged: caller.uid === 0 };
    return setAttribute(this.engine, inodeOf(node), name, value, how);
  }

  removexattr(caller: Caller, node: number, name: Uint8Array): number {
    return removeAttribute(this.engine, inodeOf(node), name, caller.uid === 0);
  }

  access(): number {
    // Mounted with default_permissions: the kernel decides.
    return -ENOSYS;
  }

  fallocate(
    caller: Caller,
    node: number,
    _handle: number,
    offset: number,
    length: number,
    mode: number,
  ): number {
    const privileged = this.#privileged(caller);
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
    const options = { privileged: this.#privileged(caller), killPrivileges: caller.uid !== 0 };
    const target = inodeOf(newNode);
    return copyRange(this.engine, inodeOf(node), offset, target, newOffset, length, options);
  }

  ioctl(
    caller: Caller,
    node: number,
    _handle: number,
    command: number,
    _argument: number,
    input: Uint8Array,
    output: Uint8Array,
  ): number {
    return ioctl(this.engine, inodeOf(node), command, caller.uid === 0, input, output);
  }

  /** Fills in an entry and counts the lookup. */
  #give(ino: number, entry: Entry): number {
    this.#fill(ino, entry);
    this.#counts.add(ino);
    this.engine.trim();
    return 0;
  }

  #fill(ino: number, entry: Entry): void {
    const inode = this.engine.inode(ino);
    entry.node = nodeOf(ino);
    entry.generation = inode.generation;
    entry.entryValidMs = VALID_MS;
    entry.attributesValidMs = VALID_MS;
    fillAttributes(inode, this.#blockBytes, entry.attributes);
  }

  /** An entry with attributes; one whose inode cannot be read is given without. */
  #plus(sink: DirectorySink, name: Uint8Array, ino: number, next: number, type: number): boolean {
    const dots = name[0] === DOT && (name.length === 1 || (name.length === 2 && name[1] === DOT));
    if (dots) {
      sink.entry.node = 0;
      return sink.plus(name, ino, next, type);
    }
    try {
      this.#fill(ino, sink.entry);
    } catch (error) {
      this.engine.errnoOf(error, "readdirplus");
      sink.entry.node = 0;
    }
    if (!sink.plus(name, ino, next, type)) return false;
    if (sink.entry.node !== 0) this.#counts.add(ino);
    return true;
  }

  /** Who may use the blocks reserved for root, or for s_def_resuid and s_def_resgid. */
  #privileged(caller: Caller): boolean {
    const { superblock } = this.engine.volume;
    return caller.uid === 0 || caller.uid === superblock.defaultReservedUid ||
      (superblock.defaultReservedGid !== 0 && caller.gid === superblock.defaultReservedGid);
  }
}

const DOT = 0x2e;
