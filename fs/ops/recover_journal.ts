/** Replaying the journal that an unclean end left. @module */

import { Allocator } from "../alloc/allocator.ts";
import type { BlockDevice } from "../device/device.ts";
import { EROFS } from "../errno.ts";
import { Corrupt, Unsupported } from "../errors.ts";
import { Log } from "../journal/log.ts";
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
import { lookup, newMapping } from "../map/map.ts";
import { Volume, type VolumeOptions } from "../volume/volume.ts";

/** Journal features under which the log can be read here. */
const KNOWN = JournalIncompat.REVOKE | JournalIncompat.BIT64 | JournalIncompat.ASYNC_COMMIT |
  JournalIncompat.CSUM_V2 | JournalIncompat.CSUM_V3;
/** Blocks of the largest journal that is read: 10 million, as mke2fs allows. */
const MAX_JOURNAL_BLOCKS = 10_240_000;

/**
 * Replays the journal of the file system on `device`.
 * @param readOnly nothing is written: the device that is returned shows the recovered state.
 * @returns the device to go on with.
 * @throws Unsupported for a journal elsewhere or of an unknown kind; Corrupt, with nothing written.
 */
export function recoverJournal(
  device: BlockDevice,
  options: VolumeOptions,
  readOnly: boolean,
): BlockDevice {
  const volume = new Volume(device, { ...options, readOnly: true });
  const log = openLog(volume);
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

function openLog(volume: Volume): Log {
  const { superblock } = volume;
  if (superblock.journalInode === 0) {
    throw new Unsupported(
      EROFS,
      "the journal needs recovery, and it is on another device: run e2fsck",
    );
  }
  const log = new Log(
    volume.device,
    volume.geometry.blockBytes,
    journalBlocks(new Allocator(volume)),
  );
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

/**
 * Where the blocks of the journal's inode lie.
 * @returns disk block of each journal block, 0 for a hole.
 * @throws Corrupt, DeviceError
 */
export function journalBlocks(alloc: Allocator): Float64Array {
  const { volume } = alloc;
  const inode = volume.inodes.get(volume.superblock.journalInode);
  const count = Math.floor(inode.size / volume.geometry.blockBytes);
  if (count > MAX_JOURNAL_BLOCKS || !inode.isRegular) {
    throw new Corrupt("journal", `inode ${inode.ino}`, `i_mode or i_size ${inode.size}`);
  }
  const blocks = new Float64Array(count);
  const mapping = newMapping();
  for (let fileBlock = 0; fileBlock < count; fileBlock += mapping.blocks) {
    lookup(alloc, inode, fileBlock, count - fileBlock, mapping);
    if (mapping.diskBlock === 0) continue;
    for (let i = 0; i < mapping.blocks; i++) blocks[fileBlock + i] = mapping.diskBlock + i;
  }
  return blocks;
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
