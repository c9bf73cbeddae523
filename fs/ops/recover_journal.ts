/** Replaying the journal that an unclean end left. @module */

import { Allocator } from "../alloc/allocator.ts";
import type { BlockDevice } from "../device/device.ts";
import { backupLog } from "../edit/backup_log.ts";
import { EROFS } from "../errno.ts";
import { Corrupt, Unsupported } from "../errors.ts";
import type { Log } from "../journal/log.ts";
import { RecoveredDevice } from "../journal/recovered_device.ts";
import { appendState } from "../journal/append_state.ts";
import { type FastCommit, readFastCommits } from "../journal/fast_commits.ts";
import { OverlayDevice } from "../journal/overlay_device.ts";
import { applyRecovery, planRecovery, type Recovery } from "../journal/replay.ts";
import { Incompat } from "../layout/features.ts";
import { JournalIncompat } from "../layout/journal.ts";
import {
  decodeSuperblock,
  STATE_ERROR,
  SUPERBLOCK_BYTES,
  SUPERBLOCK_OFFSET,
} from "../layout/superblock.ts";
import { protectJournal } from "../map/map.ts";
import { readSuperblock, Volume, type VolumeOptions } from "../volume/volume.ts";
import { Engine, type EngineOptions } from "./engine.ts";
import { findLog } from "./find_log.ts";
import { replayFastCommits } from "./replay_fast_commits.ts";
import { startQuotas } from "./start_quotas.ts";

/** How the file system will be opened. */
export type RecoveryOptions = VolumeOptions & EngineOptions;

/** Journal features under which the log can be read here. */
const KNOWN = JournalIncompat.REVOKE | JournalIncompat.BIT64 | JournalIncompat.ASYNC_COMMIT |
  JournalIncompat.CSUM_V2 | JournalIncompat.CSUM_V3 | JournalIncompat.FAST_COMMIT;

/**
 * Replays the journal of the file system on `device`.
 * @param readOnly nothing is written: the device that is returned shows the recovered state.
 * @param external holds the journal when it is not inside; null: it is.
 * @returns the device to go on with.
 * @throws Unsupported for a journal elsewhere or of an unknown kind; Corrupt, with nothing written.
 */
export function recoverJournal(
  device: BlockDevice,
  options: RecoveryOptions,
  readOnly: boolean,
  external: BlockDevice | null = null,
): BlockDevice {
  const { blocksCount, inodeBytes } = readSuperblock(device);
  const log = findPendingLog(device, options, external);
  let recovery = planRecovery(log, blocksCount);
  options.report(
    `journal: ${recovery.transactions} transactions with ${recovery.blocks.size} blocks ` +
      (readOnly ? "shown, not written" : "replayed"),
  );
  const logged = new RecoveredDevice(device, log, recovery);
  const commits = readFastCommits(log, recovery.scanned.endSequence, inodeBytes);
  if (commits.length > 0) {
    const state = workOut(logged, log.blockBytes, options, commits);
    if (readOnly) return state;
    options.clock.read();
    if (appendState(log, recovery.scanned, state.blocks, options.clock.seconds)) {
      recovery = planRecovery(log, blocksCount);
    } else recovery = writeAll(device, log, recovery, state);
  } else if (readOnly) return logged;
  const hadError = log.superblock.error !== 0;
  applyRecovery(log, recovery, device);
  markRecovered(device, hadError);
  return device;
}

/** The state after the fast commits, in memory. */
function workOut(
  logged: BlockDevice,
  blockBytes: number,
  options: RecoveryOptions,
  commits: readonly FastCommit[],
): OverlayDevice {
  const state = new OverlayDevice(logged, blockBytes);
  const quiet = { sync: false, directorySync: false, discard: false, lazyTime: false };
  const volume = new Volume(state, { ...options, readOnly: false });
  const engine = new Engine(volume, { ...options, ...quiet });
  protectJournal(engine.alloc);
  startQuotas(engine, []);
  replayFastCommits(engine, commits);
  state.readOnly = true;
  const operations = commits.reduce((sum, commit) => sum + commit.length, 0);
  options.report(`journal: ${commits.length} fast commits with ${operations} operations`);
  return state;
}

/** Brings a state to its place block by block, where the log has no room for it. What is left to do is emptying the log. */
function writeAll(
  device: BlockDevice,
  log: Log,
  recovery: Recovery,
  state: OverlayDevice,
): Recovery {
  const { blockBytes } = log;
  const bytes = new Uint8Array(blockBytes);
  for (const block of new Set([...recovery.blocks.keys(), ...state.blocks.keys()])) {
    state.read(bytes, block * blockBytes);
    device.write(bytes, block * blockBytes);
  }
  return { ...recovery, blocks: new Map() };
}

/** The log, by its inode; or, when what leads to that is damaged, by the superblock's copy. */
function findPendingLog(
  device: BlockDevice,
  options: RecoveryOptions,
  external: BlockDevice | null,
): Log {
  try {
    const volume = new Volume(device, { ...options, readOnly: true });
    return knownLog(findLog(new Allocator(volume), external));
  } catch (error) {
    if (!(error instanceof Corrupt) || external !== null) throw error;
    const log = logByBackup(device);
    if (log === undefined) throw error;
    options.report(
      `${error.message}: the journal is replayed from where the superblock says it is`,
    );
    return knownLog(log);
  }
}

function logByBackup(device: BlockDevice): Log | undefined {
  try {
    return backupLog(device, readSuperblock(device));
  } catch (error) {
    if (error instanceof Corrupt) return undefined;
    throw error;
  }
}

function knownLog(log: Log): Log {
  const unknown = log.superblock.featureIncompat & ~KNOWN;
  if (unknown !== 0) {
    throw new Unsupported(
      EROFS,
      `the journal needs recovery, and has features 0x${
        unknown.toString(16)
      } that kfs cannot replay: run e2fsck`,
    );
  }
  return log;
}

/** Clears needs_recovery in the superblock as it is after the replay. */
function markRecovered(device: BlockDevice, hadError: boolean): void {
  const bytes = new Uint8Array(SUPERBLOCK_BYTES);
  device.read(bytes, SUPERBLOCK_OFFSET);
  const superblock = decodeSuperblock(bytes);
  superblock.featureIncompat &= ~Incompat.RECOVER;
  if (hadError) superblock.state |= STATE_ERROR;
  superblock.setChecksum();
  device.write(superblock.bytes, SUPERBLOCK_OFFSET);
  device.flush();
}
