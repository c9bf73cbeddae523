/**
 * Taking stock of an image: which files have how many extents, where the free space is, what lies where.
 *
 * @module
 */

import type { Image, ImageDescription } from "../../mod.ts";

/** One file. Bytes are those that are allocated. */
export interface SurveyedFile {
  readonly path: string;
  readonly extents: number;
  readonly bytes: number;
}

/** Free runs of one size class. */
export interface FreeClass {
  /** Runs of at least so many bytes, and less than twice as many. */
  readonly fromBytes: number;
  readonly runs: number;
  readonly bytes: number;
}

/** What a part of the disk holds, in bytes. What is in none of them is metadata. */
export interface Cell {
  bytes: number;
  free: number;
  /** File content in extents of at least `LARGE_BYTES`, and in smaller ones. */
  whole: number;
  pieces: number;
}

/** All of it. */
export interface Survey {
  readonly description: ImageDescription;
  /** Files and directories that have blocks, the most extents first. */
  readonly files: readonly SurveyedFile[];
  readonly freeClasses: readonly FreeClass[];
  readonly freeRuns: number;
  readonly largestFreeBytes: number;
  /** The disk from its beginning to its end, in parts of equal size. */
  readonly cells: readonly Cell[];
}

/** Extents from this size on do not slow anybody down. */
const LARGE_BYTES = 1 << 20;

/** Looks at everything. @param cells into how many parts the disk is cut, at most. */
export function survey(image: Image, cells: number): Survey {
  const description = image.describe();
  const map = new CellMap(description.bytes, cells, description.blockBytes);
  const files: SurveyedFile[] = [];
  const seen = new Set<number>();
  const add = (path: string): void => {
    const extents = image.extents(path);
    if (extents.length === 0) return;
    let bytes = 0;
    for (const { deviceOffset, length } of extents) {
      bytes += length;
      map.add(deviceOffset, length, length >= LARGE_BYTES ? "whole" : "pieces");
    }
    files.push({ path, extents: extents.length, bytes });
  };
  add("/");
  for (const { path, ino } of image.walk("/")) {
    if (seen.has(ino)) continue;
    seen.add(ino);
    add(path);
  }
  files.sort((a, b) => b.extents - a.extents || b.bytes - a.bytes);
  const free = freeSpace(image, map);
  return { description, files, ...free, cells: map.cells };
}

function freeSpace(image: Image, map: CellMap) {
  const classes = new Map<number, { runs: number; bytes: number }>();
  let freeRuns = 0;
  let largestFreeBytes = 0;
  for (const { deviceOffset, length } of image.freeRuns()) {
    const from = 2 ** Math.floor(Math.log2(length));
    const entry = classes.get(from) ?? { runs: 0, bytes: 0 };
    entry.runs++;
    entry.bytes += length;
    classes.set(from, entry);
    freeRuns++;
    largestFreeBytes = Math.max(largestFreeBytes, length);
    map.add(deviceOffset, length, "free");
  }
  const freeClasses = [...classes].sort(([a], [b]) => a - b)
    .map(([fromBytes, entry]) => ({ fromBytes, ...entry }));
  return { freeClasses, freeRuns, largestFreeBytes };
}

/** The disk in parts. */
class CellMap {
  readonly cells: Cell[] = [];
  readonly #cellBytes: number;

  constructor(bytes: number, count: number, blockBytes: number) {
    const blocks = Math.max(1, Math.ceil(bytes / blockBytes / count));
    this.#cellBytes = blocks * blockBytes;
    for (let at = 0; at < bytes; at += this.#cellBytes) {
      const cellBytes = Math.min(this.#cellBytes, bytes - at);
      this.cells.push({ bytes: cellBytes, free: 0, whole: 0, pieces: 0 });
    }
  }

  add(offset: number, length: number, kind: "free" | "whole" | "pieces"): void {
    const end = offset + length;
    for (let at = offset; at < end;) {
      const index = Math.floor(at / this.#cellBytes);
      const until = Math.min(end, (index + 1) * this.#cellBytes);
      const cell = this.cells[index];
      if (cell === undefined) return;
      cell[kind] += until - at;
      at = until;
    }
  }
}
