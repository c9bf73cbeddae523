/**
 * Inodes (kernel documentation: filesystems/ext4/dynamic, "Index Nodes").
 *
 * Kernel field names at their offsets:
 * 0x0 i_mode, 0x2 i_uid, 0x4 i_size_lo, 0x8 i_atime, 0xc i_ctime, 0x10 i_mtime, 0x14 i_dtime, 0x18
 * i_gid, 0x1a i_links_count, 0x1c i_blocks_lo, 0x20 i_flags, 0x24 i_version (osd1), 0x28 i_block
 * (60 bytes), 0x64 i_generation, 0x68 i_file_acl_lo, 0x6c i_size_high, 0x74 l_i_blocks_high, 0x76
 * l_i_file_acl_high, 0x78 l_i_uid_high, 0x7a l_i_gid_high, 0x7c l_i_checksum_lo, 0x80
 * i_extra_isize, 0x82 i_checksum_hi, 0x84 i_ctime_extra, 0x88 i_mtime_extra, 0x8c i_atime_extra,
 * 0x90 i_crtime, 0x94 i_crtime_extra, 0x98 i_version_hi, 0x9c i_projid.
 *
 * The checksum covers the whole inode with both checksum fields as zero, crc32c seeded with the
 * file system's seed, the inode number (le32) and i_generation (le32). The high half exists when
 * i_extra_isize reaches past it.
 *
 * @module
 */

import { Corrupt } from "../errors.ts";
import { crc32c, crc32cNumber } from "./crc32c.ts";

/** i_mode: type of file. */
export const S_IFMT = 0o170000;
export const S_IFSOCK = 0o140000;
export const S_IFLNK = 0o120000;
export const S_IFREG = 0o100000;
export const S_IFBLK = 0o060000;
export const S_IFDIR = 0o040000;
export const S_IFCHR = 0o020000;
export const S_IFIFO = 0o010000;
export const S_ISUID = 0o4000;
export const S_ISGID = 0o2000;
export const S_ISVTX = 0o1000;

/** i_flags bits. */
export const InodeFlag = {
  SECURE_DELETE: 0x1,
  UNDELETE: 0x2,
  COMPRESSED: 0x4,
  SYNC: 0x8,
  IMMUTABLE: 0x10,
  APPEND: 0x20,
  NODUMP: 0x40,
  NOATIME: 0x80,
  ENCRYPT: 0x800,
  /** Hash-indexed directory. */
  INDEX: 0x1000,
  IMAGIC: 0x2000,
  JOURNAL_DATA: 0x4000,
  NOTAIL: 0x8000,
  DIRSYNC: 0x10000,
  TOPDIR: 0x20000,
  HUGE_FILE: 0x40000,
  EXTENTS: 0x80000,
  VERITY: 0x100000,
  /** The inode holds a large extended attribute value. */
  EA_INODE: 0x200000,
  DAX: 0x2000000,
  INLINE_DATA: 0x10000000,
  PROJINHERIT: 0x20000000,
  CASEFOLD: 0x40000000,
} as const;

/** Byte offset and length of i_block within an inode. */
export const I_BLOCK_OFFSET = 0x28;
export const I_BLOCK_BYTES = 60;
/** Where the extra part of a large inode begins. */
export const EXTRA_OFFSET = 128;

const EPOCH_SECONDS = 0x100000000;

/** What a file system's superblock says about how its inodes are stored. */
export interface InodeFormat {
  /** Bytes of an inode in the table. */
  readonly inodeBytes: number;
  readonly blockBytes: number;
  /** Seed of metadata checksums, or undefined without metadata_csum. */
  readonly checksumSeed: number | undefined;
  /** huge_file is set: i_blocks has 48 bits. */
  readonly hugeFile: boolean;
}

/** An inode, decoded, over a private copy of its bytes. Fields not named here stay in `raw` as they were. */
export class InodeRecord {
  /** The inode's bytes: i_block and the in-inode attributes are used in place here. */
  readonly raw: Uint8Array;
  readonly view: DataView;
  mode = 0;
  uid = 0;
  gid = 0;
  /** Size in bytes. */
  size = 0;
  /** i_links_count as stored: 1 in a directory that overflowed with dir_nlink. */
  links = 0;
  /** Allocated units of 512 bytes. */
  sectors = 0;
  /** InodeFlag bits, unsigned. */
  flags = 0;
  generation = 0;
  /** Disk block of the attribute block, 0: none. */
  fileAcl = 0;
  /** Deletion time, or the next orphan's inode number. */
  dtime = 0;
  /** Seconds since 1970, and nanoseconds. */
  atime = 0;
  atimeNsec = 0;
  mtime = 0;
  mtimeNsec = 0;
  ctime = 0;
  ctimeNsec = 0;
  crtime = 0;
  crtimeNsec = 0;
  /** Change counter, the low 32 bits. */
  version = 0;
  projectId = 0;
  /** i_extra_isize: bytes of the extra fields in use, 0 in a 128-byte inode. */
  extraBytes = 0;
  /** Seed for checksums of the blocks that this inode owns: the file system's seed, inode number, generation. */
  checksumSeed = 0;

