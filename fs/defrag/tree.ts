/**
 * Defragmenting everything below a directory: first all files are looked at, then those are worked on that are in
 * more pieces than they need be.
 *
 * @module
 */

import { EBUSY, EROFS } from "../errno.ts";
import { FsError } from "../errors.ts";
import { ROOT_INODE } from "../layout/superblock.ts";
import type { Engine } from "../ops/engine.ts";
import { readDirectory } from "../ops/read_directory.ts";
import type { Inode } from "../volume/inode.ts";
import { canMove, Defragmentation } from "./defragment.ts";
import { measure } from "./stretch.ts";

/** What is wanted. */
export interface TreeOptions {
  /** Only look. */
  readonly dryRun: boolean;
  /** Files that the report names, the most extents first. */
  readonly listed: number;
  /** Move content while there are snapshots, too: they then hold its old place. */
  readonly force: boolean;
  /** Content moved in one step, bytes. */
  readonly sliceBytes: number;
}

/** One file that was in more pieces than it needs. Counts are extents. */
export interface FileReport {
  readonly path: string;
  readonly ino: number;
  readonly bytes: number;
  readonly ideal: number;
  readonly before: number;
  /** The same as `before` until it was worked on. */
  after: number;
}

/** All of it. */
export interface TreeReport {
  /** Files that have content in blocks of their own. */
  files: number;
  /** Of these: in more pieces than they need, before and after. */
  fragmentedBefore: number;
  fragmentedAfter: number;
  /** Of all of them. */
  extentsBefore: number;
  extentsAfter: number;
  idealExtents: number;
  movedBytes: number;
  /** Files that could not be looked at or worked on: damaged ones, which the log tells of. */
  failed: number;
  listed: readonly FileReport[];
}

/** How far it is, in files while it looks, then in bytes; `total` 0: not known. */
export interface TreeProgress {
  readonly step: "looking" | "moving";
  readonly done: number;
  readonly total: number;
  /** As it is by now. */
  readonly report: TreeReport;
}

const ENTRIES_A_STEP = 256;
const DOT = 0x2e;
const SLASH = "/";
/** Holds what kfs keeps for itself, by its place on the device. */
const HIDDEN = ".kfs";
const decoder = new TextDecoder();

interface Directory {
  readonly ino: number;
  readonly path: string;
}

interface Entry extends Directory {
  readonly name: string;
}

/** The work on a file, or on all files below a directory. */
class TreeDefragmentation {
  readonly report: TreeReport = {
    files: 0,
    fragmentedBefore: 0,
    fragmentedAfter: 0,
    extentsBefore: 0,
    extentsAfter: 0,
    idealExtents: 0,
    movedBytes: 0,
    failed: 0,
    listed: [],
  };
  readonly #fragmented: FileReport[] = [];
  /** Inodes that may be met again: directories, in damaged images, and files with several names. */
  readonly #seen = new Set<number>();
  #looked = 0;

  constructor(readonly engine: Engine, readonly options: TreeOptions) {}

  *run(start: Directory): Generator<TreeProgress, TreeReport, void> {
    const { superblock, groups } = this.engine.volume;
    const total = start.ino === ROOT_INODE ? superblock.inodesCount - groups.totalFreeInodes : 0;
    for (const _ of this.#look(start)) {
      yield { step: "looking", done: this.#looked, total, report: this.report };
    }
    this.#fragmented.sort((a, b) => b.before - a.before || b.bytes - a.bytes);
    this.report.listed = this.#fragmented.slice(0, this.options.listed);
    if (!this.options.dryRun) yield* this.#work();
    return this.report;
  }

  /** Visits all files, a few of them in each step. */
  *#look(start: Directory): Generator<void> {
    const pending: Directory[] = [];
    this.#visit(start, pending);
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      for (const entries of this.#entries(next)) {
        yield;
        for (const entry of entries) {
          if (next.ino !== ROOT_INODE || entry.name !== HIDDEN) this.#visit(entry, pending);
          if (++this.#looked % 16 === 0) yield;
        }
      }
    }
  }

  /** Looks at one node. */
  #visit({ ino, path }: Directory, pending: Directory[]): void {
    const inode = this.#inode(ino);
    if (inode === undefined || this.#seen.has(ino)) return;
    if (inode.isDirectory || inode.links > 1) this.#seen.add(ino);
    if (inode.isDirectory) pending.push({ ino, path });
    else this.#safely(() => this.#measure(inode, path));
  }

