/**
 * A mount with its snapshots: `.snapshots/NAME` in the root directory, found by name and left out of listings. All that
 * is not about snapshots goes on to the file system at once.
 *
 * @module
 */

import type {
  Caller,
  Connection,
  DirectorySink,
  Entry,
  FileSystem,
  Server,
} from "../../ffi/fuse/port.ts";
import { ROOT_NODE } from "../../ffi/fuse/port.ts";
import { ENODATA, ENOTDIR, EROFS, ESTALE, EXDEV } from "../errno.ts";
import { O_ACCMODE } from "../ops/open_flags.ts";
import type { Ext4FileSystem } from "./ext4_file_system.ts";
import {
  baseOf,
  innerNode,
  sameName,
  SNAPSHOTS_NAME,
  SNAPSHOTS_NODE,
  SnapshotViews,
  VIEW_BASE,
} from "./snapshot_views.ts";

type Given<Name extends keyof FileSystem> = FileSystem[Name] extends
  (...given: infer Arguments) => number ? Arguments : never;

/** What can be changed in a snapshot. */
const READ_ONLY = -EROFS;

/** The port, with snapshots. */
export class SnapshotFileSystem implements FileSystem {
  readonly #views: SnapshotViews;

  constructor(readonly live: Ext4FileSystem) {
    this.#views = new SnapshotViews(live.engine, live.options);
  }

  init(connection: Connection, server: Server): void {
    this.live.init(connection, server);
  }
  destroy(): void {
    this.live.destroy();
  }
  errnoOf(error: unknown, operation: string): number {
    return this.live.errnoOf(error, operation);
  }
  idle(): number {
    return this.live.idle();
  }

