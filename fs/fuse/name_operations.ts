/** The port's operations on names. @module */

import { NodeView, VALID_MS } from "./node_view.ts";
import type { Caller, Entry } from "../../ffi/fuse/port.ts";
import { ENOENT } from "../errno.ts";
import { makeNode } from "../ops/create.ts";
import { deleteIfUnused } from "../ops/delete_inode.ts";
import { link } from "../ops/link.ts";
import { lookup } from "../ops/lookup.ts";
import { makeDirectory } from "../ops/make_directory.ts";
import { rename } from "../ops/rename.ts";
import { makeSymlink, readSymlink } from "../ops/symlink.ts";
import { removeDirectory, unlink } from "../ops/unlink.ts";
import { inodeOf } from "./node.ts";

const S_IFREG = 0o100000;
const S_IFMT = 0o170000;

/** Finding, making, renaming and removing names. */
export class NameOperations extends NodeView {
  lookup(_caller: Caller, parent: number, name: Uint8Array, entry: Entry): number {
    const ino = lookup(this.engine, inodeOf(parent), name);
    if (ino > 0) return this.give(ino, entry, parent);
    if (ino !== -ENOENT) return ino;
    // A negative entry: the kernel need not ask again. An empty directory may come to disregard case.
    entry.node = 0;
    entry.entryValidMs = this.engine.hasCasefold ? 0 : VALID_MS;
    return 0;
  }

  forget(node: number, lookups: number): void {
    const ino = inodeOf(node);
    if (this.counts.take(ino, lookups) > 0) return;
    const inode = this.engine.volume.inodes.peek(ino);
    if (inode !== undefined && inode.orphan) deleteIfUnused(this.engine, inode);
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
    return ino < 0 ? ino : this.give(ino, entry, parent);
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
    return ino < 0 ? ino : this.give(ino, entry, parent);
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
    return ino < 0 ? ino : this.give(ino, entry, parent);
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
    return result < 0 ? result : this.give(ino, entry, newParent);
  }
}
