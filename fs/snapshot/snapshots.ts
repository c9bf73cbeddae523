/**
 * The snapshots of an opened file system: the chain, what keeps blocks for it, and what becomes of it.
 *
 * @module
 */

import type { Allocator } from "../alloc/allocator.ts";
import { EEXIST, EINVAL, EOPNOTSUPP } from "../errno.ts";
import { FsError } from "../errors.ts";
import type { Participant } from "../journal/transaction.ts";
import { MAX_FILE_BLOCKS } from "../layout/extent.ts";
import { Incompat } from "../layout/features.ts";
import { NO_STAMP } from "../layout/snapshot_stamp.ts";
import type { Volume } from "../volume/volume.ts";
import { SnapshotChain, type SnapshotEntry } from "./chain.ts";
import { Keeper } from "./keeper.ts";

/** What happens when the disk is full: the oldest snapshot goes, or the change is refused. */
export type WhenFull = "drop" | "refuse";

const NAME = /^[A-Za-z0-9_][A-Za-z0-9_.:+@-]*$/;
const MAX_NAME_BYTES = 200;

/** The snapshots of one opened file system. */
export class Snapshots {
  readonly chain: SnapshotChain;
  readonly keeper: Keeper;
  /** The directory of their files. */
  directory = 0;
  /** Kept up with while blocks are kept: quotas. */
  also: Participant | null = null;
  /** One is being deleted, made or dropped. */
  busy = false;
  /** None is dropped to make room. */
  keepAll = false;
  /** That changes are refused for want of room was told. */
  toldFull = false;

  constructor(readonly alloc: Allocator) {
    this.chain = new SnapshotChain(alloc);
    this.keeper = new Keeper(alloc, this.chain);
    this.keeper.onFailure = (error) => this.#lose(error);
  }

  /** Begins to keep for the newest snapshot, unless it is damaged; the superblock gets its stamp. */
  start(): void {
    const { chain, keeper, alloc: { volume } } = this;
    if (chain.newest === undefined || chain.newest.damaged) keeper.stop();
    else keeper.start(this.also);
    if (chain.newest === undefined) this.#unstamp(volume);
    else volume.stamp = "valid";
    volume.touchSuperblock();
  }

  #unstamp(volume: Volume): void {
    volume.stamp = "none";
    volume.superblock.snapshotStamp = NO_STAMP;
  }

  /** Every snapshot is damaged, as far as memory goes; the stamp says so on the disk until their records do. */
  spoil(): void {
    const { chain, keeper, alloc: { volume } } = this;
    keeper.stop();
    chain.entries = chain.entries.map((entry) => ({ ...entry, damaged: true }));
    volume.stamp = "void";
    volume.touchSuperblock();
  }

  #lose(error: Error): void {
    const names = this.chain.entries.filter(({ damaged }) => !damaged).map(({ name }) => name);
    this.alloc.volume.options.report(
      `snapshots ${names.join(", ")} are damaged: blocks could not be kept: ${error.message}`,
    );
    this.spoil();
  }

  /** The snapshot of this name. */
  find(name: string): SnapshotEntry | undefined {
    return this.chain.entries.find((entry) => entry.name === name && !entry.deleting);
  }
}

/** @throws FsError EINVAL for a name that no snapshot can have, EEXIST for one that `snapshots` has. */
export function checkName(name: string, snapshots: Snapshots | null): void {
  if (!NAME.test(name) || name.length > MAX_NAME_BYTES) {
    const rule = `letters, digits and _ . : + @ -, up to ${MAX_NAME_BYTES}, not first . : + @ -`;
    throw new FsError(EINVAL, `${JSON.stringify(name)} is no name for a snapshot: ${rule}`);
  }
  if (snapshots?.chain.entries.some((entry) => entry.name === name)) {
    throw new FsError(EEXIST, `there is a snapshot ${name} already`);
  }
}

/** @throws FsError EOPNOTSUPP, with the reason, when a file system can have no snapshots. */
export function checkSupported(volume: Volume): void {
  const { superblock, geometry } = volume;
  const refuse = (why: string): never => {
    throw new FsError(EOPNOTSUPP, `no snapshots on this file system: ${why}`);
  };
  if (geometry.clusterBlocks > 1) refuse("it allocates clusters of several blocks (bigalloc)");
  if (!superblock.hasIncompat(Incompat.EXTENTS)) refuse("its files have no extents");
  if (geometry.blocksCount > MAX_FILE_BLOCKS) refuse("it has more blocks than a file can have");
}