  /** Does something in a snapshot; damage is the snapshot's own. */
  #within(node: number, work: (view: Ext4FileSystem, inner: number) => number): number {
    let view: Ext4FileSystem | undefined;
    try {
      if (node === SNAPSHOTS_NODE) return -ENOTDIR;
      view = this.#views.of(node);
      return view === undefined ? -ESTALE : work(view, innerNode(node));
    } catch (error) {
      return (view ?? this.live).errnoOf(error, "snapshot");
    }
  }

  lookup(caller: Caller, parent: number, name: Uint8Array, entry: Entry): number {
    if (parent < VIEW_BASE) {
      const result = this.live.lookup(caller, parent, name, entry);
      const mayBeOurs = parent === ROOT_NODE && result === 0 && entry.node === 0;
      return mayBeOurs && sameName(name, SNAPSHOTS_NAME) ? this.#directory(entry) : result;
    }
    if (parent === SNAPSHOTS_NODE) {
      try {
        return this.#views.lookup(caller, name, entry);
      } catch (error) {
        return this.live.errnoOf(error, "snapshot");
      }
    }
    return this.#within(parent, (view, inner) => {
      const result = view.lookup(caller, inner, name, entry);
      if (result < 0 || entry.node === 0) return result;
      entry.node += baseOf(parent);
      entry.attributes.ino = entry.node;
      return result;
    });
  }

  /** The directory of snapshots, when there are any; the kernel asks again each time. */
  #directory(entry: Entry): number {
    entry.entryValidMs = 0;
    return this.#views.entries.length === 0 ? 0 : this.#views.give(entry);
  }

  forget(node: number, lookups: number): void {
    // In a snapshot nothing waits for being forgotten.
    if (node < VIEW_BASE) this.live.forget(node, lookups);
  }

  getattr(...[caller, node, attributes]: Given<"getattr">): number {
    if (node < VIEW_BASE) return this.live.getattr(caller, node, attributes);
    if (node === SNAPSHOTS_NODE) {
      this.#views.attributes(attributes);
      return 0;
    }
    return this.#within(node, (view, inner) => {
      const result = view.getattr(caller, inner, attributes);
      attributes.ino = node;
      return result;
    });
  }

  readlink(...[caller, node, target]: Given<"readlink">): number {
    if (node < VIEW_BASE) return this.live.readlink(caller, node, target);
    return this.#within(node, (view, inner) => view.readlink(caller, inner, target));
  }

  open(...[caller, node, flags, opened]: Given<"open">): number {
    if (node < VIEW_BASE) return this.live.open(caller, node, flags, opened);
    if ((flags & O_ACCMODE) !== 0) return READ_ONLY;
    return this.#within(node, (view, inner) => view.open(caller, inner, flags, opened));
  }

  read(...[caller, node, handle, offset, targets]: Given<"read">): number {
    if (node < VIEW_BASE) return this.live.read(caller, node, handle, offset, targets);
    return this.#within(node, (view, inner) => view.read(caller, inner, handle, offset, targets));
  }

  write(...[caller, node, handle, offset, sources, flags]: Given<"write">): number {
    if (node >= VIEW_BASE) return READ_ONLY;
    return this.live.write(caller, node, handle, offset, sources, flags);
  }

  readdir(...[caller, node, handle, offset, plus, sink]: Given<"readdir">): number {
    if (node < VIEW_BASE) return this.live.readdir(caller, node, handle, offset, plus, sink);
    if (node === SNAPSHOTS_NODE) return this.#views.list(offset, plus, sink);
    const shifted = new ShiftedSink(sink, baseOf(node));
    return this.#within(
      node,
      (view, inner) => view.readdir(caller, inner, handle, offset, plus, shifted),
    );
  }

  release(...[caller, node, handle]: Given<"release">): number {
    return node < VIEW_BASE ? this.live.release(caller, node, handle) : 0;
  }

  statfs(...[caller, node, statfs]: Given<"statfs">): number {
    return this.live.statfs(caller, node < VIEW_BASE ? node : ROOT_NODE, statfs);
  }

  getxattr(...[caller, node, name, value]: Given<"getxattr">): number {
    if (node < VIEW_BASE) return this.live.getxattr(caller, node, name, value);
    if (node === SNAPSHOTS_NODE) return -ENODATA;
    return this.#within(node, (view, inner) => view.getxattr(caller, inner, name, value));
  }

  listxattr(...[caller, node, list]: Given<"listxattr">): number {
    if (node < VIEW_BASE) return this.live.listxattr(caller, node, list);
    if (node === SNAPSHOTS_NODE) return 0;
    return this.#within(node, (view, inner) => view.listxattr(caller, inner, list));
  }

  access(...[caller, node, mask]: Given<"access">): number {
    if (node < VIEW_BASE) return this.live.access(caller, node, mask);
    if ((mask & WRITE) !== 0) return READ_ONLY;
    if (node === SNAPSHOTS_NODE) return 0;
    return this.#within(node, (view, inner) => view.access(caller, inner, mask));
  }

  lseek(...[caller, node, handle, offset, whence]: Given<"lseek">): number {
    if (node < VIEW_BASE) return this.live.lseek(caller, node, handle, offset, whence);
    return this.#within(node, (view, inner) => view.lseek(caller, inner, handle, offset, whence));
  }

  ioctl(...given: Given<"ioctl">): number {
    const [caller, node, handle, command, argument, input, output] = given;
    if (node < VIEW_BASE) return this.live.ioctl(...given);
    return this.#within(
      node,
      (view, inner) => view.ioctl(caller, inner, handle, command, argument, input, output),
    );
  }

  copyFileRange(...given: Given<"copyFileRange">): number {
    const [, node, , , newNode] = given;
    if (newNode >= VIEW_BASE) return READ_ONLY;
    // The kernel copies by reading and writing then.
    return node < VIEW_BASE ? this.live.copyFileRange(...given) : -EXDEV;
  }

  rename(...given: Given<"rename">): number {
    const [, parent, , newParent] = given;
    if (parent >= VIEW_BASE || newParent >= VIEW_BASE) return READ_ONLY;
    return this.live.rename(...given);
  }

  link(...given: Given<"link">): number {
    const [, node, newParent] = given;
    if (newParent >= VIEW_BASE) return READ_ONLY;
    return node < VIEW_BASE ? this.live.link(...given) : -EXDEV;
  }

  fsync(...given: Given<"fsync">): number {
    return given[1] < VIEW_BASE ? this.live.fsync(given[0]) : 0;
  }
  fsyncdir(...given: Given<"fsyncdir">): number {
    return given[1] < VIEW_BASE ? this.live.fsyncdir(given[0]) : 0;
  }
  syncfs(caller: Caller): number {
    return this.live.syncfs(caller);
  }
  flush(): number {
    return this.live.flush();
  }
  opendir(): number {
    return this.live.opendir();
  }
  releasedir(): number {
    return this.live.releasedir();
  }

  // What changes something.

  setattr(...given: Given<"setattr">): number {
    return given[1] < VIEW_BASE ? this.live.setattr(...given) : READ_ONLY;
  }
  mknod(...given: Given<"mknod">): number {
    return given[1] < VIEW_BASE ? this.live.mknod(...given) : READ_ONLY;
  }
  mkdir(...given: Given<"mkdir">): number {
    return given[1] < VIEW_BASE ? this.live.mkdir(...given) : READ_ONLY;
  }
  unlink(...given: Given<"unlink">): number {
    return given[1] < VIEW_BASE ? this.live.unlink(...given) : READ_ONLY;
  }
  rmdir(...given: Given<"rmdir">): number {
    return given[1] < VIEW_BASE ? this.live.rmdir(...given) : READ_ONLY;
  }
  symlink(...given: Given<"symlink">): number {
    return given[1] < VIEW_BASE ? this.live.symlink(...given) : READ_ONLY;
  }
  create(...given: Given<"create">): number {
    return given[1] < VIEW_BASE ? this.live.create(...given) : READ_ONLY;
  }
  tmpfile(...given: Given<"tmpfile">): number {
    return given[1] < VIEW_BASE ? this.live.tmpfile(...given) : READ_ONLY;
  }
  setxattr(...given: Given<"setxattr">): number {
    return given[1] < VIEW_BASE ? this.live.setxattr(...given) : READ_ONLY;
  }
  removexattr(...given: Given<"removexattr">): number {
    return given[1] < VIEW_BASE ? this.live.removexattr(...given) : READ_ONLY;
  }
  fallocate(...given: Given<"fallocate">): number {
    return given[1] < VIEW_BASE ? this.live.fallocate(...given) : READ_ONLY;
  }
}

/** W_OK in the mask of access(2). */
const WRITE = 2;

/** Gives a snapshot's entries on with the numbers that they have in the mount. */
class ShiftedSink implements DirectorySink {
  constructor(readonly sink: DirectorySink, readonly base: number) {}

  get entry(): Entry {
    return this.sink.entry;
  }

  plain(...[bytes, start, end, ino, next, type]: Parameters<DirectorySink["plain"]>): boolean {
    return this.sink.plain(bytes, start, end, this.base + ino, next, type);
  }

  plus(...[bytes, start, end, ino, next, type]: Parameters<DirectorySink["plus"]>): boolean {
    const { entry } = this.sink;
    if (entry.node !== 0) {
      entry.node += this.base;
      entry.attributes.ino = entry.node;
    }
    return this.sink.plus(bytes, start, end, this.base + ino, next, type);
  }
}
