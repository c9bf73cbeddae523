/**
 * Records of requests, decoded.
 *
 * @module
 */

import { OPCODE, opcodeName, SIZE } from "./abi.ts";
import { RECORD_COMPLETION, RECORD_DEFERRED, RECORD_HEAD_BYTES } from "./recorder.ts";
import { Request } from "./request.ts";

/** What a request asked for, in numbers and names; which of them there are depends on the operation. */
export interface RequestDetails {
  /** Names, and the target of a symbolic link. */
  readonly name?: string;
  readonly newName?: string;
  readonly target?: string;
  /** The other node: new directory (RENAME), old node (LINK), target (COPY_FILE_RANGE). */
  readonly other?: number;
  readonly offset?: number;
  readonly newOffset?: number;
  /** Bytes asked for. */
  readonly size?: number;
  readonly mode?: number;
  readonly flags?: number;
  readonly rdev?: number;
  /** SETATTR: FATTR_* bits, and the values that they name. */
  readonly valid?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly atime?: number;
  readonly mtime?: number;
}

/** A request that was handled. Times are microseconds. */
export interface RecordedRequest extends RequestDetails {
  readonly operation: string;
  readonly ticket: number;
  /** On the server's clock. */
  readonly begin: number;
  /** Until it was answered; or, with `deferred`, until it was put off. */
  readonly took: number;
  /** Bytes of the answer, or the negated errno. */
  readonly result: number;
  readonly deferred: boolean;
  readonly node: number;
  /** The node that the answer names; 0 for none. */
  readonly resultNode: number;
  readonly callerUid: number;
  readonly callerPid: number;
}

/** A request that had been deferred was answered. */
export interface RecordedCompletion {
  readonly completes: number;
  readonly begin: number;
  readonly took: number;
  readonly result: number;
}

const ARGUMENTS = SIZE.IN_HEADER;
const decoder = new TextDecoder();

type Decode = (request: Request) => RequestDetails;

function nameAt(request: Request, at: number): string {
  const name = request.text(at);
  return name === undefined ? "" : decoder.decode(name);
}

const oneName = (argumentBytes: number): Decode => (request) => ({
  name: nameAt(request, ARGUMENTS + argumentBytes),
});

const range: Decode = (request) => ({
  offset: request.u64(ARGUMENTS + 8),
  size: request.u32(ARGUMENTS + 16),
});

const rename = (argumentBytes: number): Decode => (request) => ({
  name: nameAt(request, ARGUMENTS + argumentBytes),
  newName: nameAt(request, request.next),
  other: request.u64(ARGUMENTS),
  flags: argumentBytes === SIZE.RENAME2_IN ? request.u32(ARGUMENTS + 8) : 0,
});

const copyRange: Decode = (request) => ({
  offset: request.u64(ARGUMENTS + 8),
  other: request.u64(ARGUMENTS + 16),
  newOffset: request.u64(ARGUMENTS + 32),
  size: request.u64(ARGUMENTS + 40),
});

