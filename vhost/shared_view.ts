/**
 * One file system as one front-end has it: see `shared_file_system.ts`.
 *
 * @module
 */

import {
  type Attributes,
  type Caller,
  type Connection,
  DEFERRED,
  type DirectorySink,
  type Entry,
  type FileSystem,
  type Opened,
  ROOT_NODE,
  type Server,
  type SetAttributes,
  type Statfs,
} from "../ffi/fuse/port.ts";
import type { SharedFileSystem } from "./shared_file_system.ts";

const ESTALE = -116;
const FOPEN_KEEP_CACHE = 1 << 1;

/** A view: nodes that were not given to its guest are refused. */
export class SharedView implements FileSystem {
  server: Server | undefined;
  readonly #shared: SharedFileSystem;
  readonly #inner: FileSystem;
  readonly #lookups = new Map<number, number>();

  constructor(shared: SharedFileSystem) {
    this.#shared = shared;
    this.#inner = shared.inner;
  }

  init(connection: Connection, server: Server): void {
    this.server = server;
    this.#shared.begin(connection);
  }

  destroy(): void {
    this.#shared.dropView(this);
    for (const [node, lookups] of this.#lookups) this.#inner.forget(node, lookups);
    this.#lookups.clear();
    // What this guest wrote is to be found in the image, even if others go on.
    const caller = { unique: this.#shared.number(), uid: 0, gid: 0, pid: 0 };
    try {
      this.#inner.syncfs(caller);
    } catch (error) {
      this.#inner.errnoOf(error, "syncfs");
    }
  }

  errnoOf(error: unknown, operation: string): number {
    return this.#inner.errnoOf(error, operation);
  }

  idle(): number {
    return this.#inner.idle();
  }

  #knows(node: number): boolean {
    return node === ROOT_NODE || this.#lookups.has(node);
  }

  /** Counts the lookup of an entry that was given, and limits what may be kept of it. */
  #given(result: number, entry: Entry): number {
    if (result < 0) return result;
    this.#limit(entry);
    if (entry.node !== 0) this.#count(entry.node);
    return result;
  }

