/** Replaying the journal that an unclean end left. @module */

import { Allocator } from "../alloc/allocator.ts";
import type { BlockDevice } from "../device/device.ts";
import { EROFS } from "../errno.ts";
import { Unsupported } from "../errors.ts";
import type { Log } from "../journal/log.ts";
import { RecoveredDevice } from "../journal/recovered_device.ts";
import { applyRecovery, planRecovery } from "../journal/replay.ts";
import { Incompat } from "../layout/features.ts";
import { JournalIncompat } from "../layout/journal.ts";
import {
  decodeSuperblock,
  STATE_ERROR,
  SUPERBLOCK_BYTES,
  SUPERBLOCK_OFFSET,
} from "../layout/superblock.ts";
import { Volume, type VolumeOptions } from "../volume/volume.ts";
import { findLog } from "./find_log.ts";

/** Journal features under which the log can be read here. */
const KNOWN = JournalIncompat.REVOKE | JournalIncompat.BIT64 | JournalIncompat.ASYNC_COMMIT |
  JournalIncompat.CSUM_V2 | JournalIncompat.CSUM_V3;

/**
 * Replays the journal of the file system on `device`.
 * @param readOnly nothing is written: the device that is returned shows the recovered state.
 * @param external holds the journal when it is not inside; null: it is.
 * @returns the device to go on with.
 * @throws Unsupported for a journal elsewhere or of an unknown kind; Corrupt, with nothing written.
 */
export function recoverJournal(
  device: BlockDevice,
  options: VolumeOptions,
  readOnly: boolean,
  external: BlockDevice | null = null,
): BlockDevice {
  const volume = new Volume(device, { ...options, readOnly: true });
  const log = openLog(volume, external);
  const recovery = planRecovery(log, volume.geometry.blocksCount);
  options.report(
    `journal: ${recovery.transactions} transactions with ${recovery.blocks.size} blocks ` +
      (readOnly ? "shown, not written" : "replayed"),
  );
  if (readOnly) return new RecoveredDevice(device, log, recovery);
  const hadError = log.superblock.error !== 0;
  applyRecovery(log, recovery, device);
  markRecovered(device, hadError);
  return device;
}

function openLog(volume: Volume, external: BlockDevice | null): Log {
  const log = findLog(new Allocator(volume), external);
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
