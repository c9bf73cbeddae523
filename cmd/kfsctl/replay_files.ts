/** Files that a replay has open, by node, as the recorded programs had them. @module */

import { close } from "../../ffi/libc/file.ts";

/** A program that forgets to close files must not use up all descriptors here. */
const MAX_OPEN = 512;

interface OpenFile {
  readonly descriptor: number;
  users: number;
}

/** One descriptor a node, opened for writing where that was possible. */
export class OpenFiles {
  readonly #files = new Map<number, OpenFile>();

  /** The descriptor; undefined when the node is not open. */
  get(node: number): number | undefined {
    return this.#files.get(node)?.descriptor;
  }

  /** Another user of a node that is open. @returns false when it is not */
  share(node: number): boolean {
    const file = this.#files.get(node);
    if (file !== undefined) file.users++;
    return file !== undefined;
  }

  /** A node was opened. */
  add(node: number, descriptor: number): void {
    const before = this.#files.get(node);
    if (before !== undefined) close(before.descriptor);
    else if (this.#files.size >= MAX_OPEN) this.#closeOldest();
    this.#files.set(node, { descriptor, users: (before?.users ?? 0) + 1 });
  }

  /** A user is done with it. */
  release(node: number): void {
    const file = this.#files.get(node);
    if (file === undefined || --file.users > 0) return;
    close(file.descriptor);
    this.#files.delete(node);
  }

  closeAll(): void {
    for (const { descriptor } of this.#files.values()) close(descriptor);
    this.#files.clear();
  }

  #closeOldest(): void {
    for (const [node, { descriptor }] of this.#files) {
      close(descriptor);
      this.#files.delete(node);
      return;
    }
  }
}
