/**
 * Requests and replies that lie in pieces, as virtqueues bring them: arguments are gathered, the data of
 * READ and WRITE stay where they are, replies are scattered.
 *
 * @module
 */

import { OPCODE, SIZE } from "./abi.ts";
import type { ServerOptions } from "./options.ts";
import { gather, scatter, slicePieces, totalBytes } from "../libc/pieces.ts";
import type { FileSystem } from "./port.ts";
import { FuseServer, memoryNeeded } from "./server.ts";
import type { Transport } from "./transport.ts";

/** Answered by `VectorServer.handle` for a request that is answered later through the transport. */
export const ANSWERED_LATER = -1;

const OPCODE_AT = 4;
/** Where a reply has its error. */
const ERROR_AT = 4;
const HEAD_BYTES = SIZE.IN_HEADER + SIZE.WRITE_IN;
/** Where READ and WRITE have their size. */
const SIZE_AT = SIZE.IN_HEADER + 16;

/**
 * A server for requests in pieces. The pieces may be memory that somebody else changes meanwhile: all
 * but a WRITE's data are copied once before they are looked at.
 */
export class VectorServer {
  readonly server: FuseServer;
  readonly #request: Uint8Array;
  readonly #requestView: DataView;
  readonly #reply: Uint8Array;
  readonly #replyView: DataView;
  #replied = 0;

  constructor(fileSystem: FileSystem, transport: Transport, options: ServerOptions = {}) {
    const needed = memoryNeeded(options);
    this.#request = new Uint8Array(needed.request);
    this.#requestView = new DataView(this.#request.buffer);
    this.#reply = new Uint8Array(needed.reply);
    this.#replyView = new DataView(this.#reply.buffer);
    this.server = new FuseServer(fileSystem, transport, this.#request, this.#reply, options);
  }

  /** The operation of the request handled last. */
  get opcode(): number {
    return this.#requestView.getUint32(OPCODE_AT, true);
  }

  /** The error with which it was answered, as a negated errno; 0: none, or not answered. */
  get error(): number {
    return this.#replied === 0 ? 0 : this.#replyView.getInt32(ERROR_AT, true);
  }

  /** How many bytes it wrote, if it was a WRITE. */
  get writtenBytes(): number {
    return this.#replyView.getUint32(SIZE.OUT_HEADER, true);
  }

  /**
   * Handles one request.
   * @param sources the request, header first, in pieces of any size.
   * @param targets where the reply goes, in pieces of any size.
   * @returns bytes written to `targets`; 0 when the request gets no reply (or there is no room even for
   * an error); `ANSWERED_LATER`, and then `server.ticket` is what the transport will be called with.
   */
  handle(sources: readonly Uint8Array[], targets: readonly Uint8Array[]): number {
    const total = totalBytes(sources);
    this.#replied = 0;
    if (total < SIZE.IN_HEADER || total > this.#request.length) return 0;
    const head = gather(sources, this.#request.subarray(0, Math.min(total, HEAD_BYTES)));
    const opcode = this.#requestView.getUint32(OPCODE_AT, true);
    if (opcode === OPCODE.WRITE && head === HEAD_BYTES) return this.#write(sources, targets, total);
    gather(sources, this.#request.subarray(0, total));
    if (opcode === OPCODE.READ && head === HEAD_BYTES) return this.#read(targets, total);
    return this.#answer(this.server.handle(total), targets);
  }

  #write(
    sources: readonly Uint8Array[],
    targets: readonly Uint8Array[],
    total: number,
  ): number {
    const size = this.#requestView.getUint32(SIZE_AT, true);
    this.server.sources = slicePieces(sources, HEAD_BYTES, Math.min(size, total - HEAD_BYTES));
    const length = this.server.handle(total);
    this.server.sources = undefined;
    return this.#answer(length, targets);
  }

  #read(targets: readonly Uint8Array[], total: number): number {
    const room = totalBytes(targets) - SIZE.OUT_HEADER;
    const size = this.#requestView.getUint32(SIZE_AT, true);
    if (size > room) {
      // Fewer bytes than asked for would look like the end of the file.
      this.#requestView.setUint32(SIZE_AT, 0xffff_ffff, true);
      return this.#answer(this.server.handle(total), targets);
    }
    this.server.targets = slicePieces(targets, SIZE.OUT_HEADER, size);
    const length = this.server.handle(total);
    this.server.targets = undefined;
    if (length === 0) return this.#answer(0, targets);
    this.#replied = length;
    scatter([this.#reply.subarray(0, SIZE.OUT_HEADER)], targets);
    return length;
  }

  #answer(length: number, targets: readonly Uint8Array[]): number {
    this.#replied = length;
    if (length === 0) return this.server.waitsFor(this.server.ticket) ? ANSWERED_LATER : 0;
    const room = totalBytes(targets);
    const fitting = length <= room ? length : this.server.replaceByError(-5);
    if (fitting > room) return 0;
    scatter([this.#reply.subarray(0, fitting)], targets);
    return fitting;
  }
}
