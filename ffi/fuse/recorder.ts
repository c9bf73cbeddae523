/**
 * Recording requests as they are handled, for traces: in memory of fixed size, taken out by whoever asked
 * for it. See `recording.ts` for what comes out.
 *
 * @module
 */

import { OPCODE, SIZE } from "./abi.ts";
import type { Exchange } from "./exchange.ts";
import { DEFERRED } from "./port.ts";

/** Bytes of a record before the request. */
export const RECORD_HEAD_BYTES = 40;
/** The request was answered later: a record with `COMPLETION` tells when. */
export const RECORD_DEFERRED = 1;
/** The answer to a deferred request; there is no request in the record. */
export const RECORD_COMPLETION = 2;

/** What is kept of a request: header, arguments and names, not content. */
const MAX_REQUEST_BYTES = SIZE.IN_HEADER + 640;
const MAX_SYMLINK_BYTES = SIZE.IN_HEADER + 256 + 4096;
const RING_BYTES = 4 << 20;
/** Nobody took anything for so long: whoever asked is gone. */
const FORSAKEN_MICROSECONDS = 20e6;

/** Requests that tell nothing of what programs do. */
const LEFT_OUT: ReadonlySet<number> = new Set([
  OPCODE.FORGET,
  OPCODE.BATCH_FORGET,
  OPCODE.INTERRUPT,
  OPCODE.INIT,
  OPCODE.DESTROY,
  OPCODE.NOTIFY_REPLY,
]);

/**
 * Records of variable length, one behind the other, little-endian:
 *
 *     0 record's bytes u32   4 flags u32   8 begin f64 (microseconds)   16 result's node f64
 *     24 took u32 (microseconds)   28 result i32   32 ticket u32   36 request's bytes u32   40 request
 */
export class Recorder {
  /** Requests that found no room. */
  lost = 0;
  readonly #bytes = new Uint8Array(RING_BYTES);
  readonly #view = new DataView(this.#bytes.buffer);
  #used = 0;
  #takenAt: number;

  /** @param now in microseconds. */
  constructor(now: number) {
    this.#takenAt = now;
  }

  /**
   * Records the request that was just handled.
   * @param memory where the request lies.
   * @returns false when nobody wants it any more.
   */
  add(
    exchange: Exchange,
    memory: Uint8Array,
    ticket: number,
    result: number,
    begun: number,
    took: number,
  ): boolean {
    const { request } = exchange;
    if (LEFT_OUT.has(request.opcode)) return true;
    const limit = limitOf(request.opcode);
    const bytes = Math.min(request.end, limit);
    const at = this.#room(RECORD_HEAD_BYTES + bytes);
    if (at < 0) return !this.isForsaken(begun);
    const view = this.#view;
    view.setUint32(at + 4, result === DEFERRED ? RECORD_DEFERRED : 0, true);
    view.setFloat64(at + 8, begun, true);
    view.setFloat64(
      at + 16,
      result > 0 && givesNode(request.opcode) ? exchange.entry.node : 0,
      true,
    );
    view.setUint32(at + 24, Math.max(0, took), true);
    view.setInt32(at + 28, result, true);
    view.setUint32(at + 32, ticket, true);
    view.setUint32(at + 36, bytes, true);
    this.#bytes.set(memory.subarray(0, bytes), at + RECORD_HEAD_BYTES);
    // The header's length is what was kept.
    view.setUint32(at + RECORD_HEAD_BYTES, bytes, true);
    view.setUint16(at + RECORD_HEAD_BYTES + 36, 0, true);
    return true;
  }

  /** Records the answer to a deferred request. */
  complete(ticket: number, result: number, begun: number, took: number): void {
    const at = this.#room(RECORD_HEAD_BYTES);
    if (at < 0) return;
    const view = this.#view;
    view.setUint32(at + 4, RECORD_COMPLETION, true);
    view.setFloat64(at + 8, begun, true);
    view.setFloat64(at + 16, 0, true);
    view.setUint32(at + 24, Math.max(0, took), true);
    view.setInt32(at + 28, result, true);
    view.setUint32(at + 32, ticket, true);
    view.setUint32(at + 36, 0, true);
  }

  /** Whether nobody took anything for long. */
  isForsaken(now: number): boolean {
    return now - this.#takenAt > FORSAKEN_MICROSECONDS;
  }

  /** Everything recorded since the last time; the memory is free again. */
  take(now: number): Uint8Array<ArrayBuffer> {
    this.#takenAt = now;
    const taken = this.#bytes.slice(0, this.#used);
    this.#used = 0;
    return taken;
  }

  /** @returns where a record of that many bytes goes; -1 when it does not fit. */
  #room(bytes: number): number {
    const at = this.#used;
    if (at + bytes > RING_BYTES) {
      this.lost++;
      return -1;
    }
    this.#used = at + bytes;
    this.#view.setUint32(at, bytes, true);
    return at;
  }
}

/** How much of a request says what it asks for. */
function limitOf(opcode: number): number {
  if (opcode === OPCODE.WRITE) return SIZE.IN_HEADER + SIZE.WRITE_IN;
  if (opcode === OPCODE.IOCTL) return SIZE.IN_HEADER + SIZE.IOCTL_IN;
  return opcode === OPCODE.SYMLINK ? MAX_SYMLINK_BYTES : MAX_REQUEST_BYTES;
}

const GIVES_NODE: ReadonlySet<number> = new Set([
  OPCODE.LOOKUP,
  OPCODE.SYMLINK,
  OPCODE.MKNOD,
  OPCODE.MKDIR,
  OPCODE.LINK,
  OPCODE.CREATE,
  OPCODE.TMPFILE,
]);

/** Whether the answer names a node. */
function givesNode(opcode: number): boolean {
  return GIVES_NODE.has(opcode);
}
