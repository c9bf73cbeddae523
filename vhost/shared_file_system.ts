/**
 * One file system for several front-ends at once: each has a view of its own, with its own lookups and
 * its own outstanding answers. A view gives a guest only nodes that were given to it.
 *
 * @module
 */

import type { Caller, Connection, FileSystem, Server } from "../ffi/fuse/port.ts";
import { emptyEntry } from "../ffi/fuse/records.ts";
import type { SharedHoldings } from "./shared_holdings.ts";
import { SharedView } from "./shared_view.ts";

/** Whom a deferred answer is for. */
interface Waiting {
  readonly view: SharedHoldings;
  readonly unique: number;
}

/** What guests may keep of the file system. */
export interface SharingPolicy {
  /** How long names and attributes may be kept, in milliseconds; undefined: as the file system says. */
  readonly validMs: number | undefined;
  /** Whether guests may keep data of files from one open to the next. */
  readonly keepCache: boolean;
}

/** See the module. */
export class SharedFileSystem implements Server {
  readonly #waiting = new Map<number, Waiting>();
  readonly #keepers: SharedView[] = [];
  readonly #entry = emptyEntry();
  #unique = 0;
  #begun = false;

  constructor(readonly inner: FileSystem, readonly policy: SharingPolicy) {}

  /** A view for a new front-end. */
  view(): FileSystem {
    return new SharedView(this, this.policy, this.#keepers.length === 0);
  }

  /**
   * The view of a kernel that keeps names, attributes and data, and can be told of what others change.
   * It gives the file system its idle turns.
   */
  keepingView(): FileSystem {
    const view = new SharedView(this, { validMs: undefined, keepCache: true }, true);
    this.#keepers.push(view);
    return view;
  }

  /** Whether somebody other than `from` keeps something of the node. */
  isKept(from: SharedHoldings, node: number): boolean {
    return this.#keepers.some((keeper) => keeper !== from && keeper.knows(node));
  }

  /** A name was made, taken away or replaced by `from`. @param target the nodes that it led or leads to */
  nameChanged(
    from: SharedHoldings,
    parent: number,
    name: Uint8Array,
    ...targets: readonly number[]
  ): void {
    for (const keeper of this.#keepers) {
      if (keeper === from || !keeper.knows(parent)) continue;
      keeper.server?.invalidateEntry(parent, name);
      keeper.server?.invalidateInode(parent, 0, 0);
    }
    for (const target of targets) this.nodeChanged(from, target, false);
  }

  /** Attributes of a node were changed by `from`, or also its data. */
  nodeChanged(from: SharedHoldings, node: number, data: boolean): void {
    for (const keeper of this.#keepers) {
      if (keeper === from || !keeper.knows(node)) continue;
      if (data) keeper.server?.invalidateInode(node, 0, 0);
      else keeper.server?.invalidateAttributes(node);
    }
  }

  /** The node that a name leads to; 0: none. */
  nodeAt(caller: Caller, parent: number, name: Uint8Array): number {
    const entry = this.#entry;
    if (this.inner.lookup(caller, parent, name, entry) < 0 || entry.node === 0) return 0;
    this.inner.forget(entry.node, 1);
    return entry.node;
  }

  /** The first guest's session begins the file system's. */
  begin(connection: Connection): void {
    if (this.#begun) return;
    this.#begun = true;
    this.inner.init(connection, this);
  }

  /** Ends the file system: writes everything out. */
  close(): void {
    this.#waiting.clear();
    this.inner.destroy();
  }

  /** A number for a request that may be deferred. */
  number(): number {
    return ++this.#unique;
  }

  /** Remembers whom the deferred answer of that number is for. */
  defer(number: number, view: SharedHoldings, unique: number): void {
    this.#waiting.set(number, { view, unique });
  }

  /** The request of that number was answered at once. */
  answered(number: number): void {
    this.#waiting.delete(number);
  }

  /** A view has ended: nobody waits there any more. */
  dropView(view: SharedHoldings): void {
    for (const [number, waiting] of this.#waiting) {
      if (waiting.view === view) this.#waiting.delete(number);
    }
  }

  #take(number: number): Waiting | undefined {
    const waiting = this.#waiting.get(number);
    this.#waiting.delete(number);
    return waiting;
  }

  complete(unique: number, result: number): void {
    const waiting = this.#take(unique);
    waiting?.view.server?.complete(waiting.unique, result);
  }

  completeData(unique: number, data: readonly Uint8Array[]): void {
    const waiting = this.#take(unique);
    waiting?.view.server?.completeData(waiting.unique, data);
  }

  /** Guests cannot be told, and keep nothing that they would have to be told of. */
  invalidateInode(node: number, offset: number, length: number): void {
    for (const { server } of this.#keepers) server?.invalidateInode(node, offset, length);
  }
  invalidateEntry(parent: number, name: Uint8Array): void {
    for (const { server } of this.#keepers) server?.invalidateEntry(parent, name);
  }
  invalidateAttributes(node: number): void {
    for (const { server } of this.#keepers) server?.invalidateAttributes(node);
  }
}
