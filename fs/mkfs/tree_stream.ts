/**
 * A tree on its way from one thread to another: the calls of a `TreeSink` as bytes. One thread walks the
 * source and writes them, the other replays them on the file system.
 *
 * A command is its number (8 bits) and its fields, little-endian. Inodes are numbered in the order in
 * which they are made, the root being 0: the writer never waits for an answer.
 *
 * @module
 */

import { ENOSPC } from "../errno.ts";
import {
  failure,
  makeOrMerge,
  type NodeAttributes,
  type NodeTime,
  reportXattr,
  type TreeSink,
} from "./populate.ts";

/** Where the writer puts its bytes. */
export interface ByteOutput {
  /** Where `reserve` makes room, over the same memory; others after each call of it. */
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** The offset of room for `length` bytes (up to `LARGEST_COMMAND`), to be filled before the next call. */
  reserve(length: number): number;
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
  #at = 0;

  constructor(readonly output: ByteOutput) {}

  #start(command: number, length: number): void {
    const at = this.output.reserve(1 + length);
    this.output.view.setUint8(at, command);
    this.#at = at + 1;
  }
  #number(value: number): void {
    this.output.view.setUint32(this.#at, value, true);
    this.#at += 4;
  }
  /** A number beyond 32 bits, negative ones included. */
  #large(value: number): void {
    this.output.view.setFloat64(this.#at, value, true);
    this.#at += 8;
  }
  #field(bytes: Uint8Array): void {
    this.#number(bytes.length);
    this.output.bytes.set(bytes, this.#at);
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

  makeNode(
    parent: number,
    name: Uint8Array,
    mode: number,
    rdev: number,
    shared: boolean,
  ): number {
    this.#start(Command.NODE, 20 + name.length);
    this.#number(parent);
    this.#number(mode);
    this.#number(rdev);
    this.#number(shared ? 1 : 0);
    this.#field(name);
    return ++this.#made;
  }

  makeSymlink(parent: number, name: Uint8Array, target: Uint8Array, shared: boolean): number {
    this.#start(Command.SYMLINK, 16 + name.length + target.length);
    this.#number(parent);
    this.#number(shared ? 1 : 0);
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

/** Who wants to know how a replay goes. */
export interface ReplayListener {
  readonly warn: (message: string) => void;
  readonly progress: (step: string, done: number, total: number) => void;
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
  listener: ReplayListener,
): void {
  const replay = new Replay(sink, rootPath, listener);
  for (let bytes = input.next(); bytes !== undefined; bytes = input.next()) replay.run(bytes);
}

class Replay {
  /** Inode numbers by the writer's numbers. */
  readonly #inodes: number[];
  /** Paths of directories, by the writer's numbers. */
  readonly #paths = new Map<number, string>();
  /** The node that was named last. */
  #parent = 0;
  readonly #name = new Uint8Array(256);
  #nameBytes = 0;
  #bytes: Uint8Array = new Uint8Array(0);
  #view: DataView = new DataView(this.#bytes.buffer);
  #at = 0;

  constructor(readonly sink: TreeSink, rootPath: string, readonly listener: ReplayListener) {
    this.#inodes = [sink.root];
    this.#paths.set(0, rootPath);
  }

  run(bytes: Uint8Array): void {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#at = 0;
    while (this.#at < bytes.length) {
      const command = this.#bytes[this.#at++] ?? 0;
      const handler = HANDLERS[command];
      if (handler === undefined) throw new RangeError(`stream command ${command}`);
      handler(this);
    }
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
  /** The inode that the writer calls `number`. */
  inode(number: number): number {
    return this.#inodes[number] ?? 0;
  }
  /** Reads parent and name of a node; both are kept for messages. */
  parent(): number {
    this.#parent = this.number();
    return this.inode(this.#parent);
  }
  name(): Uint8Array {
    const name = this.field();
    this.#name.set(name);
    this.#nameBytes = name.length;
    return name;
  }

  /** A node was made, or could not be. */
  made(ino: number, isDirectory: boolean): void {
    this.check(ino, "made");
    if (isDirectory) this.#paths.set(this.#inodes.length, this.path());
    this.#inodes.push(ino);
    this.listener.progress("Copying files", this.#inodes.length, 0);
  }
  check(result: number, what: string, number = -1): void {
    if (result < 0) throw failure(this.path(number), result, what);
  }
  /** The path of the node that the writer calls `number`, if that is a directory; else of the last node. */
  path(number = -1): string {
    const known = this.#paths.get(number);
    if (known !== undefined) return known;
    const name = new TextDecoder().decode(this.#name.subarray(0, this.#nameBytes));
    return `${this.#paths.get(this.#parent) ?? ""}/${name}`;
  }
}

/** What each command does. */
const HANDLERS: readonly (((replay: Replay) => void) | undefined)[] = handlers();

function handlers(): ((replay: Replay) => void)[] {
  const table: ((replay: Replay) => void)[] = [];
  table[Command.DIRECTORY] = (r) => r.made(makeOrMerge(r.sink, r.parent(), r.name()), true);
  table[Command.NODE] = (r) => {
    const parent = r.parent();
    const mode = r.number();
    const rdev = r.number();
    const shared = r.number() === 1;
    r.made(r.sink.makeNode(parent, r.name(), mode, rdev, shared), false);
  };
  table[Command.SYMLINK] = (r) => {
    const parent = r.parent();
    const shared = r.number() === 1;
    const name = r.name();
    r.made(r.sink.makeSymlink(parent, name, r.field(), shared), false);
  };
  table[Command.LINK] = (r) => {
    const ino = r.inode(r.number());
    const parent = r.parent();
    r.check(r.sink.link(ino, parent, r.name()), "linked");
  };
  table[Command.DATA] = (r) => {
    const ino = r.inode(r.number());
    const offset = r.large();
    const bytes = r.field();
    const written = r.sink.write(ino, offset, bytes);
    r.check(written < bytes.length && written >= 0 ? -ENOSPC : written, "written");
  };
  table[Command.SIZE] = (r) => {
    const ino = r.inode(r.number());
    r.check(r.sink.setSize(ino, r.large()), "sized");
  };
  table[Command.XATTR] = (r) => {
    const number = r.number();
    const name = new Uint8Array(r.field());
    const result = r.sink.setXattr(r.inode(number), name, new Uint8Array(r.field()));
    if (result < 0) reportXattr(r.path(number), name, result, r.listener.warn);
  };
  table[Command.ATTRIBUTES] = (r) => {
    const number = r.number();
    const attributes = {
      mode: r.number(),
      uid: r.number(),
      gid: r.number(),
      atime: r.time(),
      mtime: r.time(),
      ctime: r.time(),
    };
    r.check(r.sink.setAttributes(r.inode(number), attributes), "given its attributes", number);
  };
  return table;
}
