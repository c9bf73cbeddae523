/**
 * How kfsctl talks to the process that serves a mount: an ioctl on any directory or file of the mount, so
 * that the mount point is all that one has to know, and the kernel says who asks.
 *
 * An ioctl through FUSE carries a frame of fixed size there and one back. A message is JSON in UTF-8;
 * one that is longer than a frame goes in pieces:
 *
 *     SEND  exchange 0, total, offset 0, bytes    → MORE exchange 7          (or at once the answer)
 *     SEND  exchange 7, total, offset n, bytes    → ANSWER exchange 7, total, offset 0, bytes
 *     FETCH exchange 7, offset n                  → ANSWER exchange 7, total, offset n, bytes
 *
 * An exchange ends when the last bytes of its answer were fetched. A frame, little-endian:
 *
 *     0 magic u32   4 version u16   6 kind u16   8 exchange u32   12 total u32   16 offset u32
 *     20 length u32   24 bytes
 *
 * @module
 */

/** Bytes of a frame: under the 16 KiB that an ioctl's number can tell. */
export const FRAME_BYTES = 16368;
const HEADER_BYTES = 24;
/** The most that a frame carries of a message. */
export const PIECE_BYTES = FRAME_BYTES - HEADER_BYTES;

/** `_IOWR('k', 0x4b, 16368)`: read, write and size in the upper half, as asm-generic/ioctl.h has it. */
export const CONTROL_IOCTL = 0xc000_6b4b + FRAME_BYTES * 0x1_0000;

/** Changes when frames or the shape of messages do. */
export const CONTROL_VERSION = 1;

/** The longest question and the longest answer, in bytes. */
export const MAX_REQUEST_BYTES = 1 << 20;
export const MAX_ANSWER_BYTES = 16 << 20;

const MAGIC = 0x4c54_434b; // "KCTL"

/** What a frame is. */
export const FRAME = { SEND: 1, FETCH: 2, MORE: 3, ANSWER: 4 } as const;

/** A decoded frame; `bytes` lies within the frame's memory. */
export interface Frame {
  readonly version: number;
  readonly kind: number;
  readonly exchange: number;
  readonly total: number;
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** Decodes a frame; undefined for bytes that are none. */
export function decodeFrame(memory: Uint8Array): Frame | undefined {
  if (memory.length !== FRAME_BYTES) return undefined;
  const view = new DataView(memory.buffer, memory.byteOffset, memory.byteLength);
  const length = view.getUint32(20, true);
  if (view.getUint32(0, true) !== MAGIC || length > PIECE_BYTES) return undefined;
  return {
    version: view.getUint16(4, true),
    kind: view.getUint16(6, true),
    exchange: view.getUint32(8, true),
    total: view.getUint32(12, true),
    offset: view.getUint32(16, true),
    bytes: memory.subarray(HEADER_BYTES, HEADER_BYTES + length),
  };
}

/** Encodes a frame into `memory` (`FRAME_BYTES`), of this version. @param bytes at most `PIECE_BYTES`. */
export function encodeFrame(memory: Uint8Array, frame: Omit<Frame, "version">): void {
  const view = new DataView(memory.buffer, memory.byteOffset, memory.byteLength);
  view.setUint32(0, MAGIC, true);
  view.setUint16(4, CONTROL_VERSION, true);
  view.setUint16(6, frame.kind, true);
  view.setUint32(8, frame.exchange, true);
  view.setUint32(12, frame.total, true);
  view.setUint32(16, frame.offset, true);
  view.setUint32(20, frame.bytes.length, true);
  memory.set(frame.bytes, HEADER_BYTES);
}

/** A question. */
export interface ControlRequest {
  readonly command: string;
  readonly args: Readonly<Record<string, unknown>>;
}

/** Why a command was not done: wrong arguments, not possible now, not found, it failed, a fault of the program. */
export type ControlErrorKind = "usage" | "busy" | "missing" | "failed" | "internal";

/** The answer to a question. */
export type ControlAnswer =
  | { readonly result: unknown }
  | { readonly error: { readonly kind: ControlErrorKind; readonly message: string } };

/** How far a job is, in units that its command's documentation names. `total` 0: not known. */
export interface Progress {
  readonly done: number;
  readonly total: number;
  readonly text?: string;
}

/** What `job.start` and `job.poll` tell. */
export interface JobState {
  readonly id: number;
  readonly name: string;
  readonly state: "running" | "done" | "failed" | "cancelled";
  readonly progress: Progress;
  /** With "done". */
  readonly result?: unknown;
  /** With "failed". */
  readonly message?: string;
}
