/**
 * Versions of single files.
 *
 * @module
 */

import { EINVAL, EROFS } from "../fs/errno.ts";
import { addVersion as add, type KeptVersion } from "../fs/versions/add.ts";
import {
  listVersions,
  type Pruned,
  pruneVersions as prune,
  type VersionSummary,
} from "../fs/versions/log.ts";
import { type Place, placeOf } from "../fs/versions/place.ts";
import { type RestoredVersion, restoreVersion as restore } from "../fs/versions/restore.ts";
import { VersionStore } from "../fs/versions/store.ts";
import type { Core } from "./core.ts";
import { FsError } from "./fs_error.ts";
import { realPath } from "./make.ts";
import { textOf } from "./path.ts";

/** How a version is kept. */
export interface AddVersionOptions {
  /** A line about it. Default: none. */
  readonly note?: string;
  /** Told now and then up to which byte the file was read. */
  readonly progress?: (doneBytes: number) => void;
}

/** How a version is restored. */
export interface RestoreVersionOptions {
  /** Default: the newest. */
  readonly number?: number;
  /** Do not keep the state before. Default false. */
  readonly discard?: boolean;
  /** Told now and then up to which byte the file was read, or written. */
  readonly progress?: (doneBytes: number) => void;
}

const ENOENT_CODE = "ENOENT";

function storeOf(core: Core): VersionStore {
  return new VersionStore(core.engine);
}

/** The path without links; of a file that is gone, as far as there is something. */
function placeIn(core: Core, path: string): Place {
  return placeOf(core.engine, canonical(core, path));
}

function canonical(core: Core, path: string): string {
  try {
    return textOf(realPath(core, path));
  } catch (error) {
    if (!(error instanceof FsError) || error.code !== ENOENT_CODE) throw error;
    const trimmed = path.replace(/\/+$/, "");
    const slash = trimmed.lastIndexOf("/");
    const folder = textOf(realPath(core, slash <= 0 ? "/" : trimmed.slice(0, slash)));
    return `${folder}/${trimmed.slice(slash + 1)}`;
  }
}

/** Does all steps. */
function finish<Result>(
  core: Core,
  work: Generator<number, Result, void>,
  progress: ((doneBytes: number) => void) | undefined,
): Result {
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
    progress?.(step.value);
    core.tidy();
  }
}

export function addVersion(core: Core, path: string, options: AddVersionOptions): KeptVersion {
  return core.run("addVersion", path, () => {
    mustWrite(core);
    const work = add(storeOf(core), placeIn(core, path), options.note ?? "");
    return finish(core, work, options.progress);
  });
}

export function versions(core: Core, path: string): VersionSummary[] {
  return core.run("versions", path, () => listVersions(storeOf(core), placeIn(core, path)));
}

export function restoreVersion(
  core: Core,
  path: string,
  options: RestoreVersionOptions,
): RestoredVersion {
  return core.run("restoreVersion", path, () => {
    mustWrite(core);
    const { number, discard = false, progress } = options;
    const work = restore(storeOf(core), placeIn(core, path), number, discard);
    return finish(core, work, progress);
  });
}

export function pruneVersions(
  core: Core,
  path: string,
  which: { readonly keep: number } | { readonly remove: number },
): Pruned {
  return core.run("pruneVersions", path, () => {
    mustWrite(core);
    const number = "keep" in which ? which.keep : which.remove;
    if (!Number.isSafeInteger(number) || number < 0) core.refuse(EINVAL, `${number} is no count`);
    return prune(storeOf(core), placeIn(core, path), which);
  });
}

function mustWrite(core: Core): void {
  if (core.engine.volume.readOnly) core.refuse(EROFS);
}
