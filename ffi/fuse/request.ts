/**
 * A request in memory: bounded reading of its header, arguments, names and data.
 *
 * @module
 */

import { NAME_MAX, SIZE } from "./abi.ts";

const TWO_TO_32 = 0x1_0000_0000;
const DOT = 0x2e;
const SLASH = 0x2f;

/** Why a name was refused: negated errno numbers. */
export const EINVAL_NAME = -22;
export const ENAMETOOLONG = -36;

/**
 * One request. The memory is reused: `load` takes up the next one. Offsets are from the beginning of
 * the request; `argument` is where the arguments begin, after the header.
 *
 * The getters trust their offset: the dispatcher has checked that the fixed arguments are there.
 */
export class Request {
  /** Length in bytes of header, arguments and what follows them, without extensions. */
  end = 0;
  opcode = 0;
  node = 0;
  uniqueLow = 0;
  uniqueHigh = 0;
  uid = 0;
  gid = 0;
  pid = 0;
  /** Set by `name`: where the name's successor begins. */
  next = 0;
  /** Set by `name` when it gives no name: the negated errno. */
  nameError = EINVAL_NAME;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  /** @param bytes the memory that requests come in; at least a header long. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /**
   * Takes up the request that lies in the memory.
   * @param receivedBytes how much the transport received.
   * @returns whether the header holds together: its length is what was received and its extensions lie
   * within. Opcode and number can be used either way when a whole header was received.
   */
  load(receivedBytes: number): boolean {
    if (receivedBytes < SIZE.IN_HEADER || receivedBytes > this.#bytes.length) {
      this.opcode = 0;
      return false;
    }
    const view = this.#view;
    const length = view.getUint32(0, true);
    this.opcode = view.getUint32(4, true);
    this.uniqueLow = view.getUint32(8, true);
    this.uniqueHigh = view.getUint32(12, true);
    this.node = this.u64(16);
    this.uid = view.getUint32(24, true);
    this.gid = view.getUint32(28, true);
    this.pid = view.getUint32(32, true);
    this.end = length - view.getUint16(36, true) * 8;
    return length === receivedBytes && this.end >= SIZE.IN_HEADER;
  }

  /** The request's number as the kernel writes it, for people. */
  get unique(): number {
    return this.uniqueHigh * TWO_TO_32 + this.uniqueLow;
  }

  /** Bytes of arguments and what follows them. */
  get argumentBytes(): number {
    return this.end - SIZE.IN_HEADER;
  }

  u32(at: number): number {
    return this.#view.getUint32(at, true);
  }

  /** Beyond 2^53 the nearest number: larger than every offset that a file system can take. */
  u64(at: number): number {
    return this.#view.getUint32(at + 4, true) * TWO_TO_32 + this.#view.getUint32(at, true);
  }

  i64(at: number): number {
    return this.#view.getInt32(at + 4, true) * TWO_TO_32 + this.#view.getUint32(at, true);
  }

  /** A view of the bytes from `at` to `end`, which must lie within the request. */
  bytes(at: number, end: number): Uint8Array {
    return this.#bytes.subarray(at, end);
  }

  /**
   * A view of the NUL-ended string at `at`; undefined when it has no end. `next` is set behind it.
   */
  text(at: number): Uint8Array | undefined {
    const bytes = this.#bytes;
    const end = this.end;
    for (let index = at; index < end; index++) {
      if (bytes[index] === 0) {
        this.next = index + 1;
        return bytes.subarray(at, index);
      }
    }
    this.nameError = EINVAL_NAME;
    return undefined;
  }

  /**
   * A view of the NUL-ended name at `at`; undefined, with `nameError`, for one that is empty,
   * has no end, holds a slash, is longer than 255 bytes, or is `.` or `..` and `dots` is false.
   */
  name(at: number, dots = false): Uint8Array | undefined {
    const bytes = this.#bytes;
    const { end } = this;
    let index = at;
    let slash = false;
    for (; index < end; index++) {
      const byte = bytes[index];
      if (byte === 0) break;
      if (byte === SLASH) slash = true;
    }
    const length = index - at;
    this.nameError = EINVAL_NAME;
    if (index >= end || length === 0) return undefined;
    if (length > NAME_MAX) {
      this.nameError = ENAMETOOLONG;
      return undefined;
    }
    if (slash) return undefined;
    if (!dots && bytes[at] === DOT && (length === 1 || (length === 2 && bytes[at + 1] === DOT))) {
      return undefined;
    }
    this.next = index + 1;
    return bytes.subarray(at, index);
  }
}
