/** What an earlier mount left of snapshots: found, and looked at. @module */

import { DeviceError, FsError } from "../errors.ts";
import { Compat } from "../layout/features.ts";
import { stampFits } from "../layout/snapshot_stamp.ts";
import { STATE_VALID } from "../layout/superblock.ts";
import { Snapshots } from "../snapshot/snapshots.ts";
import { finishDeletions } from "./delete_snapshot.ts";
import type { Engine } from "./engine.ts";
import { findDirectories, holdsVersions, readEntries, storeEntry } from "./snapshot_files.ts";
import { removeLeftovers } from "./remove_tree.ts";

/**
 * Finds the snapshots, and begins to keep blocks for the newest. To be called when nothing was changed yet: when
 * another program has changed the image, the superblock shows it. Where their directory cannot be read there are none:
 * without a new stamp they are damaged from the first change on.
 * @throws DeviceError
 */
export function findSnapshots(engine: Engine): void {
  try {
    const { own, files } = findDirectories(engine);
    if (holdsVersions(engine, own)) engine.hiddenInode = own;
    if (files !== 0) useSnapshots(engine, own, files);
  } catch (error) {
    if (!(error instanceof FsError) || error instanceof DeviceError) throw error;
    engine.volume.options.report(`no snapshots can be read: ${error.message}`);
  }
}

function useSnapshots(engine: Engine, own: number, files: number): void {
  engine.hiddenInode = own;
  const entries = readEntries(engine, files);
  const { superblock } = engine.volume;
  const snapshots = new Snapshots(engine.alloc);
  snapshots.directory = files;
  snapshots.also = engine.quota;
  snapshots.chain.entries = entries;
  engine.snapshots = snapshots;
  if (entries.length === 0) return;
  const whole = superblock.hasCompat(Compat.HAS_JOURNAL) || (superblock.state & STATE_VALID) !== 0;
  if (whole && stampFits(superblock)) {
    if (!engine.volume.readOnly) snapshots.start();
    return;
  }
  const names = entries.filter(({ damaged }) => !damaged).map(({ name }) => name);
  if (names.length > 0) {
    const why = whole
      ? "another program changed the file system"
      : "there is no journal and it was not unmounted";
    engine.volume.options.report(`snapshots ${names.join(", ")} are damaged: ${why}`);
  }
  snapshots.spoil();
}

/** Records what `findSnapshots` found damaged, and goes on with deletions that were cut short. @throws FsError, Corrupt */
export function settleSnapshots(engine: Engine): void {
  const { snapshots, volume } = engine;
  if (snapshots === null) return;
  if (volume.stamp === "void") recordDamage(engine);
  finishDeletions(engine, snapshots);
  try {
    removeLeftovers(engine);
  } catch (error) {
    if (!(error instanceof FsError) || error instanceof DeviceError) throw error;
    volume.options.report(`what a restoring left cannot be removed: ${error.message}`);
  }
}

/** Writes the damage into the records of the snapshots; from then on the stamp holds again. @throws FsError */
export function recordDamage(engine: Engine): void {
  const { snapshots } = engine;
  if (snapshots === null) return;
  for (const entry of snapshots.chain.entries) storeEntry(engine, entry);
  snapshots.start();
}
