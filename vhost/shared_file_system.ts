/**
 * One file system for several front-ends at once: each has a view of its own, with its own lookups and
 * its own outstanding answers. A view gives a guest only nodes that were given to it.
 *
 * @module
 */

import type { Connection, FileSystem, Server } from "../ffi/fuse/port.ts";
import { SharedView } from "./shared_view.ts";

/** Whom a deferred answer is for. */
interface Waiting {
  readonly view: SharedView;
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
  #unique = 0;
  #begun = false;

  constructor(readonly inner: FileSystem, readonly policy: SharingPolicy) {}

  /** A view for a new front-end. */
  view(): FileSystem {
    return new SharedView(this);
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
  defer(number: number, view: SharedView, unique: number): void {
    this.#waiting.set(number, { view, unique });
  }

  /** The request of that number was answered at once. */
  answered(number: number): void {
    this.#waiting.delete(number);
  }

  /** A view has ended: nobody waits there any more. */
  dropView(view: SharedView): void {
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

  /** Guests cannot be told; they keep nothing that they would have to be told of. */
  invalidateInode(): void {}
  invalidateEntry(): void {}
  invalidateAttributes(): void {}
}
