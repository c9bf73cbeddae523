/**
 * The superblock: joined fields, names, validation and checksum (kernel documentation:
 * filesystems/ext4/globals, "Super Block"). It lies 1024 bytes into the file system.
 *
 * The checksum (s_checksum, 0x3fc) covers bytes 0x0–0x3fb, crc32c from 0xffffffff; it exists with
 * metadata_csum.
 *
 * @module
 */

import { Corrupt } from "../errors.ts";
import { crc32c } from "./crc32c.ts";
import { Compat, Incompat, RoCompat } from "./features.ts";
import { RawSuperblock, SUPERBLOCK_BYTES } from "./superblock_fields.ts";

export { SUPERBLOCK_BYTES };

/** Byte offset of the primary superblock. */
export const SUPERBLOCK_OFFSET = 1024;
export const SUPERBLOCK_MAGIC = 0xef53;

/** s_state bits. */
export const STATE_VALID = 1;
export const STATE_ERROR = 2;
export const STATE_ORPHAN = 4;

/** s_flags bits. */
export const FLAG_SIGNED_HASH = 1;
export const FLAG_UNSIGNED_HASH = 2;
export const FLAG_TEST = 4;

/** Numbers of the inodes with a fixed job. */
export const BAD_BLOCKS_INODE = 1;
export const ROOT_INODE = 2;
export const USER_QUOTA_INODE = 3;
export const GROUP_QUOTA_INODE = 4;
export const BOOT_LOADER_INODE = 5;
export const UNDELETE_DIR_INODE = 6;
export const RESIZE_INODE = 7;
export const JOURNAL_INODE = 8;
export const EXCLUDE_INODE = 9;
export const REPLICA_INODE = 10;
/** First inode that is free for ordinary files in an original-revision file system. */
export const GOOD_OLD_FIRST_INODE = 11;
export const GOOD_OLD_INODE_BYTES = 128;

const decoder = new TextDecoder();

/** The superblock of a file system. All setters change the bytes; nothing is written by them. */
export class Superblock extends RawSuperblock {
  get blocksCount(): number {
    return this.#join(this.blocksCountLo, this.blocksCountHi);
  }
  set blocksCount(value: number) {
    this.blocksCountLo = value >>> 0;
    if (this.has64bit) this.blocksCountHi = Math.floor(value / 0x100000000);
  }

  get reservedBlocksCount(): number {
    return this.#join(this.reservedBlocksCountLo, this.reservedBlocksCountHi);
  }
  set reservedBlocksCount(value: number) {
    this.reservedBlocksCountLo = value >>> 0;
    if (this.has64bit) this.reservedBlocksCountHi = Math.floor(value / 0x100000000);
  }

  /** Free blocks (with bigalloc: free clusters times blocks a cluster is what statfs shows; stored in clusters' blocks by mke2fs as blocks). */
  get freeBlocksCount(): number {
    return this.#join(this.freeBlocksCountLo, this.freeBlocksCountHi);
  }
  set freeBlocksCount(value: number) {
    this.freeBlocksCountLo = value >>> 0;
    if (this.has64bit) this.freeBlocksCountHi = Math.floor(value / 0x100000000);
  }

  get inodesCount(): number {
    return this.inodesCountRaw;
  }
  set inodesCount(value: number) {
    this.inodesCountRaw = value;
  }

  /** Size of a block in bytes: 1024 to 65536. */
  get blockBytes(): number {
    return 1024 << this.logBlockSize;
  }
  /** Size of an allocation unit in bytes; the block size without bigalloc. */
  get clusterBytes(): number {
    return this.hasRoCompat(RoCompat.BIGALLOC) ? 1024 << this.logClusterSize : this.blockBytes;
  }
  /** Size of an inode in the table, in bytes. */
  get inodeBytes(): number {
    return this.revision === 0 ? GOOD_OLD_INODE_BYTES : this.inodeSizeRaw;
  }
  /** First inode number for ordinary files. */
  get firstInode(): number {
    return this.revision === 0 ? GOOD_OLD_FIRST_INODE : this.firstInodeRaw;
  }
  /** Size of a group descriptor in bytes: 32, or s_desc_size with 64bit. */
  get descriptorBytes(): number {
    return this.has64bit ? this.descriptorSizeRaw : 32;
  }
  get groupCount(): number {
    return Math.ceil((this.blocksCount - this.firstDataBlock) / this.blocksPerGroup);
  }
  get mmpBlock(): number {
    return this.mmpBlockLo + this.mmpBlockHi * 0x100000000;
  }

  get has64bit(): boolean {
    return (this.featureIncompat & Incompat.BIT64) !== 0;
  }
  get hasMetadataChecksums(): boolean {
    return (this.featureRoCompat & RoCompat.METADATA_CSUM) !== 0;
  }
  /** Group descriptors carry a checksum: crc32c with metadata_csum, crc16 with uninit_bg. */
  get hasGroupChecksums(): boolean {
    return (this.featureRoCompat & (RoCompat.METADATA_CSUM | RoCompat.GDT_CSUM)) !== 0;
  }
  hasCompat(mask: number): boolean {
    return (this.featureCompat & mask) !== 0;
  }
  hasIncompat(mask: number): boolean {
    return (this.featureIncompat & mask) !== 0;
  }
  hasRoCompat(mask: number): boolean {
    return (this.featureRoCompat & mask) !== 0;
  }

