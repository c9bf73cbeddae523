/**
 * Snapshots of a whole image.
 *
 * @module
 */

import { createSnapshot } from "../fs/ops/create_snapshot.ts";
import { deleteSnapshot } from "../fs/ops/delete_snapshot.ts";
import {
  describeEntry,
  entryOf,
  listSnapshots,
  type SnapshotInfo,
  type SnapshotSpace,
  snapshotSpace,
} from "../fs/ops/list_snapshots.ts";
import { openSnapshot } from "../fs/ops/open_snapshot.ts";
import { renameSnapshot } from "../fs/ops/rename_snapshot.ts";
import { type RestoreOptions, type RestoreResult, restoreSnapshot } from "../fs/restore/restore.ts";
import { Core } from "./core.ts";
import type { Image } from "./image.ts";

export type { RestoreOptions, RestoreResult, SnapshotInfo, SnapshotSpace };

/** The snapshots of an opened image. Methods throw `FsError`. */
export class ImageSnapshots {
  readonly #core: Core;
  readonly #imageOf: (core: Core) => Image;

  /** For `Image` only. */
  constructor(core: Core, imageOf: (core: Core) => Image) {
    this.#core = core;
    this.#imageOf = imageOf;
  }

  /** All of them, the oldest first. */
  list(): SnapshotInfo[] {
    return this.#run("list snapshots", () => listSnapshots(this.#core.engine));
  }

  /** Makes a snapshot of all that is in the image now; durable on return. @param name letters, digits and `_.:+@-`. */
  create(name: string): SnapshotInfo {
    const { engine } = this.#core;
    return this.#run("create snapshot", () => describeEntry(engine, createSnapshot(engine, name)));
  }

  /** Opens a snapshot: an image that can only be read, and only as long as this one is open and the snapshot exists. */
  open(name: string): Image {
    const core = this.#core;
    return this.#run("open snapshot", () => {
      const engine = openSnapshot(core.engine, name);
      return this.#imageOf(new Core(engine, `${core.name}@${name}`, core.owner));
    });
  }

  /** The space that a snapshot takes; goes through the map of its file. */
  space(name: string): SnapshotSpace {
    return this.#run("measure snapshot", () => snapshotSpace(this.#core.engine, name));
  }

  /** Deletes a snapshot and frees the blocks that no other one needs. */
  delete(name: string): void {
    const { engine } = this.#core;
    this.#run("delete snapshot", () => {
      deleteSnapshot(engine, entryOf(engine, name));
      engine.sync(true);
    });
  }

  /**
   * Brings back what a snapshot holds: everything (in one step, whatever happens), or the file or directory
   * `options.path`; in place of what is there, or into the directory `options.to`.
   */
  restore(name: string, options: RestoreOptions = {}): RestoreResult {
    return this.#run("restore", () => restoreSnapshot(this.#core.engine, name, options));
  }

  rename(oldName: string, newName: string): void {
    const { engine } = this.#core;
    this.#run("rename snapshot", () => renameSnapshot(engine, entryOf(engine, oldName), newName));
  }

  #run<Result>(operation: string, work: () => Result): Result {
    return this.#core.run(operation, this.#core.name, work);
  }
}
