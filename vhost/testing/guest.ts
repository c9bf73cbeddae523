/**
 * A guest's FUSE client over a test front-end: requests in chains cut as Linux cuts them, or otherwise.
 *
 * @module
 */

import { OPCODE, SIZE } from "../../ffi/fuse/abi.ts";
import {
  buildRequest,
  type ParsedReply,
  parseReply,
  type Part,
} from "../../ffi/fuse/testing/request_builder.ts";
import type { Buffer } from "./ring.ts";
import type { TestFrontEnd } from "./front_end.ts";

/** How a request and its reply lie in memory. */
export interface Cut {
  /** Lengths of the pieces; what is left over is one more piece. */
  readonly request?: readonly number[];
  readonly reply?: readonly number[];
  readonly indirect?: boolean;
  readonly queue?: number;
}

const LINUX_CUT: Cut = { request: [SIZE.IN_HEADER], reply: [SIZE.OUT_HEADER] };
const REQUEST_ROOM = 1 << 21;
const REPLY_ROOM = 1 << 21;

/** See the module. */
export class TestGuest {
  readonly #requestAt: number;
  readonly #replyAt: number;
  uid = 0;
  gid = 0;

  constructor(readonly frontEnd: TestFrontEnd) {
    this.#requestAt = frontEnd.take(REQUEST_ROOM);
    this.#replyAt = frontEnd.take(REPLY_ROOM);
  }

  /** INIT with every capability offered (or those given). */
  connect(flags = 0xffff_ffff, flags2 = 0xffff_ffff): ParsedReply {
    const parts = [
      { u32: 7 },
      { u32: 45 },
      { u32: 131072 },
      { u32: flags },
      { u32: flags2 },
      new Uint8Array(44),
    ];
    return this.ask(OPCODE.INIT, 0, parts, 256);
  }

  /** Makes a request and waits for its reply. @param room bytes for the body of the reply. */
  ask(
    opcode: number,
    node: number,
    parts: readonly Part[],
    room = 4096,
    cut: Cut = LINUX_CUT,
  ): ParsedReply {
    const request = buildRequest(opcode, node, parts);
    const view = new DataView(request.buffer);
    view.setUint32(24, this.uid, true);
    view.setUint32(28, this.gid, true);
    const length = this.exchange(request, SIZE.OUT_HEADER + room, cut);
    return parseReply(this.frontEnd.bytes(this.#replyAt, length).slice());
  }

  /** Sends bytes, with room for a reply of `room` bytes. @returns the used length */
  exchange(request: Uint8Array, room: number, cut: Cut = LINUX_CUT): number {
    const queue = cut.queue ?? 1;
    this.post(request, room, cut);
    this.frontEnd.kick(queue);
    return this.frontEnd.finished(queue).length;
  }

  /** Puts a request into the ring without a kick. @returns its head */
  post(request: Uint8Array, room: number, cut: Cut = LINUX_CUT): number {
    this.frontEnd.bytes(this.#requestAt, request.length).set(request);
    const buffers = [
      ...pieces(this.#requestAt, request.length, cut.request ?? [], false),
      ...pieces(this.#replyAt, room, cut.reply ?? [], true),
    ];
    const ring = this.frontEnd.rings[cut.queue ?? 1];
    if (ring === undefined) throw new Error("the queue was not set up");
    const head = cut.indirect === true ? ring.indirect(buffers) : ring.chain(buffers);
    ring.offer(head);
    return head;
  }

  /** The reply memory as it is. */
  reply(length: number): ParsedReply {
    return parseReply(this.frontEnd.bytes(this.#replyAt, length).slice());
  }
}

function pieces(
  at: number,
  length: number,
  cuts: readonly number[],
  writable: boolean,
): Buffer[] {
  const result: Buffer[] = [];
  let from = 0;
  for (const cut of [...cuts, length]) {
    const count = Math.min(cut, length - from);
    if (count <= 0) continue;
    result.push({ at: at + from, length: count, writable });
    from += count;
  }
  return result;
}
