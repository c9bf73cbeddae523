/**
 * The virtio-fs device (virtio 1.2, section 5.11): FUSE requests from chains of any queue, replies into them.
 *
 * @module
 */

import { OPCODE, SIZE } from "../ffi/fuse/abi.ts";
import type { FileSystem } from "../ffi/fuse/port.ts";
import type { ServerOptions } from "../ffi/fuse/options.ts";
import type { Transport } from "../ffi/fuse/transport.ts";
import { ANSWERED_LATER, VectorServer } from "../ffi/fuse/vector.ts";
import { gather, scatter, totalBytes } from "../ffi/libc/pieces.ts";
import { CONFIG_BYTES, TAG_BYTES } from "./abi.ts";
import type { Chain } from "./chain.ts";
import { type ChainHandler, LATER, type Queue } from "./queue.ts";

/** INIT and its reply are shorter. */
const LARGEST_INIT = 256;

/** A file system that numbers nodes by itself. */
export interface Numbering {
  /** Nodes and handles get numbers that no earlier process gave: `times` tells those apart. */
  numberFrom(times: number): void;
}

/** A chain whose answer comes later. */
interface Outstanding {
  readonly queue: Queue;
  readonly head: number;
  readonly targets: readonly Uint8Array[];
  readonly opcode: number;
  readonly beginMs: number;
}

/** Is told of every request that was answered: see `Metrics.count`. */
export interface RequestCounter {
  count(opcode: number, error: number, microseconds: number, bytes: number): void;
}

/**
 * Holds an answer back until others have heard of what was done.
 * @returns false when there is nothing to wait for; `done` is called later otherwise.
 */
export type HoldAnswer = (done: () => void) => boolean;

/** What a device is given besides its file system. */
export interface DeviceParts {
  readonly counter?: RequestCounter;
  readonly hold?: HoldAnswer;
  /** Is told the request with which the guest's session begins, and of its end. */
  readonly session?: (init: Uint8Array | undefined) => void;
}

/** One device: the file system as one front-end sees it. */
export class VirtioFs implements ChainHandler, Transport {
  readonly #server: VectorServer;
  readonly #fileSystem: FileSystem & Partial<Numbering>;
  readonly #outstanding = new Map<number, Outstanding>();
  readonly counter: RequestCounter | undefined;
  readonly hold: HoldAnswer | undefined;
  #ended = false;
  /** Chains handled, for whoever asks. */
  handled = 0;

  constructor(
    fileSystem: FileSystem,
    options: ServerOptions,
    readonly parts: DeviceParts = {},
  ) {
    this.counter = parts.counter;
    this.hold = parts.hold;
    this.#fileSystem = fileSystem;
    this.#server = new VectorServer(fileSystem, this, options);
  }

  handle(queue: Queue, head: number, chain: Chain): number {
    this.handled++;
    const beginMs = this.counter === undefined ? 0 : performance.now();
    const written = this.#server.handle(chain.sources, chain.targets);
    const { opcode } = this.#server;
    if (opcode === OPCODE.INIT || opcode === OPCODE.DESTROY) this.#tellSession(opcode, chain);
    if (written !== ANSWERED_LATER) {
      if (this.counter !== undefined) this.#count(opcode, this.#server.error, beginMs, written);
      return this.#held(queue, head, written) ? LATER : written;
    }
    const ticket = this.#server.server.ticket;
    this.#outstanding.set(ticket, { queue, head, targets: chain.targets, opcode, beginMs });
    return LATER;
  }

  #held(queue: Queue, head: number, written: number): boolean {
    return this.hold !== undefined && this.hold(() => {
      if (!this.#ended) queue.finish(head, written);
    });
  }

  #tellSession(opcode: number, chain: Chain): void {
    if (this.parts.session === undefined || this.#server.error !== 0) return;
    const init = new Uint8Array(Math.min(totalBytes(chain.sources), LARGEST_INIT));
    gather(chain.sources, init);
    this.parts.session(opcode === OPCODE.INIT ? init : undefined);
  }

  /**
   * Goes on with a session that a process before this one began. The guest's nodes and handles are gone.
   * @param times how often that was done with this session.
   */
  takeUp(init: Uint8Array, times: number): void {
    if (this.#server.server.connected) return;
    this.#fileSystem.numberFrom?.(times);
    this.#server.handle([init], [new Uint8Array(LARGEST_INIT)]);
  }

  /** @param written bytes of the reply; a WRITE's are what it took. */
  #count(opcode: number, error: number, beginMs: number, written: number): void {
    const bytes = opcode === OPCODE.WRITE ? this.#server.writtenBytes : written - SIZE.OUT_HEADER;
    this.counter?.count(opcode, error, (performance.now() - beginMs) * 1000, bytes);
  }

  sendDeferred(ticket: number, pieces: readonly Uint8Array[]): void {
    const waiting = this.#outstanding.get(ticket);
    if (waiting === undefined) return;
    this.#outstanding.delete(ticket);
    const { queue, head, targets, opcode, beginMs } = waiting;
    const total = totalBytes(pieces);
    if (this.counter !== undefined) this.#count(opcode, errorOf(pieces[0]), beginMs, total);
    queue.finish(head, total <= totalBytes(targets) ? scatter(pieces, targets) : 0);
  }

  /** Guests have no queue for notices. */
  sendNotice(): void {}

  /** Gives the file system its turn. @returns milliseconds until the next at the latest */
  idle(): number {
    return this.#server.server.connected ? this.#fileSystem.idle() : Number.POSITIVE_INFINITY;
  }

  /** The session ends: what is outstanding is never answered, the file system hears of it. */
  end(): void {
    this.#ended = true;
    this.#outstanding.clear();
    this.#server.server.end();
  }
}

/** `struct virtio_fs_config`. @param tag 1 to 36 bytes of UTF-8. */
export function configSpace(tag: string, requestQueues: number): Uint8Array<ArrayBuffer> {
  const space = new Uint8Array(CONFIG_BYTES);
  const name = new TextEncoder().encode(tag);
  space.set(name.subarray(0, TAG_BYTES));
  new DataView(space.buffer).setUint32(TAG_BYTES, requestQueues, true);
  return space;
}

/** The error in a reply's header. */
function errorOf(header: Uint8Array | undefined): number {
  if (header === undefined || header.length < SIZE.OUT_HEADER) return 0;
  return new DataView(header.buffer, header.byteOffset).getInt32(4, true);
}
