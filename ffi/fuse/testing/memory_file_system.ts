/**
 * A file system in memory: the tests mount it to exercise every operation of the server.
 *
 * @module
 */

import { S_IFDIR, S_IFLNK } from "../../libc/constants.ts";
import { ERRNO } from "../../libc/errno.ts";
import * as port from "../port.ts";
import { bytesOf, keyOf, LARGEST_FILE_BYTES, type MemoryNode, now } from "./memory_node.ts";
import { MemoryTree } from "./memory_tree.ts";

const FS_IOC_GETFLAGS = 0x80086601;
const FS_IOC_SETFLAGS = 0x40086602;
/** The kernel asks for this before it sends FS_IOC_SETFLAGS. */
const FS_IOC_FSGETXATTR = 0x801c581f;
/** Of this file system: replaces a file's first byte behind the kernel's back, then tells it. */
export const TOUCH_BEHIND = 0x6b01;
const SEEK_DATA = 3;
const PUNCH_HOLE = 2;
const KEEP_SIZE = 1;

/** Everything in memory; see the port for what the methods mean. */
export class MemoryFileSystem implements port.FileSystem {
  readonly tree = new MemoryTree();
  /** How often each operation was called. */
  readonly calls = new Map<string, number>();
  connection: port.Connection | undefined;
  server: port.Server | undefined;
  destroyed = 0;
  /** When set, fsync is answered later by whoever takes the numbers out. */
  deferredSyncs: number[] | undefined;
  #nextHandle = 1;

  init(connection: port.Connection, server: port.Server): void {
    this.connection = connection;
    this.server = server;
  }

  destroy(): void {
    this.destroyed++;
  }

  errnoOf(_error: unknown, _operation: string): number {
    return -ERRNO.EIO;
  }

  idle(): number {
    const waiting = this.deferredSyncs?.splice(0) ?? [];
    for (const unique of waiting) this.server?.complete(unique, 0);
    return 1000;
  }

