/**
 * The serving end of the control channel: puts messages together from frames, lets in who may come, and
 * gives answers out in frames. What is in a message is nothing to it.
 *
 * @module
 */

import type { Exchange as FuseExchange } from "../../../ffi/fuse/exchange.ts";
import { OPCODE, SIZE } from "../../../ffi/fuse/abi.ts";
import { FILE_OPERATIONS } from "../../../ffi/fuse/operations/files.ts";
import type { OperationGroup } from "../../../ffi/fuse/operations/operation.ts";
import {
  CONTROL_IOCTL,
  CONTROL_VERSION,
  decodeFrame,
  encodeFrame,
  FRAME,
  type Frame,
  FRAME_BYTES,
  MAX_ANSWER_BYTES,
  MAX_REQUEST_BYTES,
  PIECE_BYTES,
} from "../../shared/control_protocol.ts";

const EPERM = -1;
const ENOENT = -2;
const EINVAL = -22;
const EMSGSIZE = -90;
const EPROTO = -71;

/** Exchanges under way at most: one more ends the oldest. */
const MAX_EXCHANGES = 16;

/** One message that comes, or one that is fetched. */
interface Exchange {
  readonly uid: number;
  readonly message: Uint8Array;
  /** How much has come; undefined when `message` is the answer. */
  received: number | undefined;
}

/** Answers a whole message. Must not throw. */
export type Answer = (message: Uint8Array, uid: number) => Uint8Array;

/** Talks to any number of callers, each in one exchange or more. */
export class ControlChannel {
  readonly #exchanges = new Map<number, Exchange>();
  #nextExchange = 1;

  /** @param owner the user who mounted: besides root the only one who may ask. */
  constructor(readonly owner: number, readonly answer: Answer) {}

  /**
   * Takes a frame and makes the one that answers it, which may lie in the same memory.
   * @returns the answer's length, or a negated errno: EPERM, EPROTO (another version), EINVAL, ENOENT (no
   * such exchange), EMSGSIZE.
   */
  handle(uid: number, input: Uint8Array, output: Uint8Array): number {
    if (uid !== 0 && uid !== this.owner) return EPERM;
    const frame = decodeFrame(input);
    if (frame === undefined || output.length !== FRAME_BYTES) return EINVAL;
    if (frame.version !== CONTROL_VERSION) return EPROTO;
    if (frame.kind === FRAME.SEND) return this.#receive(uid, frame, output);
    if (frame.kind === FRAME.FETCH) return this.#give(uid, frame.exchange, frame.offset, output);
    return EINVAL;
  }

  #receive(uid: number, frame: Frame, output: Uint8Array): number {
    if (frame.total > MAX_REQUEST_BYTES) return EMSGSIZE;
    const id = frame.exchange === 0
      ? this.#open(uid, new Uint8Array(frame.total), 0)
      : frame.exchange;
    const exchange = this.#exchanges.get(id);
    if (exchange === undefined || exchange.uid !== uid) return ENOENT;
    const { message, received } = exchange;
    const end = frame.offset + frame.bytes.length;
    if (received !== frame.offset || end > message.length || frame.total !== message.length) {
      this.#exchanges.delete(id);
      return EINVAL;
    }
    message.set(frame.bytes, frame.offset);
    exchange.received = end;
    if (end < message.length) {
      const more = { kind: FRAME.MORE, exchange: id, total: message.length, offset: end };
      encodeFrame(output, { ...more, bytes: new Uint8Array(0) });
      return FRAME_BYTES;
    }
    this.#exchanges.delete(id);
    const answer = this.answer(message, uid);
    if (answer.length > MAX_ANSWER_BYTES) return EMSGSIZE;
    return this.#give(uid, this.#open(uid, answer, undefined), 0, output);
  }

  #open(uid: number, message: Uint8Array, received: number | undefined): number {
    if (this.#exchanges.size >= MAX_EXCHANGES) {
      for (const oldest of this.#exchanges.keys()) {
        this.#exchanges.delete(oldest);
        break;
      }
    }
    const id = this.#nextExchange;
    this.#nextExchange = id === 0xffff_ffff ? 1 : id + 1;
    this.#exchanges.set(id, { uid, message, received });
    return id;
  }

  #give(uid: number, id: number, offset: number, output: Uint8Array): number {
    const exchange = this.#exchanges.get(id);
    if (exchange === undefined || exchange.uid !== uid) return ENOENT;
    const { message } = exchange;
    if (exchange.received !== undefined || offset > message.length) return EINVAL;
    const bytes = message.subarray(offset, offset + PIECE_BYTES);
    encodeFrame(output, {
      kind: FRAME.ANSWER,
      exchange: id,
      total: message.length,
      offset,
      bytes,
    });
    if (offset + bytes.length === message.length) this.#exchanges.delete(id);
    return FRAME_BYTES;
  }
}

const ARGUMENTS = SIZE.IN_HEADER;

/** The operation IOCTL, with the channel's command going to the channel and all others where they went. */
export function channelOperations(channel: ControlChannel): OperationGroup {
  const others = FILE_OPERATIONS[OPCODE.IOCTL];
  if (others === undefined) throw new Error("the server has no operation IOCTL");
  const run = (exchange: FuseExchange): number => {
    const { request, reply } = exchange;
    const inputBytes = request.u32(ARGUMENTS + 24);
    const outputBytes = request.u32(ARGUMENTS + 28);
    const begin = ARGUMENTS + SIZE.IOCTL_IN;
    if (request.u32(ARGUMENTS + 12) !== CONTROL_IOCTL) return others.run(exchange);
    if (inputBytes !== FRAME_BYTES || outputBytes !== FRAME_BYTES) return EINVAL;
    if (begin + inputBytes > request.end) return EINVAL;
    reply.clear(0, SIZE.IOCTL_OUT + outputBytes);
    const result = channel.handle(
      request.uid,
      request.bytes(begin, begin + inputBytes),
      reply.body(SIZE.IOCTL_OUT, outputBytes),
    );
    return result < 0 ? result : SIZE.IOCTL_OUT + outputBytes;
  };
  return { [OPCODE.IOCTL]: { argumentBytes: others.argumentBytes, run } };
}