  #limit(entry: Entry): void {
    const { validMs } = this.#shared.policy;
    if (validMs === undefined) return;
    entry.entryValidMs = Math.min(entry.entryValidMs, validMs);
    entry.attributesValidMs = Math.min(entry.attributesValidMs, validMs);
  }

  #count(node: number): void {
    this.#lookups.set(node, (this.#lookups.get(node) ?? 0) + 1);
  }

  /** Runs something that may be deferred, under a number that no other view has. */
  #deferrable(caller: Caller, run: () => number): number {
    const { unique } = caller;
    const number = this.#shared.number();
    caller.unique = number;
    this.#shared.defer(number, this, unique);
    let result = 0;
    try {
      result = run();
    } finally {
      caller.unique = unique;
      if (result !== DEFERRED) this.#shared.answered(number);
    }
    return result;
  }

  #opened(result: number, opened: Opened): number {
    if (result >= 0 && !this.#shared.policy.keepCache) opened.flags &= ~FOPEN_KEEP_CACHE;
    return result;
  }

  lookup(caller: Caller, parent: number, name: Uint8Array, entry: Entry): number {
    if (!this.#knows(parent)) return ESTALE;
    return this.#given(this.#inner.lookup(caller, parent, name, entry), entry);
  }

  forget(node: number, lookups: number): void {
    const held = this.#lookups.get(node);
    if (held === undefined) return;
    const taken = Math.min(held, lookups);
    if (taken === held) this.#lookups.delete(node);
    else this.#lookups.set(node, held - taken);
    this.#inner.forget(node, taken);
  }

  getattr(caller: Caller, node: number, attributes: Attributes): number {
    return this.#knows(node) ? this.#inner.getattr(caller, node, attributes) : ESTALE;
  }

  setattr(caller: Caller, node: number, change: SetAttributes, attributes: Attributes): number {
    return this.#knows(node) ? this.#inner.setattr(caller, node, change, attributes) : ESTALE;
  }

  readlink(caller: Caller, node: number, target: Uint8Array): number {
    return this.#knows(node) ? this.#inner.readlink(caller, node, target) : ESTALE;
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
    if (!this.#knows(parent)) return ESTALE;
    return this.#given(this.#inner.mknod(caller, parent, name, mode, umask, rdev, entry), entry);
  }

  mkdir(
    caller: Caller,
    parent: number,
    name: Uint8Array,
    mode: number,
    umask: number,
    entry: Entry,
  ): number {
    if (!this.#knows(parent)) return ESTALE;
    return this.#given(this.#inner.mkdir(caller, parent, name, mode, umask, entry), entry);
  }

  unlink(caller: Caller, parent: number, name: Uint8Array): number {
    return this.#knows(parent) ? this.#inner.unlink(caller, parent, name) : ESTALE;
  }

  rmdir(caller: Caller, parent: number, name: Uint8Array): number {
    return this.#knows(parent) ? this.#inner.rmdir(caller, parent, name) : ESTALE;
  }

  symlink(
    caller: Caller,
    parent: number,
    name: Uint8Array,
    target: Uint8Array,
    entry: Entry,
  ): number {
    if (!this.#knows(parent)) return ESTALE;
    return this.#given(this.#inner.symlink(caller, parent, name, target, entry), entry);
  }

  rename(
    caller: Caller,
    parent: number,
    name: Uint8Array,
    newParent: number,
    newName: Uint8Array,
    flags: number,
  ): number {
    if (!this.#knows(parent) || !this.#knows(newParent)) return ESTALE;
    return this.#inner.rename(caller, parent, name, newParent, newName, flags);
  }

  link(caller: Caller, node: number, newParent: number, newName: Uint8Array, entry: Entry): number {
    if (!this.#knows(node) || !this.#knows(newParent)) return ESTALE;
    return this.#given(this.#inner.link(caller, node, newParent, newName, entry), entry);
  }

  open(caller: Caller, node: number, flags: number, opened: Opened): number {
    if (!this.#knows(node)) return ESTALE;
    return this.#opened(this.#inner.open(caller, node, flags, opened), opened);
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
    if (!this.#knows(parent)) return ESTALE;
    const result = this.#inner.create(caller, parent, name, mode, umask, flags, entry, opened);
    return this.#given(this.#opened(result, opened), entry);
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
    if (!this.#knows(parent)) return ESTALE;
    const result = this.#inner.tmpfile(caller, parent, mode, umask, flags, entry, opened);
    return this.#given(this.#opened(result, opened), entry);
  }

  read(
    caller: Caller,
    node: number,
    handle: number,
    offset: number,
    targets: readonly Uint8Array[],
  ): number {
    if (!this.#knows(node)) return ESTALE;
    return this.#deferrable(
      caller,
      () => this.#inner.read(caller, node, handle, offset, targets),
    );
  }

  write(
    caller: Caller,
    node: number,
    handle: number,
    offset: number,
    sources: readonly Uint8Array[],
    flags: number,
  ): number {
    if (!this.#knows(node)) return ESTALE;
    return this.#inner.write(caller, node, handle, offset, sources, flags);
  }

  flush(caller: Caller, node: number, handle: number): number {
    return this.#knows(node) ? this.#inner.flush(caller, node, handle) : ESTALE;
  }

  release(caller: Caller, node: number, handle: number): number {
    return this.#knows(node) ? this.#inner.release(caller, node, handle) : ESTALE;
  }

  fsync(caller: Caller, node: number, handle: number, dataOnly: boolean): number {
    if (!this.#knows(node)) return ESTALE;
    return this.#deferrable(caller, () => this.#inner.fsync(caller, node, handle, dataOnly));
  }

  opendir(caller: Caller, node: number, flags: number, opened: Opened): number {
    if (!this.#knows(node)) return ESTALE;
    return this.#opened(this.#inner.opendir(caller, node, flags, opened), opened);
  }

  readdir(
    caller: Caller,
    node: number,
    handle: number,
    offset: number,
    plus: boolean,
    sink: DirectorySink,
  ): number {
    if (!this.#knows(node)) return ESTALE;
    return this.#inner.readdir(caller, node, handle, offset, plus, {
      entry: sink.entry,
      plain: (...entry) => sink.plain(...entry),
      plus: (...given) => {
        this.#limit(sink.entry);
        const taken = sink.plus(...given);
        if (taken && sink.entry.node !== 0) this.#count(sink.entry.node);
        return taken;
      },
    });
  }

  releasedir(caller: Caller, node: number, handle: number): number {
    return this.#knows(node) ? this.#inner.releasedir(caller, node, handle) : ESTALE;
  }

  fsyncdir(caller: Caller, node: number, handle: number, dataOnly: boolean): number {
    if (!this.#knows(node)) return ESTALE;
    return this.#deferrable(caller, () => this.#inner.fsyncdir(caller, node, handle, dataOnly));
  }

  syncfs(caller: Caller): number {
    return this.#deferrable(caller, () => this.#inner.syncfs(caller));
  }

  statfs(caller: Caller, node: number, statfs: Statfs): number {
    return this.#knows(node) ? this.#inner.statfs(caller, node, statfs) : ESTALE;
  }

  getxattr(caller: Caller, node: number, name: Uint8Array, value: Uint8Array): number {
    return this.#knows(node) ? this.#inner.getxattr(caller, node, name, value) : ESTALE;
  }

  listxattr(caller: Caller, node: number, list: Uint8Array): number {
    return this.#knows(node) ? this.#inner.listxattr(caller, node, list) : ESTALE;
  }

  setxattr(
    caller: Caller,
    node: number,
    name: Uint8Array,
    value: Uint8Array,
    flags: number,
    killSgid: boolean,
  ): number {
    if (!this.#knows(node)) return ESTALE;
    return this.#inner.setxattr(caller, node, name, value, flags, killSgid);
  }

  removexattr(caller: Caller, node: number, name: Uint8Array): number {
    return this.#knows(node) ? this.#inner.removexattr(caller, node, name) : ESTALE;
  }

  access(caller: Caller, node: number, mask: number): number {
    return this.#knows(node) ? this.#inner.access(caller, node, mask) : ESTALE;
  }

  fallocate(
    caller: Caller,
    node: number,
    handle: number,
    offset: number,
    length: number,
    mode: number,
  ): number {
    if (!this.#knows(node)) return ESTALE;
    return this.#inner.fallocate(caller, node, handle, offset, length, mode);
  }

  lseek(caller: Caller, node: number, handle: number, offset: number, whence: number): number {
    if (!this.#knows(node)) return ESTALE;
    return this.#inner.lseek(caller, node, handle, offset, whence);
  }

  copyFileRange(
    caller: Caller,
    node: number,
    handle: number,
    offset: number,
    newNode: number,
    newHandle: number,
    newOffset: number,
    length: number,
  ): number {
    if (!this.#knows(node) || !this.#knows(newNode)) return ESTALE;
    return this.#inner.copyFileRange(
      caller,
      node,
      handle,
      offset,
      newNode,
      newHandle,
      newOffset,
      length,
    );
  }

  ioctl(
    caller: Caller,
    node: number,
    handle: number,
    command: number,
    argument: number,
    input: Uint8Array,
    output: Uint8Array,
  ): number {
    if (!this.#knows(node)) return ESTALE;
    return this.#inner.ioctl(caller, node, handle, command, argument, input, output);
  }
}
