/**
 * One file system as one front-end has it: see `shared_file_system.ts`.
 *
 * @module
 */

import {
  type Attributes,
  type Caller,
  type DirectorySink,
  type Entry,
  type FileSystem,
  type Opened,
  SET_SIZE,
  type SetAttributes,
  type Statfs,
} from "../ffi/fuse/port.ts";
import { SharedHoldings } from "./shared_holdings.ts";

const ESTALE = -116;
const EBADF = -9;

/** A view: nodes that were not given to its guest are refused. */
export class SharedView extends SharedHoldings implements FileSystem {
  lookup(caller: Caller, parent: number, name: Uint8Array, entry: Entry): number {
    if (!this.knows(parent)) return ESTALE;
    return this.given(this.inner.lookup(caller, parent, name, entry), entry);
  }

  forget(node: number, lookups: number): void {
    const held = this.lookups.get(node);
    if (held === undefined) return;
    const taken = Math.min(held, lookups);
    if (taken === held) this.lookups.delete(node);
    else this.lookups.set(node, held - taken);
    this.inner.forget(node, taken);
  }

  getattr(caller: Caller, node: number, attributes: Attributes): number {
    return this.knows(node) ? this.inner.getattr(caller, node, attributes) : ESTALE;
  }

  setattr(caller: Caller, node: number, change: SetAttributes, attributes: Attributes): number {
    if (!this.knows(node)) return ESTALE;
    const result = this.inner.setattr(caller, node, change, attributes);
    return this.changed(result, node, (change.valid & SET_SIZE) !== 0);
  }

  readlink(caller: Caller, node: number, target: Uint8Array): number {
    return this.knows(node) ? this.inner.readlink(caller, node, target) : ESTALE;
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
    if (!this.knows(parent)) return ESTALE;
    const result = this.inner.mknod(caller, parent, name, mode, umask, rdev, entry);
    return this.made(result, parent, name, entry);
  }

  mkdir(
    caller: Caller,
    parent: number,
    name: Uint8Array,
    mode: number,
    umask: number,
    entry: Entry,
  ): number {
    if (!this.knows(parent)) return ESTALE;
    const result = this.inner.mkdir(caller, parent, name, mode, umask, entry);
    return this.made(result, parent, name, entry);
  }

  unlink(caller: Caller, parent: number, name: Uint8Array): number {
    if (!this.knows(parent)) return ESTALE;
    const names = [{ parent, name }];
    return this.removing(caller, names, () => this.inner.unlink(caller, parent, name));
  }

  rmdir(caller: Caller, parent: number, name: Uint8Array): number {
    if (!this.knows(parent)) return ESTALE;
    const names = [{ parent, name }];
    return this.removing(caller, names, () => this.inner.rmdir(caller, parent, name));
  }

  symlink(
    caller: Caller,
    parent: number,
    name: Uint8Array,
    target: Uint8Array,
    entry: Entry,
  ): number {
    if (!this.knows(parent)) return ESTALE;
    const result = this.inner.symlink(caller, parent, name, target, entry);
    return this.made(result, parent, name, entry);
  }

  rename(
    caller: Caller,
    parent: number,
    name: Uint8Array,
    newParent: number,
    newName: Uint8Array,
    flags: number,
  ): number {
    if (!this.knows(parent) || !this.knows(newParent)) return ESTALE;
    return this.removing(
      caller,
      [{ parent, name }, { parent: newParent, name: newName }],
      () => this.inner.rename(caller, parent, name, newParent, newName, flags),
    );
  }

  link(caller: Caller, node: number, newParent: number, newName: Uint8Array, entry: Entry): number {
    if (!this.knows(node) || !this.knows(newParent)) return ESTALE;
    const result = this.inner.link(caller, node, newParent, newName, entry);
    return this.made(result, newParent, newName, entry);
  }

  open(caller: Caller, node: number, flags: number, opened: Opened): number {
    if (!this.knows(node)) return ESTALE;
    return this.opened(this.inner.open(caller, node, flags, opened), opened, () => node);
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
    if (!this.knows(parent)) return ESTALE;
    const result = this.inner.create(caller, parent, name, mode, umask, flags, entry, opened);
    return this.made(this.opened(result, opened, () => entry.node), parent, name, entry);
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
    if (!this.knows(parent)) return ESTALE;
    const result = this.inner.tmpfile(caller, parent, mode, umask, flags, entry, opened);
    return this.given(this.opened(result, opened, () => entry.node), entry);
  }

