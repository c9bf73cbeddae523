/**
 * statx(2) into a reused record.
 *
 * @module
 */

import type { Attributes } from "../../ffi/fuse/port.ts";
import { AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW } from "../../ffi/libc/constants.ts";
import { errno, libc } from "../../ffi/libc/library.ts";

/** STATX_BASIC_STATS, STATX_BTIME and STATX_MNT_ID. */
const MASK = 0x1fff;
const STATX_MOUNT_ID = 0x1000;
const STATX_BTIME = 0x800;
const STATX_BYTES = 256;
const TWO_TO_32 = 0x1_0000_0000;
const EMPTY = new Uint8Array(8);

/** The status of one file, until the next call. */
export class StatusRecord {
  readonly #bytes = new Uint8Array(STATX_BYTES);
  readonly #view = new DataView(this.#bytes.buffer);

  /** Looks at an open file (O_PATH will do). @returns 0 or a negated errno */
  load(descriptor: number): number {
    const flags = AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW;
    const result = libc().statx(descriptor, EMPTY, flags, MASK, this.#bytes);
    return result < 0 ? -errno() : 0;
  }

  #u32(at: number): number {
    return this.#view.getUint32(at, true);
  }

  #u64(at: number): number {
    return this.#u32(at + 4) * TWO_TO_32 + this.#u32(at);
  }

  #i64(at: number): number {
    return this.#view.getInt32(at + 4, true) * TWO_TO_32 + this.#u32(at);
  }

  get mode(): number {
    return this.#view.getUint16(0x1c, true);
  }

  get ino(): number {
    return this.#u64(0x20);
  }

  get size(): number {
    return this.#u64(0x28);
  }

  get deviceMajor(): number {
    return this.#u32(0x88);
  }

  get deviceMinor(): number {
    return this.#u32(0x8c);
  }

  /** 0 on kernels that do not tell. */
  get mountId(): number {
    return (this.#u32(0) & STATX_MOUNT_ID) !== 0 ? this.#u64(0x90) : 0;
  }

  /** Fills in what a guest gets to see. @param flags FUSE_ATTR_* */
  fill(attributes: Attributes, flags: number): void {
    attributes.blksize = this.#u32(0x04);
    attributes.statxAttributes = this.#u32(0x08);
    attributes.nlink = this.#u32(0x10);
    attributes.uid = this.#u32(0x14);
    attributes.gid = this.#u32(0x18);
    attributes.mode = this.mode;
    attributes.ino = this.ino;
    attributes.size = this.size;
    attributes.blocks = this.#u64(0x30);
    attributes.atime = this.#i64(0x40);
    attributes.atimeNsec = this.#u32(0x48);
    const hasBirth = (this.#u32(0) & STATX_BTIME) !== 0;
    attributes.btime = hasBirth ? this.#i64(0x50) : 0;
    attributes.btimeNsec = hasBirth ? this.#u32(0x58) : 0;
    attributes.ctime = this.#i64(0x60);
    attributes.ctimeNsec = this.#u32(0x68);
    attributes.mtime = this.#i64(0x70);
    attributes.mtimeNsec = this.#u32(0x78);
    attributes.rdev = encodeDevice(this.#u32(0x80), this.#u32(0x84));
    attributes.flags = flags;
  }
}

/** The kernel's 32-bit encoding of a device number (new_encode_dev). */
function encodeDevice(major: number, minor: number): number {
  return ((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0;
}