/** The arguments' layouts are those of `operations/`. */
const DETAILS: Readonly<Record<number, Decode>> = {
  [OPCODE.LOOKUP]: oneName(0),
  [OPCODE.UNLINK]: oneName(0),
  [OPCODE.RMDIR]: oneName(0),
  [OPCODE.REMOVEXATTR]: oneName(0),
  [OPCODE.SYMLINK]: (request) => ({
    name: nameAt(request, ARGUMENTS),
    target: nameAt(request, request.next),
  }),
  [OPCODE.MKNOD]: (request) => ({
    name: nameAt(request, ARGUMENTS + SIZE.MKNOD_IN),
    mode: request.u32(ARGUMENTS),
    rdev: request.u32(ARGUMENTS + 4),
  }),
  [OPCODE.MKDIR]: (request) => ({
    name: nameAt(request, ARGUMENTS + SIZE.MKDIR_IN),
    mode: request.u32(ARGUMENTS),
  }),
  [OPCODE.RENAME]: rename(SIZE.RENAME_IN),
  [OPCODE.RENAME2]: rename(SIZE.RENAME2_IN),
  [OPCODE.LINK]: (request) => ({
    name: nameAt(request, ARGUMENTS + SIZE.LINK_IN),
    other: request.u64(ARGUMENTS),
  }),
  [OPCODE.CREATE]: (request) => ({
    name: nameAt(request, ARGUMENTS + SIZE.CREATE_IN),
    flags: request.u32(ARGUMENTS),
    mode: request.u32(ARGUMENTS + 4),
  }),
  [OPCODE.TMPFILE]: (request) => ({
    flags: request.u32(ARGUMENTS),
    mode: request.u32(ARGUMENTS + 4),
  }),
  [OPCODE.OPEN]: (request) => ({ flags: request.u32(ARGUMENTS) }),
  [OPCODE.READ]: range,
  [OPCODE.WRITE]: range,
  [OPCODE.READDIR]: range,
  [OPCODE.READDIRPLUS]: range,
  [OPCODE.FSYNC]: (request) => ({ flags: request.u32(ARGUMENTS + 8) }),
  [OPCODE.FSYNCDIR]: (request) => ({ flags: request.u32(ARGUMENTS + 8) }),
  [OPCODE.ACCESS]: (request) => ({ mode: request.u32(ARGUMENTS) }),
  [OPCODE.IOCTL]: (request) => ({ flags: request.u32(ARGUMENTS + 12) }),
  [OPCODE.SETXATTR]: (request) => ({
    size: request.u32(ARGUMENTS),
    flags: request.u32(ARGUMENTS + 4),
    name: xattrName(request),
  }),
  [OPCODE.GETXATTR]: (request) => ({
    size: request.u32(ARGUMENTS),
    name: nameAt(request, ARGUMENTS + SIZE.GETXATTR_IN),
  }),
  [OPCODE.LISTXATTR]: (request) => ({ size: request.u32(ARGUMENTS) }),
  [OPCODE.FALLOCATE]: (request) => ({
    offset: request.u64(ARGUMENTS + 8),
    size: request.u64(ARGUMENTS + 16),
    mode: request.u32(ARGUMENTS + 24),
  }),
  [OPCODE.LSEEK]: (request) => ({
    offset: request.u64(ARGUMENTS + 8),
    flags: request.u32(ARGUMENTS + 16),
  }),
  [OPCODE.COPY_FILE_RANGE]: copyRange,
  [OPCODE.COPY_FILE_RANGE_64]: copyRange,
  [OPCODE.SETATTR]: (request) => ({
    valid: request.u32(ARGUMENTS),
    size: request.u64(ARGUMENTS + 16),
    atime: request.i64(ARGUMENTS + 32),
    mtime: request.i64(ARGUMENTS + 40),
    mode: request.u32(ARGUMENTS + 68),
    uid: request.u32(ARGUMENTS + 76),
    gid: request.u32(ARGUMENTS + 80),
  }),
};

/** The name of an attribute that is set lies behind 16 bytes of arguments where SETXATTR_EXT was agreed on, which kfs asks for. */
function xattrName(request: Request): string {
  const extended = nameAt(request, ARGUMENTS + SIZE.SETXATTR_IN);
  return extended.includes(".") ? extended : nameAt(request, ARGUMENTS + SIZE.SETXATTR_COMPAT_IN);
}

/** Decodes what `Recorder.take` gave. */
export function* decodeRecords(
  bytes: Uint8Array,
): Generator<RecordedRequest | RecordedCompletion, void, void> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at + RECORD_HEAD_BYTES <= bytes.length;) {
    const length = view.getUint32(at, true);
    if (length < RECORD_HEAD_BYTES || at + length > bytes.length) return;
    const flags = view.getUint32(at + 4, true);
    const begin = view.getFloat64(at + 8, true);
    const took = view.getUint32(at + 24, true);
    const result = view.getInt32(at + 28, true);
    const ticket = view.getUint32(at + 32, true);
    if ((flags & RECORD_COMPLETION) !== 0) yield { completes: ticket, begin, took, result };
    else {
      const resultNode = view.getFloat64(at + 16, true);
      const deferred = (flags & RECORD_DEFERRED) !== 0;
      const request = new Request(bytes.subarray(at + RECORD_HEAD_BYTES, at + length));
      if (request.load(length - RECORD_HEAD_BYTES)) {
        yield { ...described(request), ticket, begin, took, result, deferred, resultNode };
      }
    }
    at += length;
  }
}

function described(request: Request) {
  return {
    operation: opcodeName(request.opcode),
    node: request.node,
    callerUid: request.uid,
    callerPid: request.pid,
    ...DETAILS[request.opcode]?.(request),
  };
}
