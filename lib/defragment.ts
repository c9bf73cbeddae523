/**
 * Defragmenting files of an image.
 *
 * @module
 */

import { canMove, Defragmentation, SLICE_BYTES } from "../fs/defrag/defragment.ts";
import { type Fragmentation, measure } from "../fs/defrag/stretch.ts";
import { defragmentTree, type TreeProgress, type TreeReport } from "../fs/defrag/tree.ts";
import { EROFS } from "../fs/errno.ts";
import type { Core } from "./core.ts";
import { type Path, textOf } from "./path.ts";

/** How far the work on a file is. */
export interface DefragmentProgress {
  /** Bytes of content that were moved so far. */
  readonly movedBytes: number;
  /** Up to which byte of the file it was looked at. */
  readonly position: number;
}

/** What came of it. */
export interface DefragmentResult {
  readonly movedBytes: number;
  readonly before: Fragmentation;
  readonly after: Fragmentation;
}

/** How `defragmentAll` works. */
export interface DefragmentOptions {
  /** Only look. Default false. */
  readonly dryRun?: boolean;
  /** Also while there are snapshots, which then hold what is moved. Default false: EBUSY. */
  readonly force?: boolean;
  /** How many files the report names, the most extents first. Default 10. */
  readonly listed?: number;
}

const NOTHING: Fragmentation = { extents: 0, ideal: 0, blocks: 0 };

/** Counts a file's extents; none for what has no content in blocks of its own that could be moved. */
export function fragmentation(core: Core, path: Path): Fragmentation {
  return core.run("fragmentation", path, () => measured(core, core.find(path, false)));
}

function measured(core: Core, ino: number): Fragmentation {
  const inode = core.engine.inode(ino);
  return canMove(core.engine, inode) ? measure(core.engine.alloc, inode) : NOTHING;
}

/** Moves the pieces of a file together. The path is looked up at once, the work is done as it is asked for. */
export function defragment(
  core: Core,
  path: Path,
): Generator<DefragmentProgress, DefragmentResult> {
  const work = core.run("defragment", path, () => {
    if (core.engine.volume.readOnly) core.refuse(EROFS);
    return new Defragmentation(core.engine, core.find(path, false));
  });
  return steps(core, path, work);
}

function* steps(
  core: Core,
  path: Path,
  work: Defragmentation,
): Generator<DefragmentProgress, DefragmentResult> {
  const { ino } = work;
  const before = core.run("defragment", path, () => measured(core, ino));
  while (!work.done && before.extents > before.ideal) {
    core.run("defragment", path, () => work.step());
    yield { movedBytes: work.movedBytes, position: work.position * core.blockBytes };
  }
  const after = core.run("defragment", path, () => work.done ? measured(core, ino) : before);
  return { movedBytes: work.movedBytes, before, after };
}

/** Looks at, and works on, everything below a path. */
export function defragmentAll(
  core: Core,
  path: Path,
  options: DefragmentOptions,
): Generator<TreeProgress, TreeReport> {
  const { dryRun = false, force = false, listed = 10 } = options;
  const work = core.run("defragment", path, () => {
    if (core.engine.volume.readOnly && !dryRun) core.refuse(EROFS);
    const ino = core.find(path, false);
    const sliceBytes = SLICE_BYTES;
    return defragmentTree(core.engine, ino, textOf(path), { dryRun, force, listed, sliceBytes });
  });
  return operations(core, path, work);
}

/** Each step as an operation. */
function* operations(
  core: Core,
  path: Path,
  work: Generator<TreeProgress, TreeReport, void>,
): Generator<TreeProgress, TreeReport> {
  for (;;) {
    const step = core.run("defragment", path, () => work.next());
    if (step.done === true) return step.value;
    yield step.value;
  }
}