  /** s_uuid, 16 bytes at 0x68 (a view). */
  get uuid(): Uint8Array {
    return this.bytes.subarray(0x68, 0x78);
  }
  /** s_journal_uuid, 16 bytes at 0xd0 (a view). */
  get journalUuid(): Uint8Array {
    return this.bytes.subarray(0xd0, 0xe0);
  }
  /** s_volume_name, up to 16 bytes at 0x78. */
  get label(): string {
    return text(this.bytes, 0x78, 16);
  }
  set label(value: string) {
    setText(this.bytes, 0x78, 16, value);
  }
  /** s_last_mounted, up to 64 bytes at 0x88. */
  get lastMounted(): string {
    return text(this.bytes, 0x88, 64);
  }
  set lastMounted(value: string) {
    setText(this.bytes, 0x88, 64, value);
  }
  /** s_mount_opts, up to 64 bytes at 0x200. */
  get mountOptions(): string {
    return text(this.bytes, 0x200, 64);
  }
  set mountOptions(value: string) {
    setText(this.bytes, 0x200, 64, value);
  }
  /** Word `i` (0–3) of s_hash_seed at 0xec, little-endian. */
  hashSeed(i: number): number {
    return this.view.getUint32(0xec + 4 * i, true);
  }
  /** Word `i` (0–16) of s_jnl_blocks at 0x10c: i_block and size of the journal inode, backed up. */
  journalBackup(i: number): number {
    return this.view.getUint32(0x10c + 4 * i, true);
  }
  setJournalBackup(i: number, value: number): void {
    this.view.setUint32(0x10c + 4 * i, value, true);
  }

  get writeTime(): number {
    return this.writeTimeLo + this.writeTimeHi * 0x100000000;
  }
  set writeTime(seconds: number) {
    this.writeTimeLo = seconds >>> 0;
    this.writeTimeHi = Math.floor(seconds / 0x100000000) & 0xff;
  }
  get mountTime(): number {
    return this.mountTimeLo + this.mountTimeHi * 0x100000000;
  }
  set mountTime(seconds: number) {
    this.mountTimeLo = seconds >>> 0;
    this.mountTimeHi = Math.floor(seconds / 0x100000000) & 0xff;
  }
  get kbytesWritten(): number {
    return this.kbytesWrittenLo + this.kbytesWrittenHi * 0x100000000;
  }
  set kbytesWritten(value: number) {
    this.kbytesWrittenLo = value >>> 0;
    this.kbytesWrittenHi = Math.floor(value / 0x100000000);
  }

  /** The seed of all metadata checksums: s_checksum_seed, or crc32c of the UUID. */
  get checksumSeed(): number {
    if (this.hasIncompat(Incompat.CSUM_SEED)) return this.checksumSeedRaw;
    return crc32c(0xffffffff, this.uuid);
  }

  /** Computes and stores s_checksum; does nothing without metadata_csum. */
  setChecksum(): void {
    if (this.hasMetadataChecksums) this.checksum = this.#computeChecksum();
  }
  checksumMatches(): boolean {
    return !this.hasMetadataChecksums || this.checksum === this.#computeChecksum();
  }

  #computeChecksum(): number {
    return crc32c(0xffffffff, this.bytes, 0, 0x3fc);
  }
  #join(lo: number, hi: number): number {
    return this.has64bit ? lo + hi * 0x100000000 : lo;
  }
}

/**
 * Reads a superblock from its 1024 bytes and checks what every later step relies on.
 * @throws Corrupt naming the field.
 */
export function decodeSuperblock(bytes: Uint8Array, place = "offset 1024"): Superblock {
  const bad = (field: string): Corrupt => new Corrupt("superblock", place, field);
  const superblock = decodeStart(bytes, bad);
  if (superblock.hasIncompat(Incompat.JOURNAL_DEV)) {
    throw bad("it is the journal of another file system (feature journal_dev)");
  }
  checkInodeFields(superblock, bad);
  checkGroupFields(superblock, bad);
  return superblock;
}

/**
 * Reads the superblock of a journal device (feature journal_dev), which describes no file system.
 * @throws Corrupt naming the field.
 */
export function decodeJournalDevice(bytes: Uint8Array, place = "offset 1024"): Superblock {
  const bad = (field: string): Corrupt => new Corrupt("journal device", place, field);
  const superblock = decodeStart(bytes, bad);
  if (!superblock.hasIncompat(Incompat.JOURNAL_DEV)) {
    throw bad("it is no journal (feature journal_dev)");
  }
  return superblock;
}

