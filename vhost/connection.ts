/**
 * The socket to a front-end: whole messages in, replies out. Bytes may come in pieces of any size;
 * descriptors belong to the message in whose bytes they came.
 *
 * @module
 */

import { close } from "../ffi/libc/file.ts";
import { receive, send } from "../ffi/libc/socket.ts";
import {
  FLAG_NEED_REPLY,
  FLAG_REPLY,
  HEADER_BYTES,
  MOST_TABLE_REGIONS,
  requestName,
  VERSION,
  VERSION_MASK,
} from "./abi.ts";
import { ProtocolFault } from "./fault.ts";

/** The largest payload of any message that is served: the configuration space with its header. */
const LARGEST_PAYLOAD_BYTES = 4096;

/** One message of the front-end. */
export interface Message {
  readonly request: number;
  readonly needsReply: boolean;
  readonly payload: Uint8Array;
  /** The receiver owns them: what it does not keep it closes. */
  readonly descriptors: number[];
}

/** A connection to one front-end. */
export class Connection {
  readonly #buffer = new Uint8Array(HEADER_BYTES + LARGEST_PAYLOAD_BYTES);
  readonly #view = new DataView(this.#buffer.buffer);
  #filled = 0;
  #descriptors: number[] = [];
  #open = true;

  /** @param socket becomes the connection's own. */
  constructor(readonly socket: number) {}

  /**
   * Takes the next whole message.
   * @returns undefined when it has not come yet; "closed" when the front-end has left.
   * @throws ProtocolFault for a header that cannot be, or too many descriptors.
   */
  receive(): Message | "closed" | undefined {
    while (this.#filled < HEADER_BYTES) {
      const state = this.#fill(HEADER_BYTES);
      if (state !== "more") return state;
    }
    const size = this.#checkedSize();
    while (this.#filled < HEADER_BYTES + size) {
      const state = this.#fill(HEADER_BYTES + size);
      if (state !== "more") return state;
    }
    const descriptors = this.#descriptors;
    this.#descriptors = [];
    this.#filled = 0;
    return {
      request: this.#view.getUint32(0, true),
      needsReply: (this.#view.getUint32(4, true) & FLAG_NEED_REPLY) !== 0,
      payload: this.#buffer.slice(HEADER_BYTES, HEADER_BYTES + size),
      descriptors,
    };
  }

  #fill(end: number): "more" | "closed" | undefined {
    const target = this.#buffer.subarray(this.#filled, end);
    const { length, descriptors, truncated } = receive(this.socket, target, MOST_TABLE_REGIONS);
    this.#descriptors.push(...descriptors);
    if (truncated || this.#descriptors.length > MOST_TABLE_REGIONS) {
      throw new ProtocolFault("more descriptors than any message has");
    }
    if (length === 0) return "closed";
    if (length < 0) return undefined;
    this.#filled += length;
    return "more";
  }

  #checkedSize(): number {
    const request = this.#view.getUint32(0, true);
    const flags = this.#view.getUint32(4, true);
    const size = this.#view.getUint32(8, true);
    if ((flags & VERSION_MASK) !== VERSION || (flags & ~(VERSION_MASK | FLAG_NEED_REPLY)) !== 0) {
      throw new ProtocolFault(`${requestName(request)}: flags 0x${flags.toString(16)}`);
    }
    if (size > LARGEST_PAYLOAD_BYTES) {
      throw new ProtocolFault(`${requestName(request)}: payload of ${size} bytes`);
    }
    return size;
  }

  /** Sends a reply. @throws ProtocolFault when the front-end does not read its replies. */
  reply(request: number, payload: Uint8Array, descriptors: readonly number[] = []): void {
    const bytes = new Uint8Array(HEADER_BYTES + payload.length);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, request, true);
    view.setUint32(4, VERSION | FLAG_REPLY, true);
    view.setUint32(8, payload.length, true);
    bytes.set(payload, HEADER_BYTES);
    if (send(this.socket, bytes, descriptors) !== bytes.length) {
      throw new ProtocolFault("the front-end does not read its replies");
    }
  }

  /** Closes the socket and the descriptors of a message that was not complete. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    for (const descriptor of this.#descriptors) close(descriptor);
    this.#descriptors = [];
    close(this.socket);
  }
}