  read(
    caller: Caller,
    node: number,
    handle: number,
    offset: number,
    targets: readonly Uint8Array[],
  ): number {
    if (!this.knows(node)) return ESTALE;
    return this.deferrable(
      caller,
      () => this.inner.read(caller, node, handle, offset, targets),
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
    if (!this.knows(node)) return ESTALE;
    const result = this.inner.write(caller, node, handle, offset, sources, flags);
    return this.changed(result, node, true);
  }

  flush(caller: Caller, node: number, handle: number): number {
    return this.knows(node) ? this.inner.flush(caller, node, handle) : ESTALE;
  }

  release(caller: Caller, node: number, handle: number): number {
    const handles = this.openFiles.get(node);
    const index = handles?.indexOf(handle) ?? -1;
    if (handles === undefined || index < 0) return EBADF;
    if (handles.length === 1) this.openFiles.delete(node);
    else handles.splice(index, 1);
    return this.inner.release(caller, node, handle);
  }

  fsync(caller: Caller, node: number, handle: number, dataOnly: boolean): number {
    if (!this.knows(node)) return ESTALE;
    return this.deferrable(caller, () => this.inner.fsync(caller, node, handle, dataOnly));
  }

  opendir(caller: Caller, node: number, flags: number, opened: Opened): number {
    if (!this.knows(node)) return ESTALE;
    return this.limitOpen(this.inner.opendir(caller, node, flags, opened), opened);
  }

  readdir(
    caller: Caller,
    node: number,
    handle: number,
    offset: number,
    plus: boolean,
    sink: DirectorySink,
  ): number {
    if (!this.knows(node)) return ESTALE;
    return this.inner.readdir(caller, node, handle, offset, plus, {
      entry: sink.entry,
      plain: (...entry) => sink.plain(...entry),
      plus: (...given) => {
        this.limit(sink.entry);
        const taken = sink.plus(...given);
        if (taken && sink.entry.node !== 0) this.count(sink.entry.node);
        return taken;
      },
    });
  }

  releasedir(caller: Caller, node: number, handle: number): number {
    return this.knows(node) ? this.inner.releasedir(caller, node, handle) : ESTALE;
  }

  fsyncdir(caller: Caller, node: number, handle: number, dataOnly: boolean): number {
    if (!this.knows(node)) return ESTALE;
    return this.deferrable(caller, () => this.inner.fsyncdir(caller, node, handle, dataOnly));
  }

  syncfs(caller: Caller): number {
    return this.deferrable(caller, () => this.inner.syncfs(caller));
  }

  statfs(caller: Caller, node: number, statfs: Statfs): number {
    return this.knows(node) ? this.inner.statfs(caller, node, statfs) : ESTALE;
  }

  getxattr(caller: Caller, node: number, name: Uint8Array, value: Uint8Array): number {
    return this.knows(node) ? this.inner.getxattr(caller, node, name, value) : ESTALE;
  }

  listxattr(caller: Caller, node: number, list: Uint8Array): number {
    return this.knows(node) ? this.inner.listxattr(caller, node, list) : ESTALE;
  }

  setxattr(
    caller: Caller,
    node: number,
    name: Uint8Array,
    value: Uint8Array,
    flags: number,
    killSgid: boolean,
  ): number {
    if (!this.knows(node)) return ESTALE;
    const result = this.inner.setxattr(caller, node, name, value, flags, killSgid);
    return this.changed(result, node, false);
  }

  removexattr(caller: Caller, node: number, name: Uint8Array): number {
    if (!this.knows(node)) return ESTALE;
    return this.changed(this.inner.removexattr(caller, node, name), node, false);
  }

  access(caller: Caller, node: number, mask: number): number {
    return this.knows(node) ? this.inner.access(caller, node, mask) : ESTALE;
  }

  fallocate(
    caller: Caller,
    node: number,
    handle: number,
    offset: number,
    length: number,
    mode: number,
  ): number {
    if (!this.knows(node)) return ESTALE;
    const result = this.inner.fallocate(caller, node, handle, offset, length, mode);
    return this.changed(result, node, true);
  }

  lseek(caller: Caller, node: number, handle: number, offset: number, whence: number): number {
    if (!this.knows(node)) return ESTALE;
    return this.inner.lseek(caller, node, handle, offset, whence);
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
    if (!this.knows(node) || !this.knows(newNode)) return ESTALE;
    const result = this.inner.copyFileRange(
      caller,
      node,
      handle,
      offset,
      newNode,
      newHandle,
      newOffset,
      length,
    );
    return this.changed(result, newNode, true);
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
    if (!this.knows(node)) return ESTALE;
    return this.inner.ioctl(caller, node, handle, command, argument, input, output);
  }
}
