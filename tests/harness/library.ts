/**
 * Tests of the library: images in memory that e2fsck has to find clean in the end.
 *
 * @module
 */

import assert from "node:assert/strict";
import {
  createMemoryImage,
  type FormatOptions,
  FsError,
  type Image,
  type MemoryImage,
  open,
  type OpenOptions,
} from "../../mod.ts";
import { findProgram } from "../../tools/process.ts";
import { mustBeClean } from "./e2fsck.ts";
import { Scratch } from "./scratch.ts";
import { recordSkip } from "./skip.ts";

/** How a test's image is made. */
export interface TestImage {
  /** Bytes; default 16 MiB. */
  readonly size?: number;
  readonly format?: FormatOptions;
  readonly open?: OpenOptions;
}

/** Works on a fresh image in memory, closes it, and has e2fsck look at it. Returns the image. */
export function withImage(work: (image: Image) => void, how: TestImage = {}): MemoryImage {
  const memory = createMemoryImage(how.size ?? 16 << 20, how.format ?? {});
  {
    using image = open(memory, how.open ?? {});
    work(image);
  }
  memoryMustBeClean(memory);
  return memory;
}

/** Throws unless e2fsck finds the image clean. */
export function memoryMustBeClean(memory: MemoryImage, when?: string): void {
  withFile(memory, (path) => mustBeClean(path, when));
}

/** Writes the image to a file for a program of e2fsprogs to look at; recorded as a skip when that is missing. */
export function withFile(
  memory: MemoryImage,
  look: (path: string) => void,
  program = "e2fsck",
): void {
  if (findProgram(program) === undefined) {
    recordSkip(`library: a look with ${program}`, `not installed: ${program}`);
    return;
  }
  using scratch = new Scratch("library");
  const path = scratch.path("image");
  memory.writeTo(path);
  look(path);
}

/** Throws unless `work` throws an `FsError` with this code. Returns the error. */
export function mustFail(code: string, work: () => unknown, what = ""): FsError {
  let thrown: unknown;
  try {
    work();
  } catch (error) {
    thrown = error;
  }
  assert.ok(thrown instanceof FsError, `${what} ${code} was expected, not ${thrown ?? "success"}`);
  assert.equal(thrown.code, code, thrown.message);
  assert.ok(!thrown.message.includes("\n"), "the message is one line");
  return thrown;
}

/** Bytes that tell where they come from. */
export function patternBytes(length: number, seed = 1): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let index = 0; index < length; index++) {
    bytes[index] = (index * 31 + (index >> 8) + seed) & 255;
  }
  return bytes;
}
