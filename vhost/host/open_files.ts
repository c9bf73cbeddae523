/**
 * Files and directories that guests have open.
 *
 * @module
 */

import { close } from "../../ffi/libc/file.ts";
import type { DirectoryReader } from "./directory_reader.ts";

/** An open file or directory. */
export interface OpenFile {
  readonly descriptor: number;
  /** The node that it was opened of. */
  readonly node: number;
  /** Of a directory. */
  readonly reader: DirectoryReader | undefined;
}

/** Open files by the handles that guests know. */
export class OpenFiles {
  readonly #files = new Map<number, OpenFile>();
  #next = 1;

  /** The next file gets this handle at least. */
  numberFrom(handle: number): void {
    this.#next = Math.max(this.#next, handle);
  }

  get count(): number {
    return this.#files.size;
  }

  add(descriptor: number, node: number, reader?: DirectoryReader): number {
    const handle = this.#next++;
    this.#files.set(handle, { descriptor, node, reader });
    return handle;
  }

  /** The open file of that handle, if it is the node's. */
  get(handle: number, node: number): OpenFile | undefined {
    const file = this.#files.get(handle);
    return file !== undefined && file.node === node ? file : undefined;
  }

  /** Closes one. @returns false when there is none */
  release(handle: number): boolean {
    const file = this.#files.get(handle);
    if (file === undefined) return false;
    this.#files.delete(handle);
    close(file.descriptor);
    return true;
  }

  /** Closes all. */
  close(): void {
    for (const handle of [...this.#files.keys()]) this.release(handle);
  }
}
