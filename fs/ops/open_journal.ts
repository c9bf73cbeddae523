/** Putting the journal to use in a file system that is opened for writing. @module */

import type { BlockDevice } from "../device/device.ts";
import { Corrupt } from "../errors.ts";
import { type JournalOptions, JournalStore } from "../journal/journal_store.ts";
import type { Log } from "../journal/log.ts";
import { Compat, Incompat } from "../layout/features.ts";
import { JournalCompat, JournalIncompat } from "../layout/journal.ts";
import type { JournalSuperblock } from "../layout/journal_superblock.ts";
import type { Volume } from "../volume/volume.ts";
import type { Engine } from "./engine.ts";
import { findLog } from "./find_log.ts";

/** How the journal is written. */
export type JournalUse = Omit<JournalOptions, "device" | "clock">;

/** Journal features that may be there while it is written. */
const WRITABLE = JournalIncompat.REVOKE | JournalIncompat.BIT64 | JournalIncompat.ASYNC_COMMIT |
  JournalIncompat.CSUM_V2 | JournalIncompat.CSUM_V3 | JournalIncompat.FAST_COMMIT;

/**
 * Lets commits go through the file system's journal, if it has one. The log holds nothing any more: what it
 * held was replayed before.
 * @param external the device that the opener named for a journal outside.
 * @throws Corrupt for a journal that cannot be used; DeviceError.
 */
export function openJournal(
  engine: Engine,
  how: JournalUse,
  external: BlockDevice | null,
): void {
  const { volume, alloc } = engine;
  const { superblock } = volume;
  if (superblock.hasCompat(Compat.HAS_JOURNAL)) useLog(volume, findLog(alloc, external), how);
}

/** Makes a log ready and puts it to use. @throws Corrupt, DeviceError */
export function useLog(volume: Volume, log: Log, how: JournalUse): void {
  const { device, options, superblock } = volume;
  const unknown = log.superblock.featureIncompat & ~WRITABLE;
  if (unknown !== 0) {
    const field = `s_feature_incompat has unknown 0x${(unknown >>> 0).toString(16)}`;
    throw new Corrupt("journal superblock", "journal block 0", field);
  }
  const { totalBlocks } = log.superblock;
  if (log.diskBlocks.subarray(0, totalBlocks).includes(0)) {
    throw new Corrupt("journal", `inode ${superblock.journalInode}`, "has a hole");
  }
  setFeatures(volume, log.superblock);
  log.featuresChanged();
  volume.useJournal(new JournalStore(log, { ...how, device, clock: options.clock }));
}

/** The features that the kernel would set for such a file system. */
function setFeatures(volume: Volume, journal: JournalSuperblock): void {
  const { superblock } = volume;
  journal.upgrade();
  journal.setChecksums(superblock.hasMetadataChecksums ? 3 : 0);
  let incompat = journal.featureIncompat & ~JournalIncompat.ASYNC_COMMIT;
  incompat |= JournalIncompat.REVOKE;
  if (superblock.hasIncompat(Incompat.BIT64)) incompat |= JournalIncompat.BIT64;
  journal.featureIncompat = incompat >>> 0;
  journal.featureCompat = (journal.featureCompat & ~JournalCompat.CHECKSUM) >>> 0;
  journal.error = 0;
  journal.startBlock = 0;
}
