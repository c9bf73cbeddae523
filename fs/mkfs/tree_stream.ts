/**
 * A tree on its way from one thread to another: the calls of a `TreeSink` as bytes. One thread walks the
 * source and writes them, the other replays them on the file system.
 *
 * A command is its number (8 bits) and its fields, little-endian. Inodes are numbered in the order in
 * which they are made, the root being 0: the writer never waits for an answer.
 *
 * @module
 */

import { FsError } from "../errors.ts";
import { S_IFMT, S_IFREG } from "../layout/inode.ts";
import { failure, type NodeAttributes, type NodeTime, type TreeSink } from "./populate.ts";

/** Where the writer puts its bytes. */
export interface ByteOutput {
  /** Room for `length` bytes (up to `LARGEST_COMMAND`), to be filled before the next call. */
  reserve(length: number): Uint8Array;
}

/** Where the reader takes them from. */
export interface ByteInput {
  /** The next bytes, a whole number of commands; undefined at the end. They are valid until the next call. */
  next(): Uint8Array | undefined;
}

/** Longest command in bytes. */
export const LARGEST_COMMAND = 512 * 1024;
const LARGEST_DATA = 256 * 1024;

const Command = {
  DIRECTORY: 1,
  NODE: 2,
  SYMLINK: 3,
  LINK: 4,
  DATA: 5,
  SIZE: 6,
  XATTR: 7,
  ATTRIBUTES: 8,
} as const;

/** Writes commands. */
export class StreamSink implements TreeSink {
  readonly root = 0;
  #made = 0;
  #bytes = new Uint8Array(0);
  #view = new DataView(this.#bytes.buffer);
  #at = 0;

  constructor(readonly output: ByteOutput) {}

  #start(command: number, length: number): void {
    this.#bytes = this.output.reserve(1 + length);
    this.#view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset, this.#bytes.length);
    this.#bytes[0] = command;
    this.#at = 1;
  }
  #number(value: number): void {
    this.#view.setUint32(this.#at, value, true);
    this.#at += 4;
  }
  /** A number beyond 32 bits, negative ones included. */
  #large(value: number): void {
    this.#view.setFloat64(this.#at, value, true);
    this.#at += 8;
  }
  #field(bytes: Uint8Array): void {
    this.#number(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }
  #time(time: NodeTime): void {
    this.#large(time.seconds);
    this.#number(time.nanoseconds);
  }

  /** The reader merges directories that exist: the writer need not know. */
  find(): number {
    return 0;
  }

  makeDirectory(parent: number, name: Uint8Array): number {
    this.#start(Command.DIRECTORY, 8 + name.length);
    this.#number(parent);
    this.#field(name);
    return ++this.#made;
  }

  makeNode(parent: number, name: Uint8Array, mode: number, rdev: number): number {
    this.#start(Command.NODE, 16 + name.length);
    this.#number(parent);
    this.#number(mode);
    this.#number(rdev);
    this.#field(name);
    return ++this.#made;
  }

  makeSymlink(parent: number, name: Uint8Array, target: Uint8Array): number {
    this.#start(Command.SYMLINK, 12 + name.length + target.length);
    this.#number(parent);
    this.#field(name);
    this.#field(target);
    return ++this.#made;
  }

  link(ino: number, parent: number, name: Uint8Array): number {
    this.#start(Command.LINK, 12 + name.length);
    this.#number(ino);
    this.#number(parent);
    this.#field(name);
    return 0;
  }

  write(ino: number, offset: number, bytes: Uint8Array): number {
    for (let done = 0; done < bytes.length; done += LARGEST_DATA) {
      const part = bytes.subarray(done, done + LARGEST_DATA);
      this.#start(Command.DATA, 16 + part.length);
      this.#number(ino);
      this.#large(offset + done);
      this.#field(part);
    }
    return bytes.length;
  }

  setSize(ino: number, size: number): number {
    this.#start(Command.SIZE, 12);
    this.#number(ino);
    this.#large(size);
    return 0;
  }

  setXattr(ino: number, name: Uint8Array, value: Uint8Array): number {
    this.#start(Command.XATTR, 12 + name.length + value.length);
    this.#number(ino);
    this.#field(name);
    this.#field(value);
    return 0;
  }

  setAttributes(ino: number, attributes: NodeAttributes): number {
    this.#start(Command.ATTRIBUTES, 52);
    this.#number(ino);
    this.#number(attributes.mode);
    this.#number(attributes.uid);
    this.#number(attributes.gid);
    this.#time(attributes.atime);
    this.#time(attributes.mtime);
    this.#time(attributes.ctime);
    return 0;
  }
}

/**
 * Replays what a `StreamSink` wrote.
 * @param rootPath for messages.
 * @throws FsError naming the node that could not be made.
 */
export function replayStream(
  input: ByteInput,
  sink: TreeSink,
  rootPath: string,
  warn: (message: string) => void,
): void {
  const replay = new Replay(sink, rootPath, warn);
  for (let bytes = input.next(); bytes !== undefined; bytes = input.next()) replay.run(bytes);
}

class Replay {
  /** Inode numbers by the writer's numbers. */
  readonly #inodes: number[];
  /** Paths of directories, by the writer's numbers. */
  readonly #paths = new Map<number, string>();
  /** The node made last, which most commands are about. */
  #lastParent = 0;
  #lastName = new Uint8Array(0);
  #bytes = new Uint8Array(0);
  #view = new DataView(this.#bytes.buffer);
  #at = 0;

  constructor(
    readonly sink: TreeSink,
    rootPath: string,
    readonly warn: (message: string) => void,
  ) {
    this.#inodes = [sink.root];
    this.#paths.set(0, rootPath);
  }

  run(bytes: Uint8Array): void {
    this.#bytes = bytes as Uint8Array<ArrayBuffer>;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#at = 0;
    while (this.#at < bytes.length) this.#one();
  }

  #one(): void {
    const command = this.#bytes[this.#at++] ?? 0;
    const handler = HANDLERS[command];
    if (handler === undefined) throw new RangeError(`stream command ${command}`);
    handler(this);
  }

  number(): number {
    this.#at += 4;
    return this.#view.getUint32(this.#at - 4, true);
  }
  large(): number {
    this.#at += 8;
    return this.#view.getFloat64(this.#at - 8, true);
  }
  field(): Uint8Array {
    const length = this.number();
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }
  time(): NodeTime {
    return { seconds: this.large(), nanoseconds: this.number() };
  }
  inode(): number {
    return this.#inodes[this.number()] ?? 0;
  }

  /** Reads the parent's number and keeps it for messages. */
  parent(): number {
    this.#lastParent = this.number();
    return this.#inodes[this.#lastParent] ?? 0;
  }
  name(): Uint8Array {
    const name = this.field();
    this.#lastName = name.slice();
    return this.#lastName;
  }

  made(ino: number, isDirectory: boolean): void {
    this.check(ino, "made");
    if (isDirectory) this.#paths.set(this.#inodes.length, this.#path());
    this.#inodes.push(ino);
  }
  check(result: number, what: string): void {
    if (result < 0) throw failure(this.#path(), result, what);
  }
  warnXattr(name: Uint8Array, result: number): void {
    const text = new TextDecoder().decode(name.slice());
    this.warn(`${this.#path()}: attribute ${text} not copied (errno ${-result})`);
  }
  failXattr(): FsError {
    return failure(this.#path(), -28, "xattr");
  }
  #path(): string {
    const name = new TextDecoder().decode(this.#lastName);
    return `${this.#paths.get(this.#lastParent) ?? ""}/${name}`;
  }
}
