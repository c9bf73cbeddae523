/**
 * What a front-end holds of a shared file system: lookups, open files, outstanding answers; and telling
 * others of what it changes.
 *
 * @module
 */

import type { Caller, Connection, Entry, FileSystem, Opened, Server } from "../ffi/fuse/port.ts";
import { DEFERRED, ROOT_NODE } from "../ffi/fuse/port.ts";
import type { SharedFileSystem, SharingPolicy } from "./shared_file_system.ts";

const FOPEN_KEEP_CACHE = 1 << 1;

/** See the module. */
export class SharedHoldings {
  server: Server | undefined;
  protected readonly shared: SharedFileSystem;
  protected readonly inner: FileSystem;
  protected readonly lookups = new Map<number, number>();
  /** Handles of open files, by node: let go when their guest does not. */
  protected readonly openFiles = new Map<number, number[]>();

  /** @param givesTurns whether this view's idle turns are the file system's. */
  constructor(
    shared: SharedFileSystem,
    readonly policy: SharingPolicy,
    readonly givesTurns: boolean,
  ) {
    this.shared = shared;
    this.inner = shared.inner;
  }

  init(connection: Connection, server: Server): void {
    this.server = server;
    this.shared.begin(connection);
  }

  destroy(): void {
    this.shared.dropView(this);
    const caller = { unique: this.shared.number(), uid: 0, gid: 0, pid: 0 };
    for (const [node, handles] of this.openFiles) {
      for (const handle of handles) this.inner.release(caller, node, handle);
    }
    this.openFiles.clear();
    for (const [node, lookups] of this.lookups) this.inner.forget(node, lookups);
    this.lookups.clear();
    // What this guest wrote is to be found in the image, even if others go on.
    try {
      this.inner.syncfs(caller);
    } catch (error) {
      this.inner.errnoOf(error, "syncfs");
    }
  }

  errnoOf(error: unknown, operation: string): number {
    return this.inner.errnoOf(error, operation);
  }

  idle(): number {
    return this.givesTurns ? this.inner.idle() : Number.POSITIVE_INFINITY;
  }

  knows(node: number): boolean {
    return node === ROOT_NODE || this.lookups.has(node);
  }

  /** Counts the lookup of an entry that was given, and limits what may be kept of it. */
  protected given(result: number, entry: Entry): number {
    if (result < 0) return result;
    this.limit(entry);
    if (entry.node !== 0) this.count(entry.node);
    return result;
  }

  protected limit(entry: Entry): void {
    const { validMs } = this.policy;
    if (validMs === undefined) return;
    entry.entryValidMs = Math.min(entry.entryValidMs, validMs);
    entry.attributesValidMs = Math.min(entry.attributesValidMs, validMs);
  }

  protected count(node: number): void {
    this.lookups.set(node, (this.lookups.get(node) ?? 0) + 1);
  }

  /** Runs something that may be deferred, under a number that no other view has. */
  protected deferrable(caller: Caller, run: () => number): number {
    const { unique } = caller;
    const number = this.shared.number();
    caller.unique = number;
    this.shared.defer(number, this, unique);
    let result = 0;
    try {
      result = run();
    } finally {
      caller.unique = unique;
      if (result !== DEFERRED) this.shared.answered(number);
    }
    return result;
  }

  protected limitOpen(result: number, opened: Opened): number {
    if (result >= 0 && !this.policy.keepCache) opened.flags &= ~FOPEN_KEEP_CACHE;
    return result;
  }

  /** As `limitOpen`, for a file: its handle is this view's. @param node called once there is one */
  protected opened(result: number, opened: Opened, node: () => number): number {
    if (result < 0) return result;
    const handles = this.openFiles.get(node());
    if (handles === undefined) this.openFiles.set(node(), [opened.handle]);
    else handles.push(opened.handle);
    return this.limitOpen(result, opened);
  }

  /** Tells those who keep something of the node. @returns `result` */
  protected changed(result: number, node: number, data: boolean): number {
    if (result >= 0) this.shared.nodeChanged(this, node, data);
    return result;
  }

  /** As `given`, for a name that was made. */
  protected made(result: number, parent: number, name: Uint8Array, entry: Entry): number {
    if (result >= 0) this.shared.nameChanged(this, parent, name, entry.node);
    return this.given(result, entry);
  }

  /** Runs what takes names away, and tells those who keep something of them or of what they led to. */
  protected removing(
    caller: Caller,
    names: readonly { readonly parent: number; readonly name: Uint8Array }[],
    run: () => number,
  ): number {
    const kept = names.filter(({ parent }) => this.shared.isKept(this, parent));
    const told = kept.map(({ parent, name }) => {
      return { parent, name: name.slice(), node: this.shared.nodeAt(caller, parent, name) };
    });
    const result = run();
    if (result < 0) return result;
    for (const { parent, name, node } of told) {
      this.shared.nameChanged(this, parent, name, node);
    }
    return result;
  }
}
