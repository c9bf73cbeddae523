/** Copying between files without the caller's memory. @module */

import { EFBIG, EINVAL, EISDIR } from "../errno.ts";
import type { Engine } from "./engine.ts";
import { maxFileBytes } from "./limits.ts";
import { read } from "./read.ts";
import { write, type WriteOptions } from "./write.ts";

const CHUNK_BYTES = 1 << 20;
let chunk: Uint8Array | null = null;

/**
 * Copies up to `length` bytes; stops at the source's end.
 * @returns bytes copied, or a negated errno (EINVAL for overlapping ranges of one file).
 */
export function copyRange(
  engine: Engine,
  ino: number,
  offset: number,
  newIno: number,
  newOffset: number,
  length: number,
  options: WriteOptions,
): number {
  const source = engine.inode(ino);
  const target = engine.inode(newIno);
  if (source.isDirectory || target.isDirectory) return -EISDIR;
  if (!source.isRegular || !target.isRegular) return -EINVAL;
  if (newOffset >= maxFileBytes(engine, target)) return -EFBIG;
  const wanted = Math.min(length, Math.max(0, source.size - offset));
  if (ino === newIno && offset < newOffset + wanted && newOffset < offset + wanted) return -EINVAL;
  chunk ??= new Uint8Array(CHUNK_BYTES);
  let done = 0;
  while (done < wanted) {
    const part = chunk.subarray(0, Math.min(CHUNK_BYTES, wanted - done));
    const got = read(engine, ino, offset + done, part);
    if (got <= 0) return done > 0 ? done : got;
    const put = write(engine, newIno, newOffset + done, part.subarray(0, got), options);
    if (put < 0) return done > 0 ? done : put;
    done += put;
    if (put < got) break;
  }
  return done;
}
