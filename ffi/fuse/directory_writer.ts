/**
 * Directory entries written straight into the reply.
 *
 * @module
 */

import { NAME_MAX, SIZE } from "./abi.ts";
import type { DirectorySink, Entry } from "./port.ts";
import { emptyEntry } from "./records.ts";
import type { Reply } from "./reply.ts";

/** The server's `DirectorySink`: `struct fuse_dirent` or `fuse_direntplus` records, 8-byte aligned. */
export class DirectoryWriter implements DirectorySink {
  readonly entry: Entry = emptyEntry();
  readonly #reply: Reply;
  #plus = false;
  #limitBytes = 0;
  #usedBytes = 0;

  constructor(reply: Reply) {
    this.#reply = reply;
  }

  /** Bytes of the body that are filled. */
  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Begins a reply of at most `limitBytes`. */
  begin(plus: boolean, limitBytes: number): void {
    this.#plus = plus;
    this.#limitBytes = Math.min(limitBytes, this.#reply.capacity);
    this.#usedBytes = 0;
  }

  plain(
    bytes: Uint8Array,
    start: number,
    end: number,
    ino: number,
    nextOffset: number,
    type: number,
  ): boolean {
    const at = this.#reserve(end - start);
    if (at < 0) return false;
    if (!this.#plus) {
      this.#record(at, bytes, start, end, ino, nextOffset, type);
      return true;
    }
    this.#reply.clear(at, SIZE.ENTRY_OUT);
    this.#record(at + SIZE.ENTRY_OUT, bytes, start, end, ino, nextOffset, type);
    return true;
  }

  plus(
    bytes: Uint8Array,
    start: number,
    end: number,
    ino: number,
    nextOffset: number,
    type: number,
  ): boolean {
    if (!this.#plus || this.entry.node === 0) {
      return this.plain(bytes, start, end, ino, nextOffset, type);
    }
    const at = this.#reserve(end - start);
    if (at < 0) return false;
    this.#reply.entry(at, this.entry);
    this.#record(at + SIZE.ENTRY_OUT, bytes, start, end, ino, nextOffset, type);
    return true;
  }

  /** Takes the room of a record; where it begins, or -1 when the reply is full. */
  #reserve(nameBytes: number): number {
    if (nameBytes <= 0 || nameBytes > NAME_MAX) {
      throw new RangeError(`a directory entry's name has ${nameBytes} bytes`);
    }
    const fixed = this.#plus ? SIZE.DIRENTPLUS : SIZE.DIRENT;
    const bytes = (fixed + nameBytes + 7) & ~7;
    const at = this.#usedBytes;
    if (at + bytes > this.#limitBytes) return -1;
    this.#usedBytes = at + bytes;
    return at;
  }

  /** `struct fuse_dirent`, the name, and zeros up to the next multiple of 8. */
  #record(
    at: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    ino: number,
    nextOffset: number,
    type: number,
  ): void {
    const reply = this.#reply;
    reply.setU64(at, ino);
    reply.setU64(at + 8, nextOffset);
    reply.setU32(at + 16, end - start);
    reply.setU32(at + 20, type);
    reply.setName(at + SIZE.DIRENT, bytes, start, end);
  }
}
