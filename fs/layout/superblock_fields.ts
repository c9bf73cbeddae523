/**
 * The raw superblock, second part (from 0x150 on): the fields that ext4 added (kernel documentation:
 * filesystems/ext4/globals, "Super Block"). Integers are little-endian.
 *
 * @module
 */

import { SUPERBLOCK_BYTES, SuperblockFirstFields } from "./superblock_first_fields.ts";

export { SUPERBLOCK_BYTES };

/** All fields of the superblock as stored; `superblock.ts` joins halves and validates. */
export class RawSuperblock extends SuperblockFirstFields {
  /** 0x150 s_blocks_count_hi. */
  get blocksCountHi(): number {
    return this.view.getUint32(0x150, true);
  }
  set blocksCountHi(value: number) {
    this.view.setUint32(0x150, value, true);
  }
  /** 0x154 s_r_blocks_count_hi. */
  get reservedBlocksCountHi(): number {
    return this.view.getUint32(0x154, true);
  }
  set reservedBlocksCountHi(value: number) {
    this.view.setUint32(0x154, value, true);
  }
  /** 0x158 s_free_blocks_count_hi. */
  get freeBlocksCountHi(): number {
    return this.view.getUint32(0x158, true);
  }
  set freeBlocksCountHi(value: number) {
    this.view.setUint32(0x158, value, true);
  }
  /** 0x15c s_min_extra_isize. */
  get minExtraIsize(): number {
    return this.view.getUint16(0x15c, true);
  }
  set minExtraIsize(value: number) {
    this.view.setUint16(0x15c, value, true);
  }
  /** 0x15e s_want_extra_isize. */
  get wantExtraIsize(): number {
    return this.view.getUint16(0x15e, true);
  }
  set wantExtraIsize(value: number) {
    this.view.setUint16(0x15e, value, true);
  }
  /** 0x160 s_flags: FLAG_SIGNED_HASH, FLAG_UNSIGNED_HASH, FLAG_TEST. */
  get flags(): number {
    return this.view.getUint32(0x160, true);
  }
  set flags(value: number) {
    this.view.setUint32(0x160, value, true);
  }
  /** 0x164 s_raid_stride. */
  get raidStride(): number {
    return this.view.getUint16(0x164, true);
  }
  set raidStride(value: number) {
    this.view.setUint16(0x164, value, true);
  }
  /** 0x166 s_mmp_interval, seconds. */
  get mmpInterval(): number {
    return this.view.getUint16(0x166, true);
  }
  set mmpInterval(value: number) {
    this.view.setUint16(0x166, value, true);
  }
  /** 0x168 s_mmp_block, low half. */
  get mmpBlockLo(): number {
    return this.view.getUint32(0x168, true);
  }
  set mmpBlockLo(value: number) {
    this.view.setUint32(0x168, value, true);
  }
  /** 0x16c s_mmp_block, high half. */
  get mmpBlockHi(): number {
    return this.view.getUint32(0x16c, true);
  }
  set mmpBlockHi(value: number) {
    this.view.setUint32(0x16c, value, true);
  }
  /** 0x170 s_raid_stripe_width. */
  get raidStripeWidth(): number {
    return this.view.getUint32(0x170, true);
  }
  set raidStripeWidth(value: number) {
    this.view.setUint32(0x170, value, true);
  }
  /** 0x174 s_log_groups_per_flex. */
  get logGroupsPerFlex(): number {
    return this.view.getUint8(0x174);
  }
  set logGroupsPerFlex(value: number) {
    this.view.setUint8(0x174, value);
  }
  /** 0x175 s_checksum_type, 1 is crc32c. */
  get checksumType(): number {
    return this.view.getUint8(0x175);
  }
  set checksumType(value: number) {
    this.view.setUint8(0x175, value);
  }
  /** 0x176 s_encryption_level. */
  get encryptionLevel(): number {
    return this.view.getUint8(0x176);
  }
  set encryptionLevel(value: number) {
    this.view.setUint8(0x176, value);
  }
  /** 0x178 s_kbytes_written, low half. */
  get kbytesWrittenLo(): number {
    return this.view.getUint32(0x178, true);
  }
  set kbytesWrittenLo(value: number) {
    this.view.setUint32(0x178, value, true);
  }
  /** 0x17c s_kbytes_written, high half. */
  get kbytesWrittenHi(): number {
    return this.view.getUint32(0x17c, true);
  }
  set kbytesWrittenHi(value: number) {
    this.view.setUint32(0x17c, value, true);
  }
  /** 0x194 s_error_count. */
  get errorCount(): number {
    return this.view.getUint32(0x194, true);
  }
  set errorCount(value: number) {
    this.view.setUint32(0x194, value, true);
  }
  /** 0x198 s_first_error_time. */
  get firstErrorTimeLo(): number {
    return this.view.getUint32(0x198, true);
  }
  set firstErrorTimeLo(value: number) {
    this.view.setUint32(0x198, value, true);
  }
  /** 0x19c s_first_error_ino. */
  get firstErrorInode(): number {
    return this.view.getUint32(0x19c, true);
  }
  set firstErrorInode(value: number) {
    this.view.setUint32(0x19c, value, true);
  }
  /** 0x1c8 s_first_error_line. */
  get firstErrorLine(): number {
    return this.view.getUint32(0x1c8, true);
  }
  set firstErrorLine(value: number) {
    this.view.setUint32(0x1c8, value, true);
  }
  /** 0x1cc s_last_error_time. */
  get lastErrorTimeLo(): number {
    return this.view.getUint32(0x1cc, true);
  }
  set lastErrorTimeLo(value: number) {
    this.view.setUint32(0x1cc, value, true);
  }
  /** 0x1d0 s_last_error_ino. */
  get lastErrorInode(): number {
    return this.view.getUint32(0x1d0, true);
  }
  set lastErrorInode(value: number) {
    this.view.setUint32(0x1d0, value, true);
  }
  /** 0x1d4 s_last_error_line. */
  get lastErrorLine(): number {
    return this.view.getUint32(0x1d4, true);
  }
  set lastErrorLine(value: number) {
    this.view.setUint32(0x1d4, value, true);
  }
  /** 0x240 s_usr_quota_inum. */
  get userQuotaInode(): number {
    return this.view.getUint32(0x240, true);
  }
  set userQuotaInode(value: number) {
    this.view.setUint32(0x240, value, true);
  }
  /** 0x244 s_grp_quota_inum. */
  get groupQuotaInode(): number {
    return this.view.getUint32(0x244, true);
  }
  set groupQuotaInode(value: number) {
    this.view.setUint32(0x244, value, true);
  }
  /** 0x248 s_overhead_clusters. */
  get overheadClusters(): number {
    return this.view.getUint32(0x248, true);
  }
  set overheadClusters(value: number) {
    this.view.setUint32(0x248, value, true);
  }
  /** 0x24c s_backup_bgs[0] (sparse_super2). */
  get backupGroup0(): number {
    return this.view.getUint32(0x24c, true);
  }
  set backupGroup0(value: number) {
    this.view.setUint32(0x24c, value, true);
  }
  /** 0x250 s_backup_bgs[1]. */
  get backupGroup1(): number {
    return this.view.getUint32(0x250, true);
  }
  set backupGroup1(value: number) {
    this.view.setUint32(0x250, value, true);
  }
  /** 0x268 s_lpf_ino. */
  get lostFoundInode(): number {
    return this.view.getUint32(0x268, true);
  }
  set lostFoundInode(value: number) {
    this.view.setUint32(0x268, value, true);
  }
  /** 0x26c s_prj_quota_inum. */
  get projectQuotaInode(): number {
    return this.view.getUint32(0x26c, true);
  }
  set projectQuotaInode(value: number) {
    this.view.setUint32(0x26c, value, true);
  }
  /** 0x270 s_checksum_seed (with metadata_csum_seed). */
  get checksumSeedRaw(): number {
    return this.view.getUint32(0x270, true);
  }
  set checksumSeedRaw(value: number) {
    this.view.setUint32(0x270, value, true);
  }
  /** 0x274 s_wtime_hi. */
  get writeTimeHi(): number {
    return this.view.getUint8(0x274);
  }
  set writeTimeHi(value: number) {
    this.view.setUint8(0x274, value);
  }
  /** 0x275 s_mtime_hi. */
  get mountTimeHi(): number {
    return this.view.getUint8(0x275);
  }
  set mountTimeHi(value: number) {
    this.view.setUint8(0x275, value);
  }
  /** 0x276 s_mkfs_time_hi. */
  get creationTimeHi(): number {
    return this.view.getUint8(0x276);
  }
  set creationTimeHi(value: number) {
    this.view.setUint8(0x276, value);
  }
  /** 0x277 s_lastcheck_hi. */
  get lastCheckHi(): number {
    return this.view.getUint8(0x277);
  }
  set lastCheckHi(value: number) {
    this.view.setUint8(0x277, value);
  }
  /** 0x278 s_first_error_time_hi. */
  get firstErrorTimeHi(): number {
    return this.view.getUint8(0x278);
  }
  set firstErrorTimeHi(value: number) {
    this.view.setUint8(0x278, value);
  }
  /** 0x279 s_last_error_time_hi. */
  get lastErrorTimeHi(): number {
    return this.view.getUint8(0x279);
  }
  set lastErrorTimeHi(value: number) {
    this.view.setUint8(0x279, value);
  }
  /** 0x27a s_first_error_errcode. */
  get firstErrorCode(): number {
    return this.view.getUint8(0x27a);
  }
  set firstErrorCode(value: number) {
    this.view.setUint8(0x27a, value);
  }
  /** 0x27b s_last_error_errcode. */
  get lastErrorCode(): number {
    return this.view.getUint8(0x27b);
  }
  set lastErrorCode(value: number) {
    this.view.setUint8(0x27b, value);
  }
  /** 0x27c s_encoding (casefold). */
  get encoding(): number {
    return this.view.getUint16(0x27c, true);
  }
  set encoding(value: number) {
    this.view.setUint16(0x27c, value, true);
  }
  /** 0x27e s_encoding_flags. */
  get encodingFlags(): number {
    return this.view.getUint16(0x27e, true);
  }
  set encodingFlags(value: number) {
    this.view.setUint16(0x27e, value, true);
  }
  /** 0x280 s_orphan_file_inum. */
  get orphanFileInode(): number {
    return this.view.getUint32(0x280, true);
  }
  set orphanFileInode(value: number) {
    this.view.setUint32(0x280, value, true);
  }
  /** 0x3f8, the last reserved word: see `stampOf` in `snapshot_stamp.ts`. 0 in images without snapshots. */
  get snapshotStamp(): number {
    return this.view.getUint32(0x3f8, true);
  }
  set snapshotStamp(value: number) {
    this.view.setUint32(0x3f8, value, true);
  }
  /** 0x3fc s_checksum. */
  get checksum(): number {
    return this.view.getUint32(0x3fc, true);
  }
  set checksum(value: number) {
    this.view.setUint32(0x3fc, value, true);
  }
}
