/**
 * A block device in an image file or on a block device of the host, or in a part of one.
 *
 * @module
 */

import {
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  FALLOC_FL_ZERO_RANGE,
  LOCK_EX,
  LOCK_NB,
  O_RDONLY,
  O_RDWR,
} from "../libc/constants.ts";
import { discardSectors, sectorBytes, zeroSectors } from "../libc/block_device.ts";
import { ERRNO } from "../libc/errno.ts";
import { SystemError } from "../libc/error.ts";
import {
  close,
  fallocate,
  fdatasync,
  flock,
  open,
  pread,
  preadNoWait,
  preadVector,
  pwrite,
  pwriteVector,
  replaceDescriptor,
  settleRange,
  truncate,
} from "../libc/file.ts";
import { IoVector } from "../libc/io_vector.ts";
import { totalBytes } from "../libc/pieces.ts";

/** Up to here zeros are written: cheaper than asking the host to change its map of the file. */
const WRITE_ZEROS_BYTES = 16 * 1024;
const PAGE_BYTES = 4096;
const ZEROS = new Uint8Array(256 * 1024);

/** What `FileDevice` is made of; `openFileDevice` and `createFileDevice` find it out. */
export interface FileDeviceParts {
  readonly descriptor: number;
  readonly path: string;
  /** Where the device begins in the file. */
  readonly beginBytes: number;
  readonly sizeBytes: number;
  readonly readOnly: boolean;
  /** On a block device of the host, not in a regular file. */
  readonly onBlockDevice: boolean;
  /** The descriptor claims the block device (O_EXCL). */
  readonly claims: boolean;
}

/**
 * Storage of a fixed size in a file. Every method moves all bytes or throws a `SystemError` that
 * names the file.
 */
export class FileDevice {
  readonly readOnly: boolean;
  readonly path: string;
  /** The open file, for a thread that does I/O of its own. Add `beginBytes` to offsets. */
  readonly descriptor: number;
  readonly beginBytes: number;
  readonly onBlockDevice: boolean;
  /** How much was written through this object since the last flush. */
  unflushedBytes = 0;
  readonly #vector = new IoVector();
  readonly #sectorBytes: number;
  #sizeBytes: number;
  /** The host knows preadv2 with RWF_NOWAIT for this file. */
  #tellsWaits = true;
  #claims: boolean;
  #closed = false;

  constructor(parts: FileDeviceParts) {
    this.descriptor = parts.descriptor;
    this.path = parts.path;
    this.beginBytes = parts.beginBytes;
    this.#sizeBytes = parts.sizeBytes;
    this.readOnly = parts.readOnly;
    this.onBlockDevice = parts.onBlockDevice;
    this.#claims = parts.claims;
    this.#sectorBytes = parts.onBlockDevice ? sectorBytes(parts.descriptor) : 1;
  }

  /** Size in bytes. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** Fills `target` from `offsetBytes`. Throws past the end, and when the file has become shorter. */
  read(target: Uint8Array, offsetBytes: number): void {
    this.#check("pread", offsetBytes, target.length);
    let done = 0;
    while (done < target.length) {
      const rest = done === 0 ? target : target.subarray(done);
      const count = pread(this.descriptor, rest, this.beginBytes + offsetBytes + done, this.path);
      if (count === 0) this.#failShort("pread", offsetBytes + done, target.length - done);
      done += count;
    }
  }

  /** Fills the targets one after the other from `offsetBytes`, in as few calls as possible. */
  readVector(targets: readonly Uint8Array[], offsetBytes: number): void {
    const total = totalBytes(targets);
    this.#check("preadv", offsetBytes, total);
    for (let done = 0; done < total;) {
      this.#vector.fill(targets, done);
      const count = preadVector(
        this.descriptor,
        this.#vector,
        this.beginBytes + offsetBytes + done,
        this.path,
      );
      if (count === 0) this.#failShort("preadv", offsetBytes + done, total - done);
      done += count;
    }
    this.#vector.clear();
  }

