/** The command `status`: the figures of a mount. @module */

import { opcodeName } from "../../../ffi/fuse/abi.ts";
import { type Metrics, TIME_BUCKETS } from "../../../ffi/fuse/metrics.ts";
import { describeVolume } from "../../../fs/ops/describe.ts";
import { STATE_ERROR } from "../../../fs/layout/superblock.ts";
import type { Engine } from "../../../fs/ops/engine.ts";
import type {
  CachesStatus,
  HealthStatus,
  JournalStatus,
  MountStatus,
  OperationStatus,
  PendingStatus,
} from "../../shared/mount_status.ts";
import { VERSION } from "../../shared/version.ts";
import type { ControlCommand, MountContext } from "./command.ts";
import { snapshotRows } from "./snapshots.ts";

export const STATUS: ControlCommand = { run: statusOf };

function statusOf(context: MountContext): MountStatus {
  const { engine, options, server, jobs, mountedAt } = context;
  const { metrics } = server;
  return {
    version: VERSION,
    pid: Deno.pid,
    image: options.image,
    offsetBytes: options.offsetBytes,
    mountPoint: options.mountPoint,
    mountedAt,
    nowMs: performance.now(),
    options: optionsOf(context),
    readOnly: engine.volume.readOnly,
    volume: describeVolume(engine),
    journal: journalOf(engine),
    caches: cachesOf(context),
    pending: pendingOf(engine),
    requests: server.ticket,
    waiting: server.waitingCount,
    readBytes: metrics.readBytes,
    writtenBytes: metrics.writtenBytes,
    operations: operationsOf(metrics),
    fsync: { ...context.fileSystem.groupCommit.counters },
    health: healthOf(context),
    snapshots: snapshotRows(engine),
    jobs: jobs.list(),
    memoryBytes: Deno.memoryUsage().rss,
  };
}

/** The words that would mount it so again, beyond the defaults. */
function optionsOf({ engine, options }: MountContext): string[] {
  const words = [options.readOnly ? "ro" : "rw", options.accessTime];
  const add = (set: boolean, word: string): void => void (set && words.push(word));
  add(options.allowOther, "allow_other");
  add(options.defaultPermissions, "default_permissions");
  add(options.noDirectoryAccessTime, "nodiratime");
  add(options.lazyTime, "lazytime");
  add(true, `errors=${engine.volume.errorBehavior}`);
  add(!options.readOnly, `commit=${options.commitSeconds}`);
  add(engine.volume.journal !== null, `data=${options.dataMode}`);
  add(!options.barriers, "nobarrier");
  add(options.offsetBytes > 0, `offset=${options.offsetBytes}`);
  add(options.sync, "sync");
  add(options.directorySync, "dirsync");
  add(options.noRecovery, "norecovery");
  add(options.discard, "discard");
  for (const kind of options.quotaLimits) add(true, QUOTA_WORDS[kind]);
  add(options.writeback, "writeback");
  add(options.journalPath !== "", `journal_path=${options.journalPath}`);
  add(true, `cache=${options.cacheBytes}`);
  return [...words, ...options.kernel];
}

const QUOTA_WORDS = { user: "usrquota", group: "grpquota", project: "prjquota" } as const;

function journalOf(engine: Engine): JournalStatus | null {
  const { journal, transactions } = engine.volume;
  if (journal === null) return null;
  const { blockBytes } = engine.volume.geometry;
  const { usedBlocks, totalBlocks } = journal.usage;
  return {
    bytes: totalBlocks * blockBytes,
    usedBytes: usedBlocks * blockBytes,
    transactions: transactions.counters.commits,
    commits: journal.counters.commits,
    logBytes: journal.counters.logBlocks * blockBytes,
    external: engine.journalDevice !== null,
    aborted: journal.aborted?.message ?? null,
  };
}

function cachesOf({ engine, options }: MountContext): CachesStatus {
  const { cache, inodes } = engine.volume;
  return {
    blocks: {
      ...cache.counters,
      count: cache.sizeBytes / cache.blockBytes,
      limit: cache.limitBlocks,
    },
    limitBytes: options.cacheBytes,
    inodes: { ...inodes.counters, count: inodes.size, limit: inodes.limit },
  };
}

function pendingOf(engine: Engine): PendingStatus {
  const { transactions, inodes, geometry } = engine.volume;
  return {
    blocks: transactions.pendingBlocks,
    bytes: transactions.pendingBlocks * geometry.blockBytes,
    inodes: inodes.dirtyCount,
    lazyTimes: engine.lazyTimes.size,
    orphans: engine.orphans.size,
    commitsUnderWay: transactions.store.underWay,
  };
}

function healthOf({ engine, messages }: MountContext): HealthStatus {
  const { volume } = engine;
  const { superblock, transactions, journal } = volume;
  const turnedReadOnly = volume.readOnly && !volume.options.readOnly && !volume.device.readOnly;
  const stopped = transactions.stopped !== "" || (journal?.aborted ?? null) !== null;
  const hasErrors = (superblock.state & STATE_ERROR) !== 0;
  return {
    state: stopped ? "stopped" : turnedReadOnly ? "read-only" : hasErrors ? "errors" : "good",
    errorCount: superblock.errorCount,
    stopped: transactions.stopped,
    messages,
  };
}

function operationsOf(metrics: Metrics): OperationStatus[] {
  const found: OperationStatus[] = [];
  metrics.requests.forEach((count, opcode) => {
    if (count === 0) return;
    const from = opcode * TIME_BUCKETS;
    const histogram = [...metrics.histogram.subarray(from, from + TIME_BUCKETS)];
    while (histogram.length > 0 && histogram.at(-1) === 0) histogram.pop();
    found.push({
      name: opcodeName(opcode),
      count,
      failures: metrics.failures[opcode] ?? 0,
      timed: metrics.timed[opcode] ?? 0,
      microseconds: metrics.microseconds[opcode] ?? 0,
      longest: metrics.longest[opcode] ?? 0,
      histogram,
    });
  });
  return found.sort((a, b) => b.count - a.count);
}
