/** Looking at a snapshot: a file system of its own, which can only be read. @module */

import { EIO, ENOENT } from "../errno.ts";
import { FsError } from "../errors.ts";
import { protectJournal } from "../map/map.ts";
import type { SnapshotEntry } from "../snapshot/chain.ts";
import { SnapshotDevice } from "../snapshot/snapshot_device.ts";
import { Volume } from "../volume/volume.ts";
import { checkFeatures } from "./check_features.ts";
import { Engine } from "./engine.ts";
import { findDirectories } from "./snapshot_files.ts";

const CACHE_BYTES = 4 << 20;
const CACHED_INODES = 1024;

/** The snapshot of this name. @throws FsError ENOENT; EIO when it is damaged */
export function findSnapshot(engine: Engine, name: string): SnapshotEntry {
  const entry = engine.snapshots?.find(name);
  if (entry === undefined) throw new FsError(ENOENT, `there is no snapshot ${name}`);
  if (entry.damaged) {
    throw new FsError(EIO, `the snapshot ${name} is damaged: the file system was changed past it`);
  }
  return entry;
}

/**
 * Opens a snapshot. It can be used as long as `engine` is open and the snapshot exists; afterwards everything that is
 * not in memory fails with EIO. Nothing needs closing.
 * @throws FsError ENOENT, EIO; Corrupt; DeviceError.
 */
export function openSnapshot(engine: Engine, name: string): Engine {
  const { chain } = engine.snapshots ?? {};
  const entry = findSnapshot(engine, name);
  if (chain === undefined) throw new FsError(ENOENT, `there is no snapshot ${name}`);
  const volume = new Volume(new SnapshotDevice(chain, entry.ino), {
    ...engine.volume.options,
    readOnly: true,
    cacheBytes: CACHE_BYTES,
    cachedInodes: CACHED_INODES,
  });
  checkFeatures(volume.superblock, true);
  const view = new Engine(volume, engine.options);
  protectJournal(view.alloc);
  const { own, files } = findDirectories(view);
  view.hiddenInode = files === 0 ? 0 : own;
  return view;
}