  #measure(inode: Inode, path: string): void {
    const { report, engine } = this;
    if (!canMove(engine, inode)) return;
    const { extents, ideal, blocks } = measure(engine.alloc, inode);
    if (extents === 0) return;
    report.files++;
    report.extentsBefore += extents;
    report.extentsAfter += extents;
    report.idealExtents += ideal;
    if (extents <= ideal) return;
    report.fragmentedBefore++;
    report.fragmentedAfter++;
    const bytes = blocks * engine.volume.geometry.blockBytes;
    const { ino } = inode;
    this.#fragmented.push({ path, ino, bytes, ideal, before: extents, after: extents });
  }

  /** A directory's entries, some in each step. What it is may have changed meanwhile. */
  *#entries({ ino, path }: Directory): Generator<Entry[]> {
    const generation = this.#inode(ino)?.generation;
    for (let cookie = 0, full = true; full;) {
      const inode = this.#inode(ino);
      if (inode === undefined || !inode.isDirectory || inode.generation !== generation) return;
      const entries: Entry[] = [];
      full = false;
      const done = this.#safely(() =>
        void readDirectory(this.engine, ino, cookie, (bytes, start, end, entryIno, next) => {
          full = entries.length === ENTRIES_A_STEP;
          if (full) return false;
          cookie = next;
          const dots = bytes[start] === DOT &&
            (end === start + 1 || (end === start + 2 && bytes[start + 1] === DOT));
          if (dots) return true;
          const name = decoder.decode(bytes.slice(start, end));
          const separator = path.endsWith(SLASH) ? "" : SLASH;
          entries.push({ ino: entryIno, name, path: `${path}${separator}${name}` });
          return true;
        })
      );
      if (!done) return;
      yield entries;
    }
  }

  /** Moves what was found, the worst first. */
  *#work(): Generator<TreeProgress, void, void> {
    const { report } = this;
    const total = this.#fragmented.reduce((sum, { bytes }) => sum + bytes, 0);
    let done = 0;
    for (const file of this.#fragmented) {
      for (const part of this.#workOn(file)) {
        yield { step: "moving", done: done + part, total, report };
      }
      done += file.bytes;
    }
  }

  /** Yields how many bytes of the file are done. */
  *#workOn(file: FileReport): Generator<number> {
    const { engine, report } = this;
    const { blockBytes } = engine.volume.geometry;
    const moved = report.movedBytes;
    let work: Defragmentation | undefined;
    this.#safely(() =>
      void (work = new Defragmentation(engine, file.ino, this.options.sliceBytes))
    );
    while (work !== undefined && !work.done) {
      const running: Defragmentation = work;
      if (!this.#safely(() => running.step())) break;
      report.movedBytes = moved + running.movedBytes;
      yield Math.min(running.position * blockBytes, file.bytes);
    }
    const inode = this.#inode(file.ino);
    if (inode === undefined || work === undefined) return;
    this.#safely(() => {
      const { extents, ideal } = measure(engine.alloc, inode);
      report.extentsAfter += extents - file.after;
      file.after = extents;
      if (extents <= ideal) report.fragmentedAfter--;
    });
  }

  /** Undefined for one that is gone, or cannot be read. */
  #inode(ino: number): Inode | undefined {
    let inode: Inode | undefined;
    this.#safely(() => {
      const found = this.engine.volume.inodes.load(ino);
      if (found.links > 0) inode = found;
    });
    return inode;
  }

  /** Damage is recorded in the image, and ends the work on one file only. @throws FsError EROFS */
  #safely(work: () => void): boolean {
    try {
      work();
      return true;
    } catch (error) {
      this.engine.errnoOf(error, "defragment");
      const { readOnly } = this.engine.volume;
      if (readOnly && !this.options.dryRun) throw new FsError(EROFS, "the image is read-only now");
      this.report.failed++;
      return false;
    } finally {
      this.engine.trim();
    }
  }
}

/**
 * Works on a file or on everything below a directory, each time that it is asked for the next value.
 * @param path what `ino` is called in reports.
 * @throws FsError EROFS; EBUSY while there are snapshots
 */
export function defragmentTree(
  engine: Engine,
  ino: number,
  path: string,
  options: TreeOptions,
): Generator<TreeProgress, TreeReport, void> {
  if (engine.alloc.keeper !== null && !options.dryRun && !options.force) {
    throw new FsError(EBUSY, "there are snapshots: what is moved takes its space twice");
  }
  return new TreeDefragmentation(engine, options).run({ ino, path });
}
