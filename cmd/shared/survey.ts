/**
 * Taking stock of a file system: which files have how many extents, where the free space is, what lies where.
 *
 * @module
 */

import type { VolumeDescription } from "../../fs/ops/describe.ts";

/** One file, by number in a mount and by path in an image. Bytes are those that are allocated. */
export interface SurveyedFile {
  readonly ino: number;
  readonly path?: string;
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
  readonly description: VolumeDescription;
  /** Files and directories that have blocks, those of them in more than one piece, and all their extents. */
  readonly fileCount: number;
  readonly fragmentedFiles: number;
  readonly extents: number;
  /** Those in more than one piece, the most extents first. */
  readonly worst: readonly SurveyedFile[];
  readonly freeClasses: readonly FreeClass[];
  readonly freeRuns: number;
  readonly largestFreeBytes: number;
  /** The disk from its beginning to its end, in parts of equal size. */
  readonly cells: readonly Cell[];
}

/** Extents from this size on do not slow anybody down. */
const LARGE_BYTES = 1 << 20;

/** A run of bytes on the device. */
interface Run {
  readonly deviceOffset: number;
  readonly length: number;
}

/** A survey in the making. */
export class SurveyBuilder {
  readonly #cells: CellMap;
  readonly #classes = new Map<number, { runs: number; bytes: number }>();
  #worst: SurveyedFile[] = [];
  #fileCount = 0;
  #fragmentedFiles = 0;
  #extents = 0;
  #freeRuns = 0;
  #largestFreeBytes = 0;

  /**
   * @param cells into how many parts the disk is cut, at most.
   * @param wanted how many files to keep.
   */
  constructor(readonly description: VolumeDescription, cells: number, readonly wanted: number) {
    this.#cells = new CellMap(description.bytes, cells, description.blockBytes);
  }

  /** An extent of a file's. */
  addExtent({ deviceOffset, length }: Run): void {
    this.#cells.add(deviceOffset, length, length >= LARGE_BYTES ? "whole" : "pieces");
  }

  /** A file all of whose extents were added. */
  addFile(file: SurveyedFile): void {
    if (file.extents === 0) return;
    this.#fileCount++;
    this.#extents += file.extents;
    if (file.extents === 1) return;
    this.#fragmentedFiles++;
    this.#worst.push(file);
    if (this.#worst.length >= 2 * this.wanted + 1000) this.#worst = this.#sorted();
  }

  addFree({ deviceOffset, length }: Run): void {
    const from = 2 ** Math.floor(Math.log2(length));
    const entry = this.#classes.get(from) ?? { runs: 0, bytes: 0 };
    entry.runs++;
    entry.bytes += length;
    this.#classes.set(from, entry);
    this.#freeRuns++;
    this.#largestFreeBytes = Math.max(this.#largestFreeBytes, length);
    this.#cells.add(deviceOffset, length, "free");
  }

  finish(): Survey {
    return {
      description: this.description,
      fileCount: this.#fileCount,
      fragmentedFiles: this.#fragmentedFiles,
      extents: this.#extents,
      worst: this.#sorted(),
      freeClasses: [...this.#classes].sort(([a], [b]) => a - b)
        .map(([fromBytes, entry]) => ({ fromBytes, ...entry })),
      freeRuns: this.#freeRuns,
      largestFreeBytes: this.#largestFreeBytes,
      cells: this.#cells.cells,
    };
  }

  #sorted(): SurveyedFile[] {
    return this.#worst.sort((a, b) => b.extents - a.extents || b.bytes - a.bytes)
      .slice(0, this.wanted);
  }
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
