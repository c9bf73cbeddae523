/**
 * Where contents wait that came by a stream: in memory at first, then in a temporary file without a
 * name, so that nothing is left behind whatever happens.
 *
 * @module
 */

import { O_CREAT, O_EXCL, O_RDWR } from "../ffi/libc/constants.ts";
import { close, open, pread, pwrite } from "../ffi/libc/file.ts";
import type { ContentStore } from "./tar_tree.ts";

const MEMORY_BYTES = 16 << 20;
const BUFFER_BYTES = 4 << 20;

/** Bytes are put in at the end, and read anywhere. */
export class Spool implements ContentStore {
  #length = 0;
  /** What is not in the file yet; it begins at `#inFile`. */
  #buffer = new Uint8Array(1 << 20);
  #inFile = 0;
  #descriptor = -1;

  /** @param folder where the temporary file is made. */
  constructor(readonly folder: string) {}

  /** Where the next bytes will lie. */
  get length(): number {
    return this.#length;
  }

  append(bytes: Uint8Array): void {
    const used = this.#length - this.#inFile;
    const limit = this.#descriptor < 0 ? MEMORY_BYTES : BUFFER_BYTES;
    const isLarge = bytes.length > BUFFER_BYTES;
    if (isLarge || used + bytes.length > limit) this.#spill();
    const at = this.#length - this.#inFile;
    if (isLarge) this.#writeOut(bytes);
    else {
      if (at + bytes.length > this.#buffer.length) this.#grow(at, at + bytes.length);
      this.#buffer.set(bytes, at);
    }
    this.#length += bytes.length;
  }

  #grow(used: number, needed: number): void {
    const larger = new Uint8Array(Math.max(2 * this.#buffer.length, needed));
    larger.set(this.#buffer.subarray(0, used));
    this.#buffer = larger;
  }

  #spill(): void {
    if (this.#descriptor < 0) this.#descriptor = nameless(this.folder);
    this.#writeOut(this.#buffer.subarray(0, this.#length - this.#inFile));
  }

  #writeOut(bytes: Uint8Array): void {
    if (this.#descriptor < 0) this.#descriptor = nameless(this.folder);
    for (let done = 0; done < bytes.length;) {
      done += pwrite(this.#descriptor, bytes.subarray(done), this.#inFile + done);
    }
    this.#inFile += bytes.length;
  }

  read(target: Uint8Array, offset: number): number {
    const length = Math.min(target.length, this.#length - offset);
    if (length <= 0) return 0;
    if (offset < this.#inFile) {
      const part = target.subarray(0, Math.min(length, this.#inFile - offset));
      return pread(this.#descriptor, part, offset);
    }
    const at = offset - this.#inFile;
    target.set(this.#buffer.subarray(at, at + length));
    return length;
  }

  close(): void {
    if (this.#descriptor >= 0) close(this.#descriptor);
    this.#descriptor = -1;
    this.#buffer = new Uint8Array(0);
  }
}

function nameless(folder: string): number {
  const path = `${folder}/.kfs-contents-${crypto.randomUUID()}`;
  const descriptor = open(path, O_RDWR | O_CREAT | O_EXCL, 0o600);
  try {
    Deno.removeSync(path);
  } catch (error) {
    close(descriptor);
    throw error;
  }
  return descriptor;
}