  #count(operation: string): void {
    this.calls.set(operation, (this.calls.get(operation) ?? 0) + 1);
  }

  #node(id: number): MemoryNode {
    const node = this.tree.nodes.get(id);
    if (node === undefined) throw new Error(`no node ${id}`);
    return node;
  }

  lookup(_caller: port.Caller, parent: number, name: Uint8Array, entry: port.Entry): number {
    return this.tree.lookup(parent, name, entry);
  }

  forget(node: number, lookups: number): void {
    this.#count("forget");
    this.tree.forget(node, lookups);
  }

  getattr(_caller: port.Caller, node: number, attributes: port.Attributes): number {
    this.#node(node).fill(attributes);
    return 0;
  }

  setattr(
    _caller: port.Caller,
    id: number,
    change: port.SetAttributes,
    attributes: port.Attributes,
  ): number {
    const node = this.#node(id);
    const { valid } = change;
    if ((valid & port.SET_SIZE) !== 0) {
      if (change.size > LARGEST_FILE_BYTES) return -ERRNO.EFBIG;
      node.resize(change.size);
    }
    if ((valid & port.SET_MODE) !== 0) node.mode = change.mode;
    if ((valid & port.SET_UID) !== 0) node.uid = change.uid;
    if ((valid & port.SET_GID) !== 0) node.gid = change.gid;
    if ((valid & port.SET_ATIME) !== 0) {
      node.atime = { seconds: change.atime, nanoseconds: change.atimeNsec };
    }
    if ((valid & port.SET_MTIME) !== 0) {
      node.mtime = { seconds: change.mtime, nanoseconds: change.mtimeNsec };
    }
    if ((valid & port.SET_ATIME_NOW) !== 0) node.atime = now();
    if ((valid & port.SET_MTIME_NOW) !== 0) node.mtime = now();
    node.changed(false);
    node.fill(attributes);
    return 0;
  }

  readlink(_caller: port.Caller, node: number, target: Uint8Array): number {
    const { data, size } = this.#node(node);
    target.set(data.subarray(0, size));
    return size;
  }

  mknod(
    caller: port.Caller,
    parent: number,
    name: Uint8Array,
    mode: number,
    umask: number,
    rdev: number,
    entry: port.Entry,
  ): number {
    const node = this.tree.add(caller, parent, name, mode & ~umask);
    if (typeof node === "number") return node;
    node.rdev = rdev;
    return this.tree.answer(node, entry);
  }

  mkdir(
    caller: port.Caller,
    parent: number,
    name: Uint8Array,
    mode: number,
    umask: number,
    entry: port.Entry,
  ): number {
    return this.mknod(caller, parent, name, mode | S_IFDIR, umask, 0, entry);
  }

  unlink(_caller: port.Caller, parent: number, name: Uint8Array): number {
    return this.tree.remove(parent, name, false);
  }

  rmdir(_caller: port.Caller, parent: number, name: Uint8Array): number {
    return this.tree.remove(parent, name, true);
  }

  symlink(
    caller: port.Caller,
    parent: number,
    name: Uint8Array,
    target: Uint8Array,
    entry: port.Entry,
  ): number {
    const node = this.tree.add(caller, parent, name, S_IFLNK | 0o777);
    if (typeof node === "number") return node;
    node.data = target.slice();
    node.size = target.length;
    return this.tree.answer(node, entry);
  }

  rename(
    _caller: port.Caller,
    parent: number,
    name: Uint8Array,
    newParent: number,
    newName: Uint8Array,
    flags: number,
  ): number {
    if ((flags & port.RENAME_WHITEOUT) !== 0) return -ERRNO.EINVAL;
    return this.tree.rename(parent, name, newParent, newName, flags);
  }

  link(
    _caller: port.Caller,
    node: number,
    newParent: number,
    newName: Uint8Array,
    entry: port.Entry,
  ): number {
    return this.tree.link(node, newParent, newName, entry);
  }

  open(_caller: port.Caller, node: number, _flags: number, opened: port.Opened): number {
    this.#node(node).opens++;
    opened.handle = this.#nextHandle++;
    return 0;
  }

  create(
    caller: port.Caller,
    parent: number,
    name: Uint8Array,
    mode: number,
    umask: number,
    flags: number,
    entry: port.Entry,
    opened: port.Opened,
  ): number {
    const made = this.mknod(caller, parent, name, mode, umask, 0, entry);
    return made < 0 ? made : this.open(caller, entry.node, flags, opened);
  }

  tmpfile(
    caller: port.Caller,
    _parent: number,
    mode: number,
    umask: number,
    flags: number,
    entry: port.Entry,
    opened: port.Opened,
  ): number {
    const node = this.tree.make(mode & ~umask, caller.uid, caller.gid);
    node.nlink = 0;
    this.tree.answer(node, entry);
    return this.open(caller, node.id, flags, opened);
  }

  read(
    _caller: port.Caller,
    id: number,
    _handle: number,
    offset: number,
    targets: readonly Uint8Array[],
  ): number {
    const { data, size } = this.#node(id);
    let at = offset;
    for (const target of targets) {
      const end = Math.min(at + target.length, size);
      if (end <= at) break;
      target.set(data.subarray(at, end));
      at = end;
    }
    return at - offset;
  }

  write(
    _caller: port.Caller,
    id: number,
    _handle: number,
    offset: number,
    sources: readonly Uint8Array[],
    _flags: number,
  ): number {
    const node = this.#node(id);
    let at = offset;
    for (const source of sources) {
      if (at + source.length > LARGEST_FILE_BYTES) return -ERRNO.ENOSPC;
      node.reserve(at + source.length);
      node.data.set(source, at);
      at += source.length;
    }
    node.size = Math.max(node.size, at);
    node.changed(true);
    return at - offset;
  }

  flush(): number {
    return -ERRNO.ENOSYS;
  }

  release(_caller: port.Caller, id: number, _handle: number): number {
    const node = this.#node(id);
    node.opens--;
    this.tree.drop(node);
    return 0;
  }

  fsync(caller: port.Caller): number {
    this.#count("fsync");
    if (this.deferredSyncs === undefined) return 0;
    this.deferredSyncs.push(caller.unique);
    return port.DEFERRED;
  }

  opendir(): number {
    return -ERRNO.ENOSYS;
  }

  readdir(
    _caller: port.Caller,
    id: number,
    _handle: number,
    offset: number,
    plus: boolean,
    sink: port.DirectorySink,
  ): number {
    this.#count(plus ? "readdirplus" : "readdir");
    const directory = this.#node(id);
    if (offset < 1 && !sink.plain(bytesOf("."), 0, 1, id, 1, 4)) return 0;
    if (offset < 2 && !sink.plain(bytesOf(".."), 0, 2, directory.parent, 2, 4)) return 0;
    let position = 2;
    for (const [key, child] of directory.children) {
      if (position++ < offset) continue;
      const name = bytesOf(key);
      if (!plus) {
        if (!sink.plain(name, 0, name.length, child.id, position, child.type)) return 0;
        continue;
      }
      this.tree.answer(child, sink.entry);
      if (sink.plus(name, 0, name.length, child.id, position, child.type)) continue;
      child.lookups--;
      return 0;
    }
    return 0;
  }

  releasedir(): number {
    return 0;
  }

  fsyncdir(): number {
    this.#count("fsyncdir");
    return 0;
  }

  syncfs(): number {
    this.#count("syncfs");
    return 0;
  }

  statfs(_caller: port.Caller, _node: number, statfs: port.Statfs): number {
    statfs.blocks = 1_000_000;
    statfs.blocksFree = 500_000;
    statfs.blocksAvailable = 400_000;
    statfs.files = 1000;
    statfs.filesFree = 1000 - this.tree.nodes.size;
    statfs.blockBytes = 4096;
    statfs.fragmentBytes = 4096;
    statfs.nameMax = 255;
    return 0;
  }

  getxattr(_caller: port.Caller, node: number, name: Uint8Array, value: Uint8Array): number {
    const found = this.#node(node).xattrs.get(keyOf(name));
    if (found === undefined) return -ERRNO.ENODATA;
    if (value.length === 0) return found.length;
    if (found.length > value.length) return -ERRNO.ERANGE;
    value.set(found);
    return found.length;
  }

  listxattr(_caller: port.Caller, node: number, list: Uint8Array): number {
    const names = [...this.#node(node).xattrs.keys()].map((key) => key + "\0").join("");
    if (list.length === 0) return names.length;
    if (names.length > list.length) return -ERRNO.ERANGE;
    list.set(bytesOf(names));
    return names.length;
  }

  setxattr(
    _caller: port.Caller,
    node: number,
    name: Uint8Array,
    value: Uint8Array,
    flags: number,
  ): number {
    const { xattrs } = this.#node(node);
    const key = keyOf(name);
    if (flags === 1 && xattrs.has(key)) return -ERRNO.EEXIST;
    if (flags === 2 && !xattrs.has(key)) return -ERRNO.ENODATA;
    xattrs.set(key, value.slice());
    return 0;
  }

  removexattr(_caller: port.Caller, node: number, name: Uint8Array): number {
    return this.#node(node).xattrs.delete(keyOf(name)) ? 0 : -ERRNO.ENODATA;
  }

  access(): number {
    return 0;
  }

  fallocate(
    _caller: port.Caller,
    id: number,
    _handle: number,
    offset: number,
    length: number,
    mode: number,
  ): number {
    this.#count("fallocate");
    const node = this.#node(id);
    const end = offset + length;
    if (end > LARGEST_FILE_BYTES) return -ERRNO.EFBIG;
    if ((mode & PUNCH_HOLE) !== 0) node.data.fill(0, offset, Math.min(end, node.size));
    else if ((mode & KEEP_SIZE) === 0 && end > node.size) node.resize(end);
    return 0;
  }

  lseek(
    _caller: port.Caller,
    id: number,
    _handle: number,
    offset: number,
    whence: number,
  ): number {
    this.#count("lseek");
    const node = this.#node(id);
    if (offset >= node.size) return -ERRNO.ENXIO;
    const found = node.seek(offset, whence === SEEK_DATA);
    return whence === SEEK_DATA && found === node.size ? -ERRNO.ENXIO : found;
  }

  copyFileRange(
    caller: port.Caller,
    node: number,
    handle: number,
    offset: number,
    newNode: number,
    newHandle: number,
    newOffset: number,
    length: number,
  ): number {
    this.#count("copyFileRange");
    const buffer = new Uint8Array(Math.max(0, Math.min(length, this.#node(node).size - offset)));
    const count = this.read(caller, node, handle, offset, [buffer]);
    return this.write(caller, newNode, newHandle, newOffset, [buffer.subarray(0, count)], 0);
  }

  ioctl(
    _caller: port.Caller,
    id: number,
    _handle: number,
    command: number,
    _argument: number,
    input: Uint8Array,
    output: Uint8Array,
  ): number {
    this.#count("ioctl");
    const node = this.#node(id);
    if (command === FS_IOC_FSGETXATTR) return output.length;
    if (command === TOUCH_BEHIND) {
      node.data[0] = 0x21;
      this.server?.invalidateInode(id, 0, 0);
      for (const key of this.tree.nodes.get(port.ROOT_NODE)?.children.keys() ?? []) {
        this.server?.invalidateEntry(port.ROOT_NODE, bytesOf(key));
      }
      return 0;
    }
    if (command === FS_IOC_GETFLAGS) {
      output[0] = node.flags;
      return 4;
    }
    if (command === FS_IOC_SETFLAGS) {
      node.flags = input[0] ?? 0;
      return 0;
    }
    return -ERRNO.ENOTTY;
  }
}
