/**
 * What the command `status` of the control channel answers (as JSON: dates are texts there).
 *
 * @module
 */

import type { VolumeDescription } from "../../fs/ops/describe.ts";
import type { JobState } from "./control_protocol.ts";
import type { SnapshotRow } from "./snapshot_info.ts";

/** Requests of one kind. Times are microseconds, over the requests that were timed. */
export interface OperationStatus {
  readonly name: string;
  readonly count: number;
  readonly failures: number;
  /** How many of them were timed: all but of frequent ones, where it is one in sixteen. */
  readonly timed: number;
  /** Sum and maximum over those. */
  readonly microseconds: number;
  readonly longest: number;
  /** Element `n` counts times of 2^(n-1) up to 2^n microseconds, the first those below 1. */
  readonly histogram: readonly number[];
}

/** A cache: how often something was found in it, how full it is. */
export interface CacheStatus {
  readonly hits: number;
  readonly misses: number;
  readonly count: number;
  readonly limit: number;
}

/** Metadata blocks and inodes in memory. */
export interface CachesStatus {
  readonly blocks: CacheStatus;
  readonly limitBytes: number;
  readonly inodes: CacheStatus;
}

/** The journal since the mount. */
export interface JournalStatus {
  readonly bytes: number;
  readonly usedBytes: number;
  readonly transactions: number;
  /** Those that went into the log, and how much. */
  readonly commits: number;
  readonly logBytes: number;
  readonly external: boolean;
  /** Why it was given up; null while it works. */
  readonly aborted: string | null;
}

/** What memory knows and the device does not yet. */
export interface PendingStatus {
  /** Metadata of the running transaction. */
  readonly blocks: number;
  readonly bytes: number;
  readonly inodes: number;
  readonly lazyTimes: number;
  /** Files without a name that are still open. */
  readonly orphans: number;
  readonly commitsUnderWay: number;
}

/** Whether all is well. */
export interface HealthStatus {
  /** stopped: nothing can be changed any more; read-only: made so by an error; errors: some are recorded. */
  readonly state: "good" | "errors" | "read-only" | "stopped";
  readonly errorCount: number;
  /** Why it was stopped; empty while it was not. */
  readonly stopped: string;
  readonly messages: readonly string[];
}

/** All of it. */
export interface MountStatus {
  readonly version: string;
  readonly pid: number;
  readonly image: string;
  /** Where the file system begins in it. */
  readonly offsetBytes: number;
  readonly mountPoint: string;
  readonly mountedAt: Date | string;
  /** A clock that never goes back, for rates between two answers. */
  readonly nowMs: number;
  readonly options: readonly string[];
  readonly readOnly: boolean;
  readonly volume: VolumeDescription;
  readonly journal: JournalStatus | null;
  readonly caches: CachesStatus;
  readonly pending: PendingStatus;
  /** Requests so far, and those that wait for an answer. */
  readonly requests: number;
  readonly waiting: number;
  readonly readBytes: number;
  readonly writtenBytes: number;
  readonly operations: readonly OperationStatus[];
  /** Who asked for durability, and the commits that answered all of them. */
  readonly fsync: { readonly requests: number; readonly commits: number };
  readonly health: HealthStatus;
  /** The oldest first. */
  readonly snapshots: readonly SnapshotRow[];
  readonly jobs: readonly JobState[];
  /** Of the serving process. */
  readonly memoryBytes: number;
}
