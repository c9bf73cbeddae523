/** A plain archive in a file: its contents stay there. @module */

import { close, pread } from "../ffi/libc/file.ts";
import type { ContentStore } from "./tar_tree.ts";

const CHUNK_BYTES = 256 * 1024;
/** Files of a directory are wanted in the order of their names, and lie near each other in any order. */
const CHUNKS = 32;
/** More than this is read where it is wanted. */
const SMALL_BYTES = 64 * 1024;

interface Chunk {
  /** Its number in the file, -1 for none. */
  number: number;
  bytes: Uint8Array;
  length: number;
}

/** Small reads are served from a few large ones. */
export class FileStore implements ContentStore {
  readonly #chunks: Chunk[] = Array.from({ length: CHUNKS }, () => ({
    number: -1,
    bytes: new Uint8Array(0),
    length: 0,
  }));

  /** @param size of the file in bytes. */
  constructor(readonly descriptor: number, readonly size: number) {}

  read(target: Uint8Array, offset: number): number {
    if (target.length > SMALL_BYTES) return pread(this.descriptor, target, offset);
    let done = 0;
    while (done < target.length) {
      const chunk = this.#chunk(Math.floor((offset + done) / CHUNK_BYTES));
      const from = (offset + done) % CHUNK_BYTES;
      const part = chunk.bytes.subarray(from, Math.min(from + target.length - done, chunk.length));
      if (part.length === 0) break;
      target.set(part, done);
      done += part.length;
    }
    return done;
  }

  #chunk(number: number): Chunk {
    const chunk = this.#chunks[number % CHUNKS] as Chunk;
    if (chunk.number === number) return chunk;
    if (chunk.bytes.length === 0) chunk.bytes = new Uint8Array(CHUNK_BYTES);
    chunk.number = -1;
    chunk.length = pread(this.descriptor, chunk.bytes, number * CHUNK_BYTES);
    chunk.number = number;
    return chunk;
  }

  close(): void {
    close(this.descriptor);
  }
}