  /**
   * As `read`, but only when the host has all of it in memory. Where the host cannot tell, it is read however long
   * that takes.
   * @returns false when it has not; what `target` then holds is undefined.
   */
  readNoWait(target: Uint8Array, offsetBytes: number): boolean {
    if (!this.#tellsWaits) {
      this.read(target, offsetBytes);
      return true;
    }
    try {
      return this.#readNoWait(target, offsetBytes);
    } catch (error) {
      if (!(error instanceof SystemError) || error.errno !== ERRNO.EOPNOTSUPP) throw error;
      this.#tellsWaits = false;
      return this.readNoWait(target, offsetBytes);
    }
  }

  #readNoWait(target: Uint8Array, offsetBytes: number): boolean {
    this.#check("preadv2", offsetBytes, target.length);
    this.#vector.clear();
    this.#vector.add(target);
    const count = preadNoWait(
      this.descriptor,
      this.#vector,
      this.beginBytes + offsetBytes,
      this.path,
    );
    this.#vector.clear();
    return count === target.length;
  }

  /** Writes all of `source` at `offsetBytes`. Throws past the end. */
  write(source: Uint8Array, offsetBytes: number): void {
    this.#check("pwrite", offsetBytes, source.length);
    this.unflushedBytes += source.length;
    let done = 0;
    while (done < source.length) {
      const rest = done === 0 ? source : source.subarray(done);
      done += pwrite(this.descriptor, rest, this.beginBytes + offsetBytes + done, this.path);
    }
  }

  /** Writes the sources one after the other from `offsetBytes` on, in as few calls as possible. */
  writeVector(sources: readonly Uint8Array[], offsetBytes: number): void {
    const total = totalBytes(sources);
    this.#check("pwritev", offsetBytes, total);
    this.unflushedBytes += total;
    for (let done = 0; done < total;) {
      this.#vector.fill(sources, done);
      done += pwriteVector(
        this.descriptor,
        this.#vector,
        this.beginBytes + offsetBytes + done,
        this.path,
      );
    }
    this.#vector.clear();
  }

  /** Returns once everything written is durable. */
  flush(): void {
    this.unflushedBytes = 0;
    if (!this.readOnly) fdatasync(this.descriptor, this.path);
  }

  /** Hands what was written in the range to the storage and lets the next read ask the storage. */
  settle(offsetBytes: number, lengthBytes: number): void {
    this.#check("pread", offsetBytes, lengthBytes);
    // Whole pages: only those can be dropped.
    const begin = Math.floor((this.beginBytes + offsetBytes) / PAGE_BYTES) * PAGE_BYTES;
    const end = this.beginBytes + offsetBytes + lengthBytes;
    const pages = Math.ceil((end - begin) / PAGE_BYTES) * PAGE_BYTES;
    settleRange(this.descriptor, begin, pages, this.path);
  }

  /** Makes the range read as zeros; frees its space in the file where the host can. */
  zero(offsetBytes: number, lengthBytes: number): void {
    this.#check("fallocate", offsetBytes, lengthBytes);
    if (lengthBytes > WRITE_ZEROS_BYTES && this.#zeroByHost(offsetBytes, lengthBytes)) return;
    this.#writeZeros(offsetBytes, lengthBytes);
  }

  #zeroByHost(offsetBytes: number, lengthBytes: number): boolean {
    const begin = this.beginBytes + offsetBytes;
    if (!this.onBlockDevice) {
      return this.#fallocate(FALLOC_FL_PUNCH_HOLE, begin, lengthBytes) ||
        this.#fallocate(FALLOC_FL_ZERO_RANGE, begin, lengthBytes);
    }
    const sector = this.#sectorBytes;
    const first = Math.ceil(begin / sector) * sector;
    const end = Math.floor((begin + lengthBytes) / sector) * sector;
    if (end <= first) return false;
    if (!zeroSectors(this.descriptor, first, end - first, this.path)) return false;
    this.#writeZeros(offsetBytes, first - begin);
    this.#writeZeros(end - this.beginBytes, begin + lengthBytes - end);
    return true;
  }

  #fallocate(mode: number, beginBytes: number, lengthBytes: number): boolean {
    const keepingSize = mode | FALLOC_FL_KEEP_SIZE;
    return fallocate(this.descriptor, keepingSize, beginBytes, lengthBytes, this.path);
  }

  #writeZeros(offsetBytes: number, lengthBytes: number): void {
    for (let done = 0; done < lengthBytes;) {
      const piece = ZEROS.subarray(0, Math.min(ZEROS.length, lengthBytes - done));
      this.write(piece, offsetBytes + done);
      done += piece.length;
    }
  }

  /**
   * Tells that the range is no longer used; its content is undefined afterwards.
   * @returns false when the host cannot use the hint.
   */
  discard(offsetBytes: number, lengthBytes: number): boolean {
    this.#check("fallocate", offsetBytes, lengthBytes);
    if (lengthBytes === 0) return true;
    const begin = this.beginBytes + offsetBytes;
    if (!this.onBlockDevice) {
      return this.#fallocate(FALLOC_FL_PUNCH_HOLE, begin, lengthBytes);
    }
    const sector = this.#sectorBytes;
    const first = Math.ceil(begin / sector) * sector;
    const end = Math.floor((begin + lengthBytes) / sector) * sector;
    if (end <= first) return true;
    return discardSectors(this.descriptor, first, end - first, this.path);
  }

  /** Makes an image file longer (reading as zeros) or shorter. Not for block devices. */
  resize(sizeBytes: number): void {
    if (this.onBlockDevice || this.readOnly) {
      throw new SystemError(ERRNO.EINVAL, "ftruncate", this.path);
    }
    truncate(this.descriptor, this.beginBytes + sizeBytes, this.path);
    this.#sizeBytes = sizeBytes;
  }

  /**
   * Gives up the exclusive claim on a block device, so that it can be mounted as
   * `MountOptions.blockDevice`: the mount then claims it. The lock is taken again at once; `discard`
   * answers false and `zero` writes zeros from then on, as the kernel lets only the claimant do these.
   */
  yieldClaim(): void {
    if (!this.#claims) return;
    this.#claims = false;
    const unclaimed = open(this.path, this.readOnly ? O_RDONLY : O_RDWR);
    try {
      replaceDescriptor(unclaimed, this.descriptor);
    } finally {
      close(unclaimed);
    }
    if (flock(this.descriptor, LOCK_EX | LOCK_NB)) return;
    throw new SystemError(ERRNO.EBUSY, "flock", this.path);
  }

  /** Closes the file and gives up its lock. Closing twice does nothing. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    close(this.descriptor);
  }

  #check(call: string, offsetBytes: number, lengthBytes: number): void {
    if (this.#closed) throw new SystemError(ERRNO.EBADF, call, this.path, "the device is closed");
    if (this.readOnly && call !== "pread" && call !== "preadv" && call !== "preadv2") {
      throw new SystemError(ERRNO.EROFS, call, this.path, "the device was opened read-only");
    }
    const end = offsetBytes + lengthBytes;
    if (offsetBytes >= 0 && lengthBytes >= 0 && end <= this.#sizeBytes) return;
    throw new SystemError(
      ERRNO.EINVAL,
      call,
      this.path,
      `bytes ${offsetBytes} to ${end} are not within the device's ${this.#sizeBytes} bytes`,
    );
  }

  #failShort(call: string, offsetBytes: number, missingBytes: number): never {
    throw new SystemError(
      ERRNO.EIO,
      call,
      this.path,
      `the file ends at byte ${
        this.beginBytes + offsetBytes
      }, ${missingBytes} bytes are missing; ` +
        "it has become shorter since it was opened",
    );
  }
}
