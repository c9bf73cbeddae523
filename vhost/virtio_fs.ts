/**
 * The virtio-fs device (virtio 1.2, section 5.11): FUSE requests from chains of any queue, replies into them.
 *
 * @module
 */

import type { FileSystem } from "../ffi/fuse/port.ts";
import type { ServerOptions } from "../ffi/fuse/options.ts";
import type { Transport } from "../ffi/fuse/transport.ts";
import { ANSWERED_LATER, VectorServer } from "../ffi/fuse/vector.ts";
import { scatter, totalBytes } from "../ffi/libc/pieces.ts";
import { CONFIG_BYTES, TAG_BYTES } from "./abi.ts";
import type { Chain } from "./chain.ts";
import { type ChainHandler, LATER, type Queue } from "./queue.ts";

/** A chain whose answer comes later. */
interface Outstanding {
  readonly queue: Queue;
  readonly head: number;
  readonly targets: readonly Uint8Array[];
}

/** One device: the file system as one front-end sees it. */
export class VirtioFs implements ChainHandler, Transport {
  readonly #server: VectorServer;
  readonly #fileSystem: FileSystem;
  readonly #outstanding = new Map<number, Outstanding>();
  /** Chains handled, for whoever asks. */
  handled = 0;

  constructor(fileSystem: FileSystem, options: ServerOptions) {
    this.#fileSystem = fileSystem;
    this.#server = new VectorServer(fileSystem, this, options);
  }

  handle(queue: Queue, head: number, chain: Chain): number {
    this.handled++;
    const written = this.#server.handle(chain.sources, chain.targets);
    if (written !== ANSWERED_LATER) return written;
    const ticket = this.#server.server.ticket;
    this.#outstanding.set(ticket, { queue, head, targets: chain.targets });
    return LATER;
  }

  sendDeferred(ticket: number, pieces: readonly Uint8Array[]): void {
    const waiting = this.#outstanding.get(ticket);
    if (waiting === undefined) return;
    this.#outstanding.delete(ticket);
    const { queue, head, targets } = waiting;
    const fits = totalBytes(pieces) <= totalBytes(targets);
    queue.finish(head, fits ? scatter(pieces, targets) : 0);
  }

  /** Guests have no queue for notices. */
  sendNotice(): void {}

  /** Gives the file system its turn. @returns milliseconds until the next at the latest */
  idle(): number {
    return this.#server.server.connected ? this.#fileSystem.idle() : Number.POSITIVE_INFINITY;
  }

  /** The session ends: what is outstanding is never answered, the file system hears of it. */
  end(): void {
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
