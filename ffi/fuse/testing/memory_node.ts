/**
 * The nodes of the file system in memory that the tests mount.
 *
 * @module
 */

import { S_IFDIR, S_IFMT } from "../../libc/constants.ts";
import type { Attributes } from "../port.ts";

/** The largest file in bytes. */
export const LARGEST_FILE_BYTES = 256 * 1024 * 1024;
const BLOCK_BYTES = 4096;

/** Names and keys are bytes; as map keys they are strings of one character a byte. */
export function keyOf(name: Uint8Array): string {
  return String.fromCharCode(...name);
}

/** The bytes of a key. */
export function bytesOf(key: string): Uint8Array {
  return Uint8Array.from(key, (character) => character.charCodeAt(0));
}

/** A time as the port has it. */
export interface Instant {
  seconds: number;
  nanoseconds: number;
}

export function now(): Instant {
  const ms = Date.now();
  return { seconds: Math.floor(ms / 1000), nanoseconds: (ms % 1000) * 1_000_000 };
}

/** A file, directory, link or device. */
export class MemoryNode {
  nlink: number;
  size = 0;
  rdev = 0;
  atime = now();
  mtime = now();
  ctime = now();
  readonly btime = now();
  /** Lookups that the kernel holds. */
  lookups = 0;
  /** Open handles. */
  opens = 0;
  flags = 0;
  data = new Uint8Array(0);
  parent = 0;
  readonly children = new Map<string, MemoryNode>();
  readonly xattrs = new Map<string, Uint8Array>();

  constructor(
    readonly id: number,
    public mode: number,
    public uid: number,
    public gid: number,
  ) {
    this.nlink = this.isDirectory ? 2 : 1;
  }

  get isDirectory(): boolean {
    return (this.mode & S_IFMT) === S_IFDIR;
  }

  /** The DT_* value. */
  get type(): number {
    return (this.mode & S_IFMT) >> 12;
  }

  changed(dataToo: boolean): void {
    this.ctime = now();
    if (dataToo) this.mtime = this.ctime;
  }

  /** Makes room for `size` bytes. */
  reserve(size: number): void {
    if (size <= this.data.length) return;
    const grown = new Uint8Array(Math.max(size, this.data.length * 2, BLOCK_BYTES));
    grown.set(this.data.subarray(0, this.size));
    this.data = grown;
  }

  resize(size: number): void {
    this.reserve(size);
    if (size < this.size) this.data.fill(0, size, this.size);
    this.size = size;
    this.changed(true);
  }

  /** The next offset at or after `offset` in a block with (or without) data; the size when none is. */
  seek(offset: number, wantData: boolean): number {
    for (let at = offset; at < this.size;) {
      const end = Math.min((Math.floor(at / BLOCK_BYTES) + 1) * BLOCK_BYTES, this.size);
      const hasData = this.data.subarray(end - (end % BLOCK_BYTES || BLOCK_BYTES), end)
        .some((byte) => byte !== 0);
      if (hasData === wantData) return at;
      at = end;
    }
    return this.size;
  }

  fill(attributes: Attributes): void {
    attributes.ino = this.id;
    attributes.size = this.size;
    attributes.blocks = Math.ceil(this.size / 512);
    attributes.atime = this.atime.seconds;
    attributes.atimeNsec = this.atime.nanoseconds;
    attributes.mtime = this.mtime.seconds;
    attributes.mtimeNsec = this.mtime.nanoseconds;
    attributes.ctime = this.ctime.seconds;
    attributes.ctimeNsec = this.ctime.nanoseconds;
    attributes.btime = this.btime.seconds;
    attributes.btimeNsec = this.btime.nanoseconds;
    attributes.mode = this.mode;
    attributes.nlink = this.nlink;
    attributes.uid = this.uid;
    attributes.gid = this.gid;
    attributes.rdev = this.rdev;
    attributes.blksize = BLOCK_BYTES;
    attributes.statxAttributes = 0;
  }
}
