/**
 * Opening and closing a file system: which features are known, what an earlier mount left behind.
 *
 * @module
 */

import type { BlockDevice } from "../device/device.ts";
import { EBUSY, EROFS } from "../errno.ts";
import { Unsupported } from "../errors.ts";
import { Compat, Incompat, RoCompat } from "../layout/features.ts";
import { ROOT_INODE } from "../layout/superblock.ts";
import { readSuperblock, Volume, type VolumeOptions } from "../volume/volume.ts";
import type { QuotaKind } from "../quota/kind.ts";
import { checkFeatures } from "./check_features.ts";
import { Engine, type EngineOptions } from "./engine.ts";
import { protectJournal } from "../map/map.ts";
import { ImmediateWriteQueue, type WriteQueue } from "../journal/write_queue.ts";
import { openJournal } from "./open_journal.ts";
import { findSnapshots, settleSnapshots } from "./open_snapshots.ts";
import { MultiMountGuard, type MultiMountHost, PLAIN_HOST } from "./multi_mount.ts";
import { recoverJournal } from "./recover_journal.ts";
import { deleteUnnamed, recoverOrphans } from "./recover_orphans.ts";
import { startQuotas } from "./start_quotas.ts";

/** How a file system is opened. */
export interface OpenOptions extends VolumeOptions, EngineOptions {
  /** Read-only although a journal waits for its replay: shows the file system as it was left. */
  readonly noRecovery: boolean;
  /** Recorded as the place of the last mount. */
  readonly mountPoint: string;
  /** Whose limits of quotas hold; usage is counted in any case. Default: nobody's. */
  readonly quotaLimits?: readonly QuotaKind[];
  /** Writes the journal; by default the calling thread does. */
  readonly writeQueue?: WriteQueue;
  /** Commits are ordered by flushes; left out: they are. */
  readonly barriers?: boolean;
  /** Holds the journal of a file system whose journal is outside; closed with the file system. */
  readonly journalDevice?: BlockDevice;
  /** For file systems with multiple mount protection. */
  readonly host?: MultiMountHost;
}

/**
 * Opens a file system.
 * @throws Unsupported for a feature or state that this opening cannot deal with; Corrupt; DeviceError.
 */
export function openEngine(device: BlockDevice, options: OpenOptions): Engine {
  const readOnly = options.readOnly || device.readOnly;
  const superblock = readSuperblock(device);
  checkFeatures(superblock, readOnly);
  if (readOnly || !superblock.hasIncompat(Incompat.MMP)) {
    return openGuarded(device, options, readOnly, null);
  }
  const guard = new MultiMountGuard(device, superblock, options.host ?? PLAIN_HOST, options);
  try {
    return openGuarded(device, options, readOnly, guard);
  } catch (error) {
    guard.release();
    throw error;
  }
}

function openGuarded(
  device: BlockDevice,
  options: OpenOptions,
  readOnly: boolean,
  guard: MultiMountGuard | null,
): Engine {
  const recovered = recoverIfNeeded(device, options, readOnly);
  const volume = new Volume(recovered, options);
  checkFeatures(volume.superblock, readOnly);
  const engine = new Engine(volume, options);
  engine.journalDevice = options.journalDevice ?? null;
  if (guard !== null) useGuard(engine, guard);
  protectJournal(engine.alloc);
  volume.inodes.get(ROOT_INODE);
  if (readOnly) {
    findSnapshots(engine);
    return engine;
  }
  openJournal(engine, {
    queue: options.writeQueue ?? new ImmediateWriteQueue(),
    ordered: options.dataMode !== "writeback",
    barriers: options.barriers ?? true,
  }, options.journalDevice ?? null);
  startQuotas(engine, options.quotaLimits ?? []);
  findSnapshots(engine);
  recordMount(volume, options.mountPoint);
  recoverOrphans(engine);
  settleSnapshots(engine);
  return engine;
}

/** Nothing is written any more when the guard has lost the file system to another host. */
function useGuard(engine: Engine, guard: MultiMountGuard): void {
  const { volume, alloc } = engine;
  engine.guard = guard;
  alloc.zones.add(volume.superblock.mmpBlock, 1);
  volume.transactions.register(guard);
  guard.onLost = (reason) => {
    volume.transactions.stop(reason);
    volume.journal?.abandon(new Unsupported(EBUSY, reason));
    volume.readOnly = true;
    volume.options.report(`${reason}: nothing is written any more`);
  };
}

/** Replays the journal if it must be; the features are looked at before. */
function recoverIfNeeded(
  device: BlockDevice,
  options: OpenOptions,
  readOnly: boolean,
): BlockDevice {
  const superblock = readSuperblock(device);
  checkFeatures(superblock, readOnly);
  if (!superblock.hasIncompat(Incompat.RECOVER)) return device;
  if (!options.noRecovery) {
    return recoverJournal(device, options, readOnly, options.journalDevice ?? null);
  }
  if (readOnly) return device;
  throw new Unsupported(EROFS, "the journal needs recovery: norecovery goes with ro only");
}

/**
 * Writes everything out, durably, and marks the file system as clean. Nothing can be changed afterwards.
 * @throws what kept it from being written.
 */
export function finishEngine(engine: Engine): void {
  const { volume, guard } = engine;
  try {
    if (volume.readOnly) return;
    if (volume.transactions.stopped === "") deleteUnnamed(engine);
    if (volume.journal === null) {
      engine.sync(false);
      volume.setClean(true);
    } else {
      engine.sync(true);
      volume.closeJournal();
    }
    volume.readOnly = true;
  } finally {
    guard?.release();
  }
}

/** Writes everything out, as `finishEngine`, and closes the device. */
export function closeEngine(engine: Engine): void {
  const { volume } = engine;
  try {
    finishEngine(engine);
  } finally {
    volume.device.close();
    engine.journalDevice?.close();
  }
}

/** As the kernel does at mount: counts it, and marks the file system as in use. */
function recordMount(volume: Volume, mountPoint: string): void {
  const { superblock, options } = volume;
  options.clock.read();
  superblock.mountCount++;
  superblock.mountTime = options.clock.seconds;
  if (mountPoint !== "") superblock.lastMounted = mountPoint;
  if (!superblock.hasRoCompat(RoCompat.LARGE_FILE) && superblock.revision > 0) {
    superblock.featureRoCompat |= RoCompat.LARGE_FILE;
  }
  if (superblock.revision > 0) superblock.featureCompat |= Compat.EXT_ATTR;
  if (volume.journal === null) volume.setClean(false);
  else volume.markJournaled();
}
