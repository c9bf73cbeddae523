/**
 * An inode's bytes with names for its fields, without any trust: nothing is validated here.
 *
 * Kernel field names and offsets: see `fs/layout/inode.ts`.
 *
 * @module
 */

import { crc32c, crc32cNumber, crc32cZeros } from "../layout/crc32c.ts";
import {
  EXTRA_OFFSET,
  I_BLOCK_OFFSET,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
} from "../layout/inode.ts";

const TWO_32 = 0x1_0000_0000;

/** A window on one inode; move it with `set`. */
export class RawInode {
  ino = 0;
  bytes: Uint8Array = new Uint8Array(0);
  view: DataView = new DataView(new ArrayBuffer(0));
  /** Byte offset of the inode within `bytes`. */
  offset = 0;
  mode = 0;
  links = 0;
  flags = 0;
  dtime = 0;
  generation = 0;

  /** @param inodeBytes s_inode_size. */
  constructor(readonly inodeBytes: number) {}

  /** Looks at the inode at `offset` of `bytes`, of which `view` is a view. */
  set(ino: number, bytes: Uint8Array, view: DataView, offset: number): void {
    this.ino = ino;
    this.bytes = bytes;
    this.view = view;
    this.offset = offset;
    this.mode = view.getUint16(offset, true);
    this.links = view.getUint16(offset + 0x1a, true);
    this.flags = view.getUint32(offset + 0x20, true);
    this.dtime = view.getUint32(offset + 0x14, true);
    this.generation = view.getUint32(offset + 0x64, true);
  }

  u32(field: number): number {
    return this.view.getUint32(this.offset + field, true);
  }
  u16(field: number): number {
    return this.view.getUint16(this.offset + field, true);
  }
  has(flag: number): boolean {
    return (this.flags & flag) !== 0;
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
  /** A device, FIFO or socket. */
  get isSpecial(): boolean {
    const type = this.mode & S_IFMT;
    return type === S_IFCHR || type === S_IFBLK || type === S_IFIFO || type === S_IFSOCK;
  }
  get sizeLow(): number {
    return this.u32(0x4);
  }
  get sizeHigh(): number {
    return this.u32(0x6c);
  }
  /** i_size of 64 bits, whatever the type; not exact beyond 2^53. */
  get size(): number {
    return this.u32(0x4) + this.u32(0x6c) * TWO_32;
  }
  get blocksLow(): number {
    return this.u32(0x1c);
  }
  get blocksHigh(): number {
    return this.u16(0x74);
  }
  /** i_file_acl with its upper 16 bits, which count only with 64bit. */
  fileAcl(is64bit: boolean): number {
    return this.u32(0x68) + (is64bit ? this.u16(0x76) * TWO_32 : 0);
  }
  /** Word `index` (0 to 14) of i_block. */
  block(index: number): number {
    return this.u32(I_BLOCK_OFFSET + 4 * index);
  }
  get uid(): number {
    return (this.u16(0x2) | (this.u16(0x78) << 16)) >>> 0;
  }
  get gid(): number {
    return (this.u16(0x18) | (this.u16(0x7a) << 16)) >>> 0;
  }
  /** i_extra_isize as stored; 0 in a 128-byte inode. */
  get extraBytes(): number {
    return this.inodeBytes > EXTRA_OFFSET ? this.u16(0x80) : 0;
  }
  /** i_projid; 0 where there is none. */
  get projectId(): number {
    return this.extraBytes >= 32 && this.inodeBytes >= 160 ? this.u32(0x9c) : 0;
  }

  /** Seed of the checksums of blocks that the inode owns. */
  ownSeed(seed: number): number {
    return crc32cNumber(crc32cNumber(seed, this.ino), this.generation);
  }

  /** Whether nothing in the first 128 bytes is set. */
  get isBlank(): boolean {
    const { view, offset } = this;
    for (let at = offset; at < offset + EXTRA_OFFSET; at += 4) {
      if (view.getUint32(at, true) !== 0) return false;
    }
    return true;
  }

  /** Whether the checksum is right, or the inode is blank. @param seed the file system's. */
  checksumMatches(seed: number): boolean {
    const { bytes, offset, inodeBytes } = this;
    const wide = this.extraBytes >= 4;
    const end = offset + inodeBytes;
    let crc = crc32c(this.ownSeed(seed), bytes, offset, offset + 0x7c);
    crc = crc32cZeros(crc, 2);
    if (wide) {
      crc = crc32c(crc, bytes, offset + 0x7e, offset + 0x82);
      crc = crc32cZeros(crc, 2);
      crc = crc32c(crc, bytes, offset + 0x84, end);
    } else crc = crc32c(crc, bytes, offset + 0x7e, end);
    const stored = this.u16(0x7c) + (wide ? this.u16(0x82) * 0x10000 : 0);
    return stored === (wide ? crc : crc & 0xffff) || this.isBlank;
  }
}
