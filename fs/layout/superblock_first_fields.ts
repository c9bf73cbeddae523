/**
 * The raw superblock, first part (to 0x14f): one accessor per field, over the 1024 bytes as they are on disk, so that fields
 * nobody names here are kept (kernel documentation: filesystems/ext4/globals, "Super Block").
 * Integers are little-endian.
 *
 * @module
 */

/** Bytes of a superblock. */
export const SUPERBLOCK_BYTES = 1024;

/** Fields of the superblock as stored, those of the dynamic revision and before. */
export class SuperblockFirstFields {
  readonly view: DataView;

  /** @param bytes the 1024 bytes; kept and changed in place. */
  constructor(readonly bytes: Uint8Array) {
    if (bytes.length !== SUPERBLOCK_BYTES) {
      throw new RangeError(`superblock of ${bytes.length} bytes`);
    }
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  /** 0x0 s_inodes_count. */
  get inodesCountRaw(): number {
    return this.view.getUint32(0x0, true);
  }
  set inodesCountRaw(value: number) {
    this.view.setUint32(0x0, value, true);
  }
  /** 0x4 s_blocks_count_lo. */
  get blocksCountLo(): number {
    return this.view.getUint32(0x4, true);
  }
  set blocksCountLo(value: number) {
    this.view.setUint32(0x4, value, true);
  }
  /** 0x8 s_r_blocks_count_lo. */
  get reservedBlocksCountLo(): number {
    return this.view.getUint32(0x8, true);
  }
  set reservedBlocksCountLo(value: number) {
    this.view.setUint32(0x8, value, true);
  }
  /** 0xc s_free_blocks_count_lo. */
  get freeBlocksCountLo(): number {
    return this.view.getUint32(0xc, true);
  }
  set freeBlocksCountLo(value: number) {
    this.view.setUint32(0xc, value, true);
  }
  /** 0x10 s_free_inodes_count. */
  get freeInodesCount(): number {
    return this.view.getUint32(0x10, true);
  }
  set freeInodesCount(value: number) {
    this.view.setUint32(0x10, value, true);
  }
  /** 0x14 s_first_data_block: 1 for 1 KiB blocks without bigalloc, else 0. */
  get firstDataBlock(): number {
    return this.view.getUint32(0x14, true);
  }
  set firstDataBlock(value: number) {
    this.view.setUint32(0x14, value, true);
  }
  /** 0x18 s_log_block_size: block size is 1024 << this. */
  get logBlockSize(): number {
    return this.view.getUint32(0x18, true);
  }
  set logBlockSize(value: number) {
    this.view.setUint32(0x18, value, true);
  }
  /** 0x1c s_log_cluster_size. */
  get logClusterSize(): number {
    return this.view.getUint32(0x1c, true);
  }
  set logClusterSize(value: number) {
    this.view.setUint32(0x1c, value, true);
  }
  /** 0x20 s_blocks_per_group. */
  get blocksPerGroup(): number {
    return this.view.getUint32(0x20, true);
  }
  set blocksPerGroup(value: number) {
    this.view.setUint32(0x20, value, true);
  }
  /** 0x24 s_clusters_per_group. */
  get clustersPerGroup(): number {
    return this.view.getUint32(0x24, true);
  }
  set clustersPerGroup(value: number) {
    this.view.setUint32(0x24, value, true);
  }
  /** 0x28 s_inodes_per_group. */
  get inodesPerGroup(): number {
    return this.view.getUint32(0x28, true);
  }
  set inodesPerGroup(value: number) {
    this.view.setUint32(0x28, value, true);
  }
  /** 0x2c s_mtime. */
  get mountTimeLo(): number {
    return this.view.getUint32(0x2c, true);
  }
  set mountTimeLo(value: number) {
    this.view.setUint32(0x2c, value, true);
  }
  /** 0x30 s_wtime. */
  get writeTimeLo(): number {
    return this.view.getUint32(0x30, true);
  }
  set writeTimeLo(value: number) {
    this.view.setUint32(0x30, value, true);
  }
  /** 0x34 s_mnt_count. */
  get mountCount(): number {
    return this.view.getUint16(0x34, true);
  }
  set mountCount(value: number) {
    this.view.setUint16(0x34, value, true);
  }
  /** 0x36 s_max_mnt_count (signed, -1: never). */
  get maxMountCount(): number {
    return this.view.getInt16(0x36, true);
  }
  set maxMountCount(value: number) {
    this.view.setInt16(0x36, value, true);
  }
  /** 0x38 s_magic, 0xEF53. */
  get magic(): number {
    return this.view.getUint16(0x38, true);
  }
  set magic(value: number) {
    this.view.setUint16(0x38, value, true);
  }
  /** 0x3a s_state: STATE_VALID, STATE_ERROR, STATE_ORPHAN. */
  get state(): number {
    return this.view.getUint16(0x3a, true);
  }
  set state(value: number) {
    this.view.setUint16(0x3a, value, true);
  }
  /** 0x3c s_errors: 1 continue, 2 remount read-only, 3 panic. */
  get errorsBehavior(): number {
    return this.view.getUint16(0x3c, true);
  }
  set errorsBehavior(value: number) {
    this.view.setUint16(0x3c, value, true);
  }
  /** 0x3e s_minor_rev_level. */
  get minorRevision(): number {
    return this.view.getUint16(0x3e, true);
  }
  set minorRevision(value: number) {
    this.view.setUint16(0x3e, value, true);
  }
  /** 0x40 s_lastcheck. */
  get lastCheckLo(): number {
    return this.view.getUint32(0x40, true);
  }
  set lastCheckLo(value: number) {
    this.view.setUint32(0x40, value, true);
  }
  /** 0x44 s_checkinterval, seconds. */
  get checkInterval(): number {
    return this.view.getUint32(0x44, true);
  }
  set checkInterval(value: number) {
    this.view.setUint32(0x44, value, true);
  }
  /** 0x48 s_creator_os, 0 is Linux. */
  get creatorOs(): number {
    return this.view.getUint32(0x48, true);
  }
  set creatorOs(value: number) {
    this.view.setUint32(0x48, value, true);
  }
  /** 0x4c s_rev_level: 0 original, 1 dynamic. */
  get revision(): number {
    return this.view.getUint32(0x4c, true);
  }
  set revision(value: number) {
    this.view.setUint32(0x4c, value, true);
  }
  /** 0x50 s_def_resuid. */
  get defaultReservedUid(): number {
    return this.view.getUint16(0x50, true);
  }
  set defaultReservedUid(value: number) {
    this.view.setUint16(0x50, value, true);
  }
  /** 0x52 s_def_resgid. */
  get defaultReservedGid(): number {
    return this.view.getUint16(0x52, true);
  }
  set defaultReservedGid(value: number) {
    this.view.setUint16(0x52, value, true);
  }
  /** 0x54 s_first_ino (revision 1). */
  get firstInodeRaw(): number {
    return this.view.getUint32(0x54, true);
  }
  set firstInodeRaw(value: number) {
    this.view.setUint32(0x54, value, true);
  }
  /** 0x58 s_inode_size (revision 1). */
  get inodeSizeRaw(): number {
    return this.view.getUint16(0x58, true);
  }
  set inodeSizeRaw(value: number) {
    this.view.setUint16(0x58, value, true);
  }
  /** 0x5a s_block_group_nr: the group that holds this copy. */
  get blockGroupNumber(): number {
    return this.view.getUint16(0x5a, true);
  }
  set blockGroupNumber(value: number) {
    this.view.setUint16(0x5a, value, true);
  }
  /** 0x5c s_feature_compat. */
  get featureCompat(): number {
    return this.view.getUint32(0x5c, true);
  }
  set featureCompat(value: number) {
    this.view.setUint32(0x5c, value, true);
  }
  /** 0x60 s_feature_incompat. */
  get featureIncompat(): number {
    return this.view.getUint32(0x60, true);
  }
  set featureIncompat(value: number) {
    this.view.setUint32(0x60, value, true);
  }
  /** 0x64 s_feature_ro_compat. */
  get featureRoCompat(): number {
    return this.view.getUint32(0x64, true);
  }
  set featureRoCompat(value: number) {
    this.view.setUint32(0x64, value, true);
  }
  /** 0xc8 s_algorithm_usage_bitmap. */
  get algorithmUsageBitmap(): number {
    return this.view.getUint32(0xc8, true);
  }
  set algorithmUsageBitmap(value: number) {
    this.view.setUint32(0xc8, value, true);
  }
  /** 0xcc s_prealloc_blocks. */
  get preallocBlocks(): number {
    return this.view.getUint8(0xcc);
  }
  set preallocBlocks(value: number) {
    this.view.setUint8(0xcc, value);
  }
  /** 0xcd s_prealloc_dir_blocks. */
  get preallocDirBlocks(): number {
    return this.view.getUint8(0xcd);
  }
  set preallocDirBlocks(value: number) {
    this.view.setUint8(0xcd, value);
  }
  /** 0xce s_reserved_gdt_blocks. */
  get reservedGdtBlocks(): number {
    return this.view.getUint16(0xce, true);
  }
  set reservedGdtBlocks(value: number) {
    this.view.setUint16(0xce, value, true);
  }
  /** 0xe0 s_journal_inum. */
  get journalInode(): number {
    return this.view.getUint32(0xe0, true);
  }
  set journalInode(value: number) {
    this.view.setUint32(0xe0, value, true);
  }
  /** 0xe4 s_journal_dev. */
  get journalDevice(): number {
    return this.view.getUint32(0xe4, true);
  }
  set journalDevice(value: number) {
    this.view.setUint32(0xe4, value, true);
  }
  /** 0xe8 s_last_orphan. */
  get lastOrphan(): number {
    return this.view.getUint32(0xe8, true);
  }
  set lastOrphan(value: number) {
    this.view.setUint32(0xe8, value, true);
  }
  /** 0xfc s_def_hash_version. */
  get defaultHashVersion(): number {
    return this.view.getUint8(0xfc);
  }
  set defaultHashVersion(value: number) {
    this.view.setUint8(0xfc, value);
  }
  /** 0xfd s_jnl_backup_type. */
  get journalBackupType(): number {
    return this.view.getUint8(0xfd);
  }
  set journalBackupType(value: number) {
    this.view.setUint8(0xfd, value);
  }
  /** 0xfe s_desc_size. */
  get descriptorSizeRaw(): number {
    return this.view.getUint16(0xfe, true);
  }
  set descriptorSizeRaw(value: number) {
    this.view.setUint16(0xfe, value, true);
  }
  /** 0x100 s_default_mount_opts. */
  get defaultMountOptions(): number {
    return this.view.getUint32(0x100, true);
  }
  set defaultMountOptions(value: number) {
    this.view.setUint32(0x100, value, true);
  }
  /** 0x104 s_first_meta_bg. */
  get firstMetaBlockGroup(): number {
    return this.view.getUint32(0x104, true);
  }
  set firstMetaBlockGroup(value: number) {
    this.view.setUint32(0x104, value, true);
  }
  /** 0x108 s_mkfs_time. */
  get creationTimeLo(): number {
    return this.view.getUint32(0x108, true);
  }
  set creationTimeLo(value: number) {
    this.view.setUint32(0x108, value, true);
  }
}
