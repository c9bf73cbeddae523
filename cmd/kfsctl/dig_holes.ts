/** Making holes of what is nothing but zeros in an image file. @module */

import { FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE, O_RDWR } from "../../ffi/libc/constants.ts";
import { close, fallocate, open, pread, seekData, seekHole } from "../../ffi/libc/file.ts";
import { CommandError } from "../shared/command_error.ts";

const PIECE_BYTES = 1 << 20;
/** Pages of the host: what a file system allocates at least, almost everywhere. */
const UNIT_BYTES = 4096;

/**
 * Makes holes of zeros in `[from, to)` of a file that nobody else may be writing.
 * @param progress told how far it is, in bytes.
 * @throws SystemError; CommandError where the host's file system has no holes
 */
export function digHoles(
  path: string,
  from: number,
  to: number,
  progress: (done: number, total: number) => void,
): void {
  const descriptor = open(path, O_RDWR);
  try {
    for (let at = from; at < to;) {
      const data = seekData(descriptor, at);
      if (data < 0 || data >= to) return;
      const hole = seekHole(descriptor, data);
      const end = hole < 0 ? to : Math.min(hole, to);
      digInData(
        descriptor,
        Math.ceil(Math.max(data, at) / UNIT_BYTES) * UNIT_BYTES,
        end,
        (done) => {
          progress(done - from, to - from);
        },
      );
      at = end;
    }
  } finally {
    close(descriptor);
  }
}

function digInData(
  descriptor: number,
  from: number,
  to: number,
  progress: (at: number) => void,
): void {
  const piece = new Uint8Array(PIECE_BYTES);
  let zeros = from;
  let at = from;
  while (at < to) {
    const count = pread(descriptor, piece.subarray(0, Math.min(PIECE_BYTES, to - at)), at);
    if (count === 0) break;
    for (let unit = 0; unit < count; unit += UNIT_BYTES) {
      if (isZero(piece.subarray(unit, Math.min(count, unit + UNIT_BYTES)))) continue;
      punch(descriptor, zeros, at + unit);
      zeros = at + unit + UNIT_BYTES;
    }
    at += count;
    progress(at);
  }
  // A unit that reaches beyond the range is not ours.
  punch(descriptor, zeros, to - to % UNIT_BYTES);
}

function punch(descriptor: number, from: number, to: number): void {
  if (to <= from) return;
  const mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
  if (fallocate(descriptor, mode, from, to - from)) return;
  throw new CommandError("the host's file system cannot make holes in files");
}

function isZero(bytes: Uint8Array): boolean {
  const words = bytes.byteLength >>> 3;
  const view = new BigUint64Array(bytes.buffer, bytes.byteOffset, words);
  for (let index = 0; index < words; index++) if (view[index] !== 0n) return false;
  for (let index = words * 8; index < bytes.length; index++) if (bytes[index] !== 0) return false;
  return true;
}