  /** @param raw where to keep the bytes: `format.inodeBytes` zeros. */
  constructor(
    public ino: number,
    readonly format: InodeFormat,
    raw: Uint8Array = new Uint8Array(format.inodeBytes),
  ) {
    this.raw = raw;
    this.view = new DataView(raw.buffer, raw.byteOffset, raw.length);
  }

  /** Makes the record that of another, blank inode, so that the object can be used again. */
  reset(ino: number): void {
    this.ino = ino;
    this.raw.fill(0);
    this.mode =
      this.uid =
      this.gid =
      this.size =
      this.links =
      this.sectors =
      this.flags =
        0;
    this.generation =
      this.fileAcl =
      this.dtime =
      this.version =
      this.projectId =
        0;
    this.atime =
      this.atimeNsec =
      this.mtime =
      this.mtimeNsec =
        0;
    this.ctime =
      this.ctimeNsec =
      this.crtime =
      this.crtimeNsec =
        0;
    this.extraBytes = this.checksumSeed = 0;
  }

  get type(): number {
    return this.mode & S_IFMT;
  }
  get isDirectory(): boolean {
    return (this.mode & S_IFMT) === S_IFDIR;
  }
  get isRegular(): boolean {
    return (this.mode & S_IFMT) === S_IFREG;
  }
  get isSymlink(): boolean {
    return (this.mode & S_IFMT) === S_IFLNK;
  }
  has(flag: number): boolean {
    return (this.flags & flag) !== 0;
  }
  setFlag(flag: number, on: boolean): void {
    this.flags = (on ? this.flags | flag : this.flags & ~flag) >>> 0;
  }
  /** Recomputes `checksumSeed`, after `generation` was set. */
  updateChecksumSeed(): void {
    const seed = this.format.checksumSeed;
    if (seed === undefined) return;
    this.checksumSeed = crc32cNumber(crc32cNumber(seed, this.ino), this.generation);
  }

  /**
   * Loads the inode from `offset` of an inode table block.
   * @throws Corrupt when the checksum or a length is wrong.
   */
  decode(block: Uint8Array, offset: number): void {
    const { raw, view, format } = this;
    for (let i = 0; i < raw.length; i++) raw[i] = block[offset + i] as number;
    this.mode = view.getUint16(0x0, true);
    this.uid = (view.getUint16(0x2, true) | (view.getUint16(0x78, true) << 16)) >>> 0;
    this.gid = (view.getUint16(0x18, true) | (view.getUint16(0x7a, true) << 16)) >>> 0;
    this.links = view.getUint16(0x1a, true);
    this.flags = view.getUint32(0x20, true);
    this.generation = view.getUint32(0x64, true);
    this.dtime = view.getUint32(0x14, true);
    this.fileAcl = view.getUint32(0x68, true) + view.getUint16(0x76, true) * 0x100000000;
    this.version = view.getUint32(0x24, true);
    this.size = view.getUint32(0x4, true);
    if (this.isRegular || this.isDirectory || this.isSymlink) {
      this.size += view.getUint32(0x6c, true) * 0x100000000;
    }
    this.#decodeSectors();
    this.extraBytes = raw.length > EXTRA_OFFSET ? view.getUint16(0x80, true) : 0;
    if (this.extraBytes > raw.length - EXTRA_OFFSET || (this.extraBytes & 3) !== 0) {
      throw this.#corrupt(`i_extra_isize ${this.extraBytes}`);
    }
    this.#decodeTimes();
    this.projectId = this.extraBytes >= 32 ? view.getUint32(0x9c, true) : 0;
    if (format.checksumSeed !== undefined) this.#verifyChecksum();
    if (this.size > Number.MAX_SAFE_INTEGER) throw this.#corrupt(`i_size ${this.size}`);
  }

  /** Stores the fields and the checksum into `raw`, and that into the table block at `offset`. */
  encode(block: Uint8Array, offset: number): void {
    const { raw, view } = this;
    view.setUint16(0x0, this.mode, true);
    view.setUint16(0x2, this.uid & 0xffff, true);
    view.setUint16(0x78, this.uid >>> 16, true);
    view.setUint16(0x18, this.gid & 0xffff, true);
    view.setUint16(0x7a, this.gid >>> 16, true);
    view.setUint16(0x1a, this.links, true);
    this.#encodeSectors();
    view.setUint32(0x20, this.flags, true);
    view.setUint32(0x64, this.generation, true);
    view.setUint32(0x14, this.dtime, true);
    view.setUint32(0x68, this.fileAcl >>> 0, true);
    view.setUint16(0x76, Math.floor(this.fileAcl / 0x100000000), true);
    view.setUint32(0x24, this.version, true);
    view.setUint32(0x4, this.size >>> 0, true);
    if (this.isRegular || this.isDirectory || this.isSymlink) {
      view.setUint32(0x6c, Math.floor(this.size / 0x100000000), true);
    }
    if (raw.length > EXTRA_OFFSET) view.setUint16(0x80, this.extraBytes, true);
    this.#encodeTimes();
    if (this.extraBytes >= 32) view.setUint32(0x9c, this.projectId, true);
    if (this.format.checksumSeed !== undefined) this.#storeChecksum();
    block.set(raw, offset);
  }