/** What all superblocks have in common. */
function decodeStart(bytes: Uint8Array, bad: (field: string) => Corrupt): Superblock {
  const superblock = new Superblock(bytes.slice());
  if (superblock.magic !== SUPERBLOCK_MAGIC) {
    throw bad(
      `s_magic 0x${superblock.magic.toString(16)} is not 0xef53: not an ext2, ext3 or ext4 image`,
    );
  }
  if (superblock.revision > 1) throw bad(`s_rev_level ${superblock.revision} is not known`);
  if (superblock.logBlockSize > 6) {
    throw bad(`s_log_block_size ${superblock.logBlockSize} exceeds 6`);
  }
  if (superblock.hasMetadataChecksums) {
    if (superblock.checksumType !== 1) throw bad(`s_checksum_type ${superblock.checksumType}`);
    if (!superblock.checksumMatches()) throw bad("s_checksum does not match");
  }
  return superblock;
}

function checkInodeFields(superblock: Superblock, bad: (field: string) => Corrupt): void {
  const { inodeBytes, blockBytes } = superblock;
  if (inodeBytes < 128 || inodeBytes > blockBytes || (inodeBytes & (inodeBytes - 1)) !== 0) {
    throw bad(`s_inode_size ${inodeBytes}`);
  }
  const perGroup = superblock.inodesPerGroup;
  if (perGroup === 0 || perGroup > 8 * blockBytes) throw bad(`s_inodes_per_group ${perGroup}`);
  if (superblock.inodesCount !== perGroup * superblock.groupCount) {
    throw bad(
      `s_inodes_count ${superblock.inodesCount} is not ${perGroup} in each of ${superblock.groupCount} groups`,
    );
  }
  if (
    superblock.firstInode < GOOD_OLD_FIRST_INODE || superblock.firstInode > superblock.inodesCount
  ) {
    throw bad(`s_first_ino ${superblock.firstInode}`);
  }
}

function checkGroupFields(superblock: Superblock, bad: (field: string) => Corrupt): void {
  const { blockBytes, clusterBytes, blocksPerGroup, blocksCount, firstDataBlock } = superblock;
  const ratio = clusterBytes / blockBytes;
  if (superblock.hasRoCompat(RoCompat.BIGALLOC)) {
    if (superblock.logClusterSize < superblock.logBlockSize || superblock.logClusterSize > 20) {
      throw bad(`s_log_cluster_size ${superblock.logClusterSize}`);
    }
    if (superblock.clustersPerGroup * ratio !== blocksPerGroup) {
      throw bad(`s_clusters_per_group ${superblock.clustersPerGroup}`);
    }
  }
  const clustersPerGroup = blocksPerGroup / ratio;
  if (blocksPerGroup < 8 || blocksPerGroup % 8 !== 0 || clustersPerGroup > 8 * blockBytes) {
    throw bad(`s_blocks_per_group ${blocksPerGroup}`);
  }
  const wantedFirst = blockBytes === 1024 && ratio === 1 ? 1 : 0;
  if (firstDataBlock !== wantedFirst) {
    throw bad(`s_first_data_block ${firstDataBlock} is not ${wantedFirst}`);
  }
  if (blocksCount <= firstDataBlock || blocksCount > Number.MAX_SAFE_INTEGER / 65536) {
    throw bad(`s_blocks_count ${blocksCount}`);
  }
  const size = superblock.descriptorBytes;
  if (superblock.has64bit && (size < 64 || size > blockBytes || (size & (size - 1)) !== 0)) {
    throw bad(`s_desc_size ${size}`);
  }
  if (superblock.reservedGdtBlocks > blockBytes / 4) {
    throw bad(`s_reserved_gdt_blocks ${superblock.reservedGdtBlocks}`);
  }
  if (superblock.logGroupsPerFlex > 31) {
    throw bad(`s_log_groups_per_flex ${superblock.logGroupsPerFlex}`);
  }
}

/** Whether group `group` holds a copy of the superblock and the group descriptors. */
export function groupHasSuperblock(superblock: Superblock, group: number): boolean {
  if (group === 0) return true;
  if (superblock.hasCompat(Compat.SPARSE_SUPER2)) {
    return group === superblock.backupGroup0 || group === superblock.backupGroup1;
  }
  if (group === 1 || !superblock.hasRoCompat(RoCompat.SPARSE_SUPER)) return true;
  if (group % 2 === 0) return false;
  return isPowerOf(group, 3) || isPowerOf(group, 5) || isPowerOf(group, 7);
}

function isPowerOf(value: number, base: number): boolean {
  let rest = value;
  while (rest > 1 && rest % base === 0) rest /= base;
  return rest === 1;
}

function text(bytes: Uint8Array, start: number, length: number): string {
  const field = bytes.subarray(start, start + length);
  const end = field.indexOf(0);
  return decoder.decode(end < 0 ? field : field.subarray(0, end));
}

function setText(bytes: Uint8Array, start: number, length: number, value: string): void {
  const field = bytes.subarray(start, start + length);
  field.fill(0);
  field.set(new TextEncoder().encode(value).subarray(0, length));
}
