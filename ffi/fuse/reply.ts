/**
 * A reply in memory: the header, and writing of the body's structures in place.
 *
 * @module
 */

import { SIZE, STATX_MASK } from "./abi.ts";
import type { Attributes, Entry, Opened, Statfs } from "./port.ts";
import type { Request } from "./request.ts";

const TWO_TO_32 = 0x1_0000_0000;
/** STATX_ATTR_ COMPRESSED, IMMUTABLE, APPEND, NODUMP, ENCRYPTED and VERITY: a bit that is not set is known to be so. */
const STATX_ATTRIBUTES_KNOWN = 0x100874;
const NSEC_PER_MS = 1_000_000;

/**
 * One reply. The memory is reused. Offsets are from the beginning of the body, which follows the
 * header. Whoever writes has checked that the body's memory (`capacity`) suffices.
 */
export class Reply {
  /** Bytes that a body may have. */
  readonly capacity: number;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  /** @param bytes the memory that replies are made in. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.capacity = bytes.length - SIZE.OUT_HEADER;
  }

  /** Writes the header. `error`: 0 or a negated errno. Returns the reply's length. */
  header(request: Request, error: number, bodyBytes: number): number {
    const length = SIZE.OUT_HEADER + bodyBytes;
    const view = this.#view;
    view.setUint32(0, length, true);
    view.setInt32(4, error, true);
    view.setUint32(8, request.uniqueLow, true);
    view.setUint32(12, request.uniqueHigh, true);
    return length;
  }

  /** A view of the body's bytes. */
  body(at: number, lengthBytes: number): Uint8Array {
    const begin = SIZE.OUT_HEADER + at;
    return this.#bytes.subarray(begin, begin + lengthBytes);
  }

  clear(at: number, lengthBytes: number): void {
    const begin = SIZE.OUT_HEADER + at;
    this.#bytes.fill(0, begin, begin + lengthBytes);
  }

  /** Copies `bytes[start..end)`, byte by byte (they are few), and adds zeros up to a multiple of 8. */
  setName(at: number, bytes: Uint8Array, start: number, end: number): void {
    const target = this.#bytes;
    let place = SIZE.OUT_HEADER + at;
    for (let from = start; from < end; from++) target[place++] = bytes[from] as number;
    while ((place & 7) !== 0) target[place++] = 0;
  }

  setU16(at: number, value: number): void {
    this.#view.setUint16(SIZE.OUT_HEADER + at, value, true);
  }

  setU32(at: number, value: number): void {
    this.#view.setUint32(SIZE.OUT_HEADER + at, value, true);
  }

  /** Writes a 64-bit number; a negative one as two's complement. */
  setU64(at: number, value: number): void {
    const begin = SIZE.OUT_HEADER + at;
    this.#view.setUint32(begin, value, true);
    this.#view.setUint32(begin + 4, Math.floor(value / TWO_TO_32), true);
  }

  /** `struct fuse_entry_out`, 128 bytes. */
  entry(at: number, entry: Entry): void {
    this.setU64(at, entry.node);
    this.setU64(at + 8, entry.generation);
    this.#validity(at + 16, at + 32, entry.entryValidMs);
    this.#validity(at + 24, at + 36, entry.attributesValidMs);
    this.attributes(at + 40, entry.attributes);
  }

  /** `struct fuse_attr_out`, 104 bytes. */
  attributesOut(at: number, attributes: Attributes, validMs: number): void {
    this.#validity(at, at + 8, validMs);
    this.setU32(at + 12, 0);
    this.attributes(at + 16, attributes);
  }

  #validity(secondsAt: number, nanosecondsAt: number, ms: number): void {
    const seconds = Math.floor(ms / 1000);
    this.setU64(secondsAt, seconds);
    this.setU32(nanosecondsAt, Math.floor((ms - seconds * 1000) * NSEC_PER_MS));
  }

  /** `struct fuse_attr`, 88 bytes. */
  attributes(at: number, attributes: Attributes): void {
    this.setU64(at, attributes.ino);
    this.setU64(at + 8, attributes.size);
    this.setU64(at + 16, attributes.blocks);
    this.setU64(at + 24, attributes.atime);
    this.setU64(at + 32, attributes.mtime);
    this.setU64(at + 40, attributes.ctime);
    this.setU32(at + 48, attributes.atimeNsec);
    this.setU32(at + 52, attributes.mtimeNsec);
    this.setU32(at + 56, attributes.ctimeNsec);
    this.setU32(at + 60, attributes.mode);
    this.setU32(at + 64, attributes.nlink);
    this.setU32(at + 68, attributes.uid);
    this.setU32(at + 72, attributes.gid);
    this.setU32(at + 76, attributes.rdev);
    this.setU32(at + 80, attributes.blksize);
    this.setU32(at + 84, attributes.flags);
  }

  /** `struct fuse_statx_out`, 288 bytes. */
  statxOut(at: number, attributes: Attributes, validMs: number): void {
    this.clear(at, SIZE.STATX_OUT);
    this.#validity(at, at + 8, validMs);
    this.#statx(at + 32, attributes);
  }

  /** `struct fuse_statx`, 256 bytes, over cleared memory. */
  #statx(at: number, attributes: Attributes): void {
    this.setU32(at, STATX_MASK);
    this.setU32(at + 4, attributes.blksize);
    this.setU64(at + 8, attributes.statxAttributes);
    this.setU32(at + 16, attributes.nlink);
    this.setU32(at + 20, attributes.uid);
    this.setU32(at + 24, attributes.gid);
    this.setU16(at + 28, attributes.mode);
    this.setU64(at + 32, attributes.ino);
    this.setU64(at + 40, attributes.size);
    this.setU64(at + 48, attributes.blocks);
    this.setU64(at + 56, STATX_ATTRIBUTES_KNOWN);
    this.#time(at + 64, attributes.atime, attributes.atimeNsec);
    this.#time(at + 80, attributes.btime, attributes.btimeNsec);
    this.#time(at + 96, attributes.ctime, attributes.ctimeNsec);
    this.#time(at + 112, attributes.mtime, attributes.mtimeNsec);
    this.setU32(at + 128, rdevMajor(attributes.rdev));
    this.setU32(at + 132, rdevMinor(attributes.rdev));
  }

  /** `struct fuse_sx_time`, 16 bytes. */
  #time(at: number, seconds: number, nanoseconds: number): void {
    this.setU64(at, seconds);
    this.setU32(at + 8, nanoseconds);
  }

  /** `struct fuse_open_out`, 16 bytes. */
  opened(at: number, opened: Opened): void {
    this.setU64(at, opened.handle);
    this.setU32(at + 8, opened.flags);
    this.setU32(at + 12, 0);
  }

  /** `struct fuse_statfs_out`, 80 bytes. */
  statfs(at: number, statfs: Statfs): void {
    this.clear(at, SIZE.KSTATFS);
    this.setU64(at, statfs.blocks);
    this.setU64(at + 8, statfs.blocksFree);
    this.setU64(at + 16, statfs.blocksAvailable);
    this.setU64(at + 24, statfs.files);
    this.setU64(at + 32, statfs.filesFree);
    this.setU32(at + 40, statfs.blockBytes);
    this.setU32(at + 44, statfs.nameMax);
    this.setU32(at + 48, statfs.fragmentBytes);
  }
}

/** The major number in the kernel's 32-bit encoding of a device (new_encode_dev). */
function rdevMajor(rdev: number): number {
  return (rdev >>> 8) & 0xfff;
}

function rdevMinor(rdev: number): number {
  return (rdev & 0xff) | ((rdev >>> 12) & 0xfff00);
}
