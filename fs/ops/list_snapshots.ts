/** What is to be told of snapshots. @module */

import { ENOENT } from "../errno.ts";
import { FsError } from "../errors.ts";
import type { SnapshotEntry } from "../snapshot/chain.ts";
import { heldSpace } from "../snapshot/space.ts";
import type { Engine } from "./engine.ts";

/** A snapshot. */
export interface SnapshotInfo {
  readonly name: string;
  readonly created: Date;
  /** Its place in the order in which they were made, from 1 on, with gaps where some were deleted. */
  readonly number: number;
  /** Bytes that were in use when it was made. */
  readonly used: number;
  /** It cannot be read: another program changed the image, or there was no room to keep what changed. */
  readonly damaged: boolean;
}

/** How much space a snapshot takes. */
export interface SnapshotSpace {
  /** Bytes in its file: what changed until the next snapshot was made. */
  readonly held: number;
  /** Bytes that would be free if it alone were deleted. */
  readonly alone: number;
}

/** All snapshots, the oldest first. */
export function listSnapshots(engine: Engine): SnapshotInfo[] {
  const entries = engine.snapshots?.chain.entries ?? [];
  return entries.filter(({ deleting }) => !deleting).map((entry) => describeEntry(engine, entry));
}

export function describeEntry(engine: Engine, entry: SnapshotEntry): SnapshotInfo {
  return {
    name: entry.name,
    created: new Date(entry.seconds * 1000 + Math.floor(entry.nanoseconds / 1e6)),
    number: entry.number,
    used: entry.usedBlocks * engine.volume.geometry.blockBytes,
    damaged: entry.damaged,
  };
}

/** The snapshot of this name, damaged or not. @throws FsError ENOENT */
export function entryOf(engine: Engine, name: string): SnapshotEntry {
  const entry = engine.snapshots?.find(name);
  if (entry === undefined) throw new FsError(ENOENT, `there is no snapshot ${name}`);
  return entry;
}

/** The space that a snapshot takes; goes through the map of its file. @throws FsError ENOENT; Corrupt, DeviceError */
export function snapshotSpace(engine: Engine, name: string): SnapshotSpace {
  const { volume, snapshots } = engine;
  const { ino } = entryOf(engine, name);
  if (snapshots === null) return { held: 0, alone: 0 };
  // What was freed since the last commit is counted from the next one on.
  if (!volume.readOnly) volume.commit(false);
  const { chain } = snapshots;
  const { blocks, aloneBlocks } = heldSpace(chain, chain.indexOf(ino));
  const { blockBytes } = volume.geometry;
  return { held: blocks * blockBytes, alone: aloneBlocks * blockBytes };
}
