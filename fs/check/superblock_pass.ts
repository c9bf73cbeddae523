/**
 * Rules of a superblock that do not hinder the check, and its backups.
 *
 * @module
 */

import { Incompat, RoCompat } from "../layout/features.ts";
import {
  STATE_ERROR,
  Superblock,
  SUPERBLOCK_BYTES,
  SUPERBLOCK_MAGIC,
} from "../layout/superblock.ts";
import { BackupGroups } from "./backup_groups.ts";
import type { CheckContext } from "./context.ts";
import { backupGroups } from "./superblock_rules.ts";

const DAY_SECONDS = 86400;
/** Inodes that are never a quota file's: bad blocks, root, boot loader, undelete, resize, … */
const NO_QUOTA_INODES: ReadonlySet<number> = new Set([1, 2, 5, 6, 7, 8, 9, 10]);
/** Backups beyond these are not read. */
const MAX_BACKUPS = 4096;

/** Checks the superblock in use. */
export function checkSuperblock(check: CheckContext): void {
  const { superblock, findings, geometry, reader } = check;
  if (geometry.blocksCount > reader.deviceBlocks) {
    findings.add("device_too_small", {}, reader.deviceBlocks, geometry.blocksCount);
  }
  checkExtraSizes(check);
  checkFeatures(check);
  checkTimes(check);
  checkFreeCounts(check);
  for (const ino of quotaInodes(superblock)) {
    if (NO_QUOTA_INODES.has(ino) || ino > superblock.inodesCount) {
      findings.add("superblock_quota_inode", {}, ino);
    }
  }
  if ((superblock.state & STATE_ERROR) !== 0) findings.add("superblock_state", {});
}

/** Numbers of the quota files that the superblock names. */
export function quotaInodes(superblock: Superblock): readonly number[] {
  const { userQuotaInode, groupQuotaInode, projectQuotaInode } = superblock;
  return [userQuotaInode, groupQuotaInode, projectQuotaInode].filter((ino) => ino !== 0);
}

function checkExtraSizes(check: CheckContext): void {
  const { superblock, findings } = check;
  if (superblock.inodeBytes <= 128) return;
  const largest = superblock.inodeBytes - 128;
  const isBad = (bytes: number): boolean =>
    bytes !== 0 && (bytes < 4 || bytes > largest || (bytes & 3) !== 0);
  const { minExtraIsize, wantExtraIsize } = superblock;
  if (isBad(minExtraIsize)) findings.add("superblock_min_extra_isize", {}, minExtraIsize);
  if (isBad(wantExtraIsize)) findings.add("superblock_want_extra_isize", {}, wantExtraIsize);
}

function checkFeatures(check: CheckContext): void {
  const { superblock, findings, features } = check;
  if (features.metadataChecksums && superblock.hasRoCompat(RoCompat.GDT_CSUM)) {
    findings.add("superblock_both_checksums", {});
  }
  if (!features.metadataChecksums && superblock.hasIncompat(Incompat.CSUM_SEED)) {
    findings.add("superblock_seed_unneeded", {});
  }
  if (features.is64bit && !features.extents) findings.add("superblock_64bit_no_extents", {});
  const { featureCompat, featureIncompat, featureRoCompat } = superblock;
  if (superblock.revision === 0 && (featureCompat | featureIncompat | featureRoCompat) !== 0) {
    findings.add("superblock_revision", {});
  }
}

function checkTimes(check: CheckContext): void {
  const { superblock, findings, options } = check;
  const latest = options.now + DAY_SECONDS;
  if (superblock.mountTimeLo > latest) {
    findings.add("superblock_future_mount", {}, superblock.mountTimeLo);
  }
  if (superblock.writeTimeLo > latest) {
    findings.add("superblock_future_write", {}, superblock.writeTimeLo);
  }
}

function checkFreeCounts(check: CheckContext): void {
  const { superblock, findings } = check;
  const { freeBlocksCount, blocksCount, freeInodesCount, inodesCount } = superblock;
  const big = "superblock_free_count_big";
  if (freeBlocksCount > blocksCount) {
    findings.add(big, { field: "s_free_blocks_count" }, freeBlocksCount, `up to ${blocksCount}`);
  }
  if (freeInodesCount > inodesCount) {
    findings.add(big, { field: "s_free_inodes_count" }, freeInodesCount, `up to ${inodesCount}`);
  }
}

/** Features that the kernel sets in the primary alone. */
const PRIMARY_ONLY_INCOMPAT = Incompat.EXTENTS | Incompat.RECOVER;
const PRIMARY_ONLY_RO_COMPAT = RoCompat.LARGE_FILE | RoCompat.DIR_NLINK | RoCompat.ORPHAN_PRESENT;

/** Compares the backups with the primary in what must not differ. */
export function checkBackups(check: CheckContext): void {
  const { superblock, findings, geometry, reader } = check;
  const bytes = reader.buffer();
  const descriptors = new BackupGroups(check);
  let read = 0;
  for (const group of backupGroups(superblock, geometry.groupCount)) {
    if (++read > MAX_BACKUPS) break;
    const block = geometry.groupFirstBlock(group);
    if (block >= reader.deviceBlocks) continue;
    if (!reader.read(block, bytes)) continue;
    const backup = new Superblock(bytes.slice(0, SUPERBLOCK_BYTES));
    const field = differingField(superblock, backup);
    if (field !== undefined) findings.add("backup_superblock", { group, block, field });
    else descriptors.check(group);
  }
}

function differingField(primary: Superblock, backup: Superblock): string | undefined {
  if (backup.magic !== SUPERBLOCK_MAGIC) return "s_magic";
  if (backup.featureCompat !== primary.featureCompat) return "s_feature_compat";
  const incompat = backup.featureIncompat ^ primary.featureIncompat;
  if ((incompat & ~PRIMARY_ONLY_INCOMPAT) !== 0) return "s_feature_incompat";
  const roCompat = backup.featureRoCompat ^ primary.featureRoCompat;
  if ((roCompat & ~PRIMARY_ONLY_RO_COMPAT) !== 0) return "s_feature_ro_compat";
  if (backup.blocksCount !== primary.blocksCount) return "s_blocks_count";
  if (backup.inodesCount !== primary.inodesCount) return "s_inodes_count";
  if (backup.logBlockSize !== primary.logBlockSize) return "s_log_block_size";
  if (!backup.uuid.every((byte, i) => byte === primary.uuid[i])) return "s_uuid";
  return backup.checksumMatches() ? undefined : "s_checksum";
}
