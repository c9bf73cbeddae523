/**
 * Requests as a kernel makes them, for a server that has none: what the practice asks.
 *
 * @module
 */

import { OPCODE, SIZE } from "../../../ffi/fuse/abi.ts";
import type { FileSystem } from "../../../ffi/fuse/port.ts";
import { FuseServer, memoryNeeded } from "../../../ffi/fuse/server.ts";

/** Requests and replies carry no more data than this. */
const MAX_WRITE_BYTES = 128 * 1024;
const HEADER = SIZE.IN_HEADER;
const OPTIONS = { maxWriteBytes: MAX_WRITE_BYTES } as const;
/** Where replies that tell of a node have it, and those that open a file have the handle. */
const NODE_AT = SIZE.OUT_HEADER;
const HANDLE_AT = SIZE.OUT_HEADER;
const CREATED_HANDLE_AT = SIZE.OUT_HEADER + SIZE.ENTRY_OUT;
/** FUSE_ASYNC_READ, FUSE_BIG_WRITES, FUSE_DO_READDIRPLUS, FUSE_READDIRPLUS_AUTO, FUSE_MAX_PAGES. */
const INIT_FLAGS = 1 | 1 << 5 | 1 << 13 | 1 << 14 | 1 << 22;
const RENAME_NOREPLACE = 1;

const encoder = new TextEncoder();

/** Asks a server of its own. Every method gives the error, 0 or a negated errno. */
export class Requests {
  /** Of the last reply that told of a node or an open file. */
  node = 0;
  handle = 0;
  readonly #request: Uint8Array;
  readonly #view: DataView;
  readonly #reply: DataView;
  readonly #server: FuseServer;

  constructor(fileSystem: FileSystem) {
    const needed = memoryNeeded(OPTIONS);
    this.#request = new Uint8Array(needed.request);
    this.#view = new DataView(this.#request.buffer);
    const reply = new Uint8Array(needed.reply);
    this.#reply = new DataView(reply.buffer);
    const nobody = { sendDeferred(): void {}, sendNotice(): void {} };
    this.#server = new FuseServer(fileSystem, nobody, this.#request, reply, OPTIONS);
  }

  init(): number {
    this.#numbers(7, 45, MAX_WRITE_BYTES, INIT_FLAGS);
    return this.#ask(OPCODE.INIT, 0, SIZE.INIT_IN);
  }

  lookup(parent: number, name: string): number {
    return this.#askForNode(OPCODE.LOOKUP, parent, this.#name(0, name));
  }
  create(parent: number, name: string): number {
    this.#numbers(0o101, 0o100644, 0o22, 0);
    const error = this.#askForNode(OPCODE.CREATE, parent, this.#name(SIZE.CREATE_IN, name));
    if (error === 0) this.handle = this.#reply.getUint32(CREATED_HANDLE_AT, true);
    return error;
  }
  mkdir(parent: number, name: string): number {
    this.#numbers(0o755, 0o22);
    return this.#askForNode(OPCODE.MKDIR, parent, this.#name(SIZE.MKDIR_IN, name));
  }
  unlink(parent: number, name: string): number {
    return this.#ask(OPCODE.UNLINK, parent, this.#name(0, name));
  }
  rmdir(parent: number, name: string): number {
    return this.#ask(OPCODE.RMDIR, parent, this.#name(0, name));
  }
  rename(parent: number, name: string, newName: string): number {
    this.#numbers(parent, 0, RENAME_NOREPLACE);
    const length = this.#name(SIZE.RENAME2_IN, name);
    return this.#ask(OPCODE.RENAME2, parent, this.#name(length, newName));
  }
  getattr(node: number): number {
    this.#numbers(0, 0, 0, 0);
    return this.#ask(OPCODE.GETATTR, node, SIZE.GETATTR_IN);
  }
  getxattr(node: number, name: string): number {
    this.#numbers(24, 0);
    return this.#ask(OPCODE.GETXATTR, node, this.#name(SIZE.GETXATTR_IN, name));
  }
  open(node: number, directory = false): number {
    this.#numbers(0, 0);
    const error = this.#ask(directory ? OPCODE.OPENDIR : OPCODE.OPEN, node, SIZE.OPEN_IN);
    if (error === 0) this.handle = this.#reply.getUint32(HANDLE_AT, true);
    return error;
  }
  release(node: number, directory = false): number {
    this.#numbers(this.handle, 0, 0, 0, 0, 0);
    return this.#ask(directory ? OPCODE.RELEASEDIR : OPCODE.RELEASE, node, SIZE.RELEASE_IN);
  }
  /** Writes zeros at the beginning. */
  write(node: number, bytes: number): number {
    this.#numbers(this.handle, 0, 0, 0, bytes, 0, 0, 0, 0, 0);
    this.#request.fill(0, HEADER + SIZE.WRITE_IN, HEADER + SIZE.WRITE_IN + bytes);
    return this.#ask(OPCODE.WRITE, node, SIZE.WRITE_IN + bytes);
  }
  read(node: number, bytes: number): number {
    return this.#read(OPCODE.READ, node, bytes);
  }
  /** Reads the beginning of a directory, with attributes or without. */
  list(node: number, plus: boolean): number {
    return this.#read(plus ? OPCODE.READDIRPLUS : OPCODE.READDIR, node, 4096);
  }
  forget(node: number, lookups = 1): void {
    this.#numbers(lookups, 0);
    this.#ask(OPCODE.FORGET, node, SIZE.FORGET_IN);
  }

  #read(opcode: number, node: number, bytes: number): number {
    this.#numbers(this.handle, 0, 0, 0, bytes, 0, 0, 0, 0, 0);
    return this.#ask(opcode, node, SIZE.READ_IN);
  }

  /** Puts 32-bit numbers behind the header. */
  #numbers(...numbers: readonly number[]): void {
    for (let index = 0; index < numbers.length; index++) {
      this.#view.setUint32(HEADER + 4 * index, numbers[index] ?? 0, true);
    }
  }

  /** Puts a name behind `at` bytes of arguments. @returns bytes of arguments with it. */
  #name(at: number, name: string): number {
    const { written } = encoder.encodeInto(name, this.#request.subarray(HEADER + at));
    this.#request[HEADER + at + written] = 0;
    return at + written + 1;
  }

  #askForNode(opcode: number, node: number, argumentBytes: number): number {
    const error = this.#ask(opcode, node, argumentBytes);
    if (error === 0) this.node = this.#reply.getUint32(NODE_AT, true);
    return error;
  }

  #ask(opcode: number, node: number, argumentBytes: number): number {
    const view = this.#view;
    const length = HEADER + argumentBytes;
    view.setUint32(0, length, true);
    view.setUint32(4, opcode, true);
    view.setUint32(8, 2, true);
    view.setUint32(16, node, true);
    return this.#server.handle(length) === 0 ? 0 : this.#reply.getInt32(4, true);
  }
}