  /** Longest time in seconds that this inode can hold. */
  get maxTime(): number {
    return this.extraBytes >= 8 ? 0x37fffffff : 0x7fffffff;
  }

  #decodeTimes(): void {
    const { view, extraBytes } = this;
    const atime = view.getInt32(0x8, true);
    const ctime = view.getInt32(0xc, true);
    const mtime = view.getInt32(0x10, true);
    const ctimeExtra = extraBytes >= 8 ? view.getUint32(0x84, true) : 0;
    const mtimeExtra = extraBytes >= 12 ? view.getUint32(0x88, true) : 0;
    const atimeExtra = extraBytes >= 16 ? view.getUint32(0x8c, true) : 0;
    this.atime = atime + (atimeExtra & 3) * EPOCH_SECONDS;
    this.atimeNsec = atimeExtra >>> 2;
    this.ctime = ctime + (ctimeExtra & 3) * EPOCH_SECONDS;
    this.ctimeNsec = ctimeExtra >>> 2;
    this.mtime = mtime + (mtimeExtra & 3) * EPOCH_SECONDS;
    this.mtimeNsec = mtimeExtra >>> 2;
    this.crtime = 0;
    this.crtimeNsec = 0;
    if (extraBytes >= 24) {
      const extra = view.getUint32(0x94, true);
      this.crtime = view.getInt32(0x90, true) + (extra & 3) * EPOCH_SECONDS;
      this.crtimeNsec = extra >>> 2;
    }
  }

  #encodeTimes(): void {
    const { view, extraBytes } = this;
    view.setInt32(0x8, this.atime | 0, true);
    view.setInt32(0xc, this.ctime | 0, true);
    view.setInt32(0x10, this.mtime | 0, true);
    if (extraBytes >= 8) view.setUint32(0x84, timeExtra(this.ctime, this.ctimeNsec), true);
    if (extraBytes >= 12) view.setUint32(0x88, timeExtra(this.mtime, this.mtimeNsec), true);
    if (extraBytes >= 16) view.setUint32(0x8c, timeExtra(this.atime, this.atimeNsec), true);
    if (extraBytes >= 24) {
      view.setInt32(0x90, this.crtime | 0, true);
      view.setUint32(0x94, timeExtra(this.crtime, this.crtimeNsec), true);
    }
  }

  #decodeSectors(): void {
    const { view, format } = this;
    const low = view.getUint32(0x1c, true);
    if (!format.hugeFile) {
      this.sectors = low;
      return;
    }
    const count = low + view.getUint16(0x74, true) * 0x100000000;
    this.sectors = this.has(InodeFlag.HUGE_FILE) ? count * (format.blockBytes / 512) : count;
  }

  #encodeSectors(): void {
    const { view, format } = this;
    let count = this.sectors;
    if (format.hugeFile) {
      const inBlocks = count >= 0x1000000000000;
      this.setFlag(InodeFlag.HUGE_FILE, inBlocks);
      if (inBlocks) count /= format.blockBytes / 512;
      view.setUint16(0x74, Math.floor(count / 0x100000000), true);
    }
    view.setUint32(0x1c, count >>> 0, true);
  }

  /** The checksum of `raw`, whose checksum fields are zero meanwhile. */
  #computeChecksum(): number {
    const { raw, view } = this;
    const wide = this.extraBytes >= 4;
    const low = view.getUint16(0x7c, true);
    const high = wide ? view.getUint16(0x82, true) : 0;
    view.setUint16(0x7c, 0, true);
    if (wide) view.setUint16(0x82, 0, true);
    const crc = crc32c(this.checksumSeed, raw);
    view.setUint16(0x7c, low, true);
    if (wide) view.setUint16(0x82, high, true);
    return crc;
  }

  #verifyChecksum(): void {
    this.updateChecksumSeed();
    const computed = this.#computeChecksum();
    const { view } = this;
    const wide = this.extraBytes >= 4;
    const stored = (view.getUint16(0x7c, true) | (wide ? view.getUint16(0x82, true) << 16 : 0)) >>>
      0;
    if (stored === (wide ? computed : computed & 0xffff)) return;
    // An inode that was never used is all zeros and carries no checksum.
    if (this.mode === 0 && this.links === 0 && this.raw.every((byte) => byte === 0)) return;
    throw this.#corrupt("checksum does not match");
  }

  #storeChecksum(): void {
    const crc = this.#computeChecksum();
    this.view.setUint16(0x7c, crc & 0xffff, true);
    if (this.extraBytes >= 4) this.view.setUint16(0x82, crc >>> 16, true);
  }

  #corrupt(field: string): Corrupt {
    return new Corrupt("inode", `inode ${this.ino}`, field);
  }
}

/** The i_*time_extra word: two epoch bits below thirty bits of nanoseconds. */
function timeExtra(seconds: number, nanoseconds: number): number {
  const epoch = Math.floor((seconds - (seconds | 0)) / EPOCH_SECONDS) & 3;
  return ((nanoseconds << 2) | epoch) >>> 0;
}
