/**
 * Writing around the page cache (-D): every write goes through an aligned buffer to a descriptor opened
 * with O_DIRECT.
 *
 * @module
 */

import type { FileDevice } from "../../ffi/device/file_device.ts";
import { O_DIRECT, O_RDWR } from "../../ffi/libc/constants.ts";
import { close, open, pread, pwrite } from "../../ffi/libc/file.ts";
import { mapMemory, type Mapping, unmapMemory } from "../../ffi/libc/memory.ts";
import type { BlockDevice } from "../../fs/device/device.ts";
import { CommandError } from "../shared/command_error.ts";

const BUFFER_BYTES = 1024 * 1024;
const ALIGNMENT_BYTES = 4096;

/** A device whose writes do not fill the page cache. Reads, zeroing and flushing go to the file device. */
export class DirectDevice implements BlockDevice {
  readonly #descriptor: number;
  readonly #buffer: Mapping;
  readonly readOnly = false;

  /** @throws CommandError when the file system of the target has no direct I/O. */
  constructor(readonly inner: FileDevice) {
    if (inner.beginBytes % ALIGNMENT_BYTES !== 0) {
      throw new CommandError(`-D: the offset is not a multiple of ${ALIGNMENT_BYTES}`);
    }
    try {
      this.#descriptor = open(inner.path, O_RDWR | O_DIRECT);
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      throw new CommandError(`-D: direct I/O is not possible here: ${detail}`);
    }
    this.#buffer = mapMemory(BUFFER_BYTES);
  }

  get sizeBytes(): number {
    return this.inner.sizeBytes;
  }

  read(target: Uint8Array, offsetBytes: number): void {
    this.inner.read(target, offsetBytes);
  }

  write(source: Uint8Array, offsetBytes: number): void {
    for (let done = 0; done < source.length;) {
      const at = offsetBytes + done;
      const before = at % ALIGNMENT_BYTES;
      const length = Math.min(source.length - done, BUFFER_BYTES - before);
      this.#writePiece(source.subarray(done, done + length), at - before, before);
      done += length;
    }
  }

  /** Writes `piece` at `before` bytes behind the aligned offset `start`, keeping what surrounds it. */
  #writePiece(piece: Uint8Array, start: number, before: number): void {
    const { path, beginBytes } = this.inner;
    const end = before + piece.length;
    const alignedEnd = Math.ceil(end / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
    if (start + alignedEnd > this.sizeBytes) {
      this.inner.write(piece, start + before);
      return;
    }
    const buffer = this.#buffer.bytes.subarray(0, alignedEnd);
    if (before > 0) this.#load(buffer.subarray(0, ALIGNMENT_BYTES), start);
    if (end < alignedEnd) {
      const last = alignedEnd - ALIGNMENT_BYTES;
      this.#load(buffer.subarray(last), start + last);
    }
    buffer.set(piece, before);
    for (let done = 0; done < alignedEnd;) {
      const offset = beginBytes + start + done;
      done += pwrite(this.#descriptor, buffer.subarray(done), offset, path);
    }
  }

  #load(target: Uint8Array, offset: number): void {
    const { path, beginBytes } = this.inner;
    for (let done = 0; done < target.length;) {
      const count = pread(
        this.#descriptor,
        target.subarray(done),
        beginBytes + offset + done,
        path,
      );
      if (count === 0) return;
      done += count;
    }
  }

  writeVector(sources: readonly Uint8Array[], offsetBytes: number): void {
    let at = offsetBytes;
    for (const source of sources) {
      this.write(source, at);
      at += source.length;
    }
  }

  flush(): void {
    this.inner.flush();
  }
  zero(offsetBytes: number, lengthBytes: number): void {
    this.inner.zero(offsetBytes, lengthBytes);
  }
  discard(offsetBytes: number, lengthBytes: number): boolean {
    return this.inner.discard(offsetBytes, lengthBytes);
  }

  /** Closes what this device opened; the file device stays open. */
  close(): void {
    close(this.#descriptor);
    unmapMemory(this.#buffer);
  }
}
