/** What a mount did between two looks at it. @module */

import type { MountStatus, OperationStatus } from "../shared/mount_status.ts";

/** One kind of request over the time between. Times are microseconds, over the requests that were timed. */
export interface OperationRate {
  readonly name: string;
  readonly perSecond: number;
  readonly failuresPerSecond: number;
  /** 0 when none was timed. */
  readonly mean: number;
  /** Since the first look; element `n` counts times of 2^(n-1) up to 2^n microseconds. */
  readonly histogram: readonly number[];
  /** Share of the time that the mount spent on them, 0 to 1; more where answers came later. */
  readonly share: number;
  /** Since the mount. */
  readonly count: number;
}

/** All of it. */
export interface Rates {
  readonly seconds: number;
  readonly requestsPerSecond: number;
  readonly readBytesPerSecond: number;
  readonly writtenBytesPerSecond: number;
  readonly commitsPerSecond: number;
  readonly syncsPerSecond: number;
  /** Share of blocks that were found in memory; null when none was asked for. */
  readonly cacheHits: number | null;
  /** The busiest first; those that were not asked for are left out. */
  readonly operations: readonly OperationRate[];
}

/** The difference of two answers of the same mount. */
export function ratesBetween(before: MountStatus, after: MountStatus): Rates {
  const seconds = Math.max(1e-3, (after.nowMs - before.nowMs) / 1000);
  const per = (now: number, then: number): number => Math.max(0, now - then) / seconds;
  const hits = after.caches.blocks.hits - before.caches.blocks.hits;
  const misses = after.caches.blocks.misses - before.caches.blocks.misses;
  return {
    seconds,
    requestsPerSecond: per(after.requests, before.requests),
    readBytesPerSecond: per(after.readBytes, before.readBytes),
    writtenBytesPerSecond: per(after.writtenBytes, before.writtenBytes),
    commitsPerSecond: per(after.journal?.commits ?? 0, before.journal?.commits ?? 0),
    syncsPerSecond: per(after.fsync.requests, before.fsync.requests),
    cacheHits: hits + misses === 0 ? null : hits / (hits + misses),
    operations: operationRates(before, after, seconds),
  };
}

function operationRates(before: MountStatus, after: MountStatus, seconds: number): OperationRate[] {
  const old = new Map(before.operations.map((operation) => [operation.name, operation]));
  const rates: OperationRate[] = [];
  for (const operation of after.operations) {
    const rate = rateOf(old.get(operation.name), operation, seconds);
    if (rate !== undefined) rates.push(rate);
  }
  return rates.sort((a, b) => b.perSecond - a.perSecond);
}

function rateOf(
  before: OperationStatus | undefined,
  after: OperationStatus,
  seconds: number,
): OperationRate | undefined {
  const count = after.count - (before?.count ?? 0);
  if (count <= 0) return undefined;
  const timed = after.timed - (before?.timed ?? 0);
  const microseconds = after.microseconds - (before?.microseconds ?? 0);
  const mean = timed <= 0 ? 0 : microseconds / timed;
  return {
    name: after.name,
    perSecond: count / seconds,
    failuresPerSecond: (after.failures - (before?.failures ?? 0)) / seconds,
    mean,
    histogram: after.histogram.map((times, n) => times - (before?.histogram[n] ?? 0)),
    share: (mean * count) / (seconds * 1e6),
    count: after.count,
  };
}
