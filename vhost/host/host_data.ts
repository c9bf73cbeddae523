/**
 * Operations on open files and directories of a shared directory.
 *
 * @module
 */

import {
  type Caller,
  type DirectorySink,
  type Opened,
  WRITE_KILL_SUIDGID,
} from "../../ffi/fuse/port.ts";
import { O_DIRECTORY, O_RDONLY, O_RDWR, S_IFREG } from "../../ffi/libc/constants.ts";
import { ERRNO } from "../../ffi/libc/errno.ts";
import { IoVector } from "../../ffi/libc/io_vector.ts";
import { errno, libc } from "../../ffi/libc/library.ts";
import { totalBytes } from "../../ffi/libc/pieces.ts";
import type { OpenedForMapping } from "../dax.ts";
import { DirectoryReader } from "./directory_reader.ts";
import { EBADF, EROFS, ESTALE } from "./host_base.ts";
import { HostNames } from "./host_names.ts";

/** Offsets of files end here (loff_t). */
const LARGEST_OFFSET = 2 ** 63;
const EINVAL = -ERRNO.EINVAL;
const DOT = 0x2e;
const DT_UNKNOWN = 0;

/** Reading, writing, listing. */
export class HostData extends HostNames {
  readonly #vector = new IoVector();

  read(
    _caller: Caller,
    node: number,
    handle: number,
    offset: number,
    targets: readonly Uint8Array[],
  ): number {
    const file = this.files.get(handle, node);
    if (file === undefined) return EBADF;
    if (offset >= LARGEST_OFFSET) return EINVAL;
    const vector = this.#vector;
    const total = totalBytes(targets);
    let done = 0;
    while (done < total) {
      const wanted = vector.fill(targets, done);
      const count = libc().preadv(
        file.descriptor,
        vector.address,
        vector.count,
        BigInt(offset + done),
      );
      if (count < 0) {
        const number = errno();
        if (number === ERRNO.EINTR) continue;
        vector.clear();
        return done > 0 ? done : -number;
      }
      done += count;
      if (count < wanted) break;
    }
    vector.clear();
    return done;
  }

  write(
    _caller: Caller,
    node: number,
    handle: number,
    offset: number,
    sources: readonly Uint8Array[],
    flags: number,
  ): number {
    const file = this.files.get(handle, node);
    if (file === undefined) return EBADF;
    if (this.options.readOnly) return EROFS;
    if (offset >= LARGEST_OFFSET) return EINVAL;
    const done = this.#writeAll(file.descriptor, offset, sources);
    if (done >= 0 && (flags & WRITE_KILL_SUIDGID) !== 0) this.#dropSetId(node);
    return done;
  }

  #writeAll(descriptor: number, offset: number, sources: readonly Uint8Array[]): number {
    const vector = this.#vector;
    const total = totalBytes(sources);
    let done = 0;
    while (done < total) {
      vector.fill(sources, done);
      const count = libc().pwritev(
        descriptor,
        vector.address,
        vector.count,
        BigInt(offset + done),
      );
      if (count < 0) {
        const number = errno();
        if (number === ERRNO.EINTR) continue;
        vector.clear();
        return done > 0 ? done : -number;
      }
      if (count === 0) break;
      done += count;
    }
    vector.clear();
    return done;
  }

  /** The caller may not keep set-id bits over a change of content; the host does not see that caller. */
  #dropSetId(node: number): void {
    const file = this.nodes.get(node);
    if (file === undefined || this.status.load(file.descriptor) < 0) return;
    this.dropSetIdBits(file.name, this.status.mode);
  }

  /** Clears set-user-id, and set-group-id where the group may execute. */
  protected dropSetIdBits(name: Uint8Array<ArrayBuffer>, mode: number): void {
    const kept = mode & ~0o4000 & ((mode & 0o010) !== 0 ? ~0o2000 : ~0);
    if (kept !== mode) libc().fchmodat(AT_CWD, name, kept & 0o7777, 0);
  }

  /** Opens a node's file for a mapping in the guest; the caller closes it. */
  openForMapping(node: number, writable: boolean): OpenedForMapping | number {
    const file = this.nodes.get(node);
    if (file === undefined) return ESTALE;
    if (writable && this.options.readOnly) return EROFS;
    if (file.type !== S_IFREG) return EINVAL;
    // QEMU 11 maps nothing for reading alone; what the guest may do its own kernel decides.
    const both = this.options.readOnly ? EROFS : this.reopen(file, O_RDWR);
    if (both >= 0) return { descriptor: both, writable: true };
    if (writable) return both;
    const descriptor = this.reopen(file, O_RDONLY);
    return descriptor < 0 ? descriptor : { descriptor, writable: false };
  }

  flush(_caller: Caller, node: number, handle: number): number {
    const file = this.files.get(handle, node);
    if (file === undefined) return EBADF;
    // Closing a copy has the host's file system report what close(2) reports.
    const copy = libc().dup(file.descriptor);
    if (copy < 0) return -errno();
    return libc().close(copy) < 0 ? -errno() : 0;
  }

  release(_caller: Caller, _node: number, handle: number): number {
    return this.files.release(handle) ? 0 : EBADF;
  }

  fsync(_caller: Caller, node: number, handle: number, dataOnly: boolean): number {
    const file = this.files.get(handle, node);
    if (file === undefined) return EBADF;
    const result = dataOnly ? libc().fdatasync(file.descriptor) : libc().fsync(file.descriptor);
    return result < 0 ? -errno() : 0;
  }

  protected override openDirectory(node: number, opened: Opened, flags: number): number {
    const directory = this.nodes.get(node);
    if (directory === undefined) return ESTALE;
    const descriptor = this.reopen(directory, O_RDONLY | O_DIRECTORY);
    if (descriptor < 0) return descriptor;
    opened.handle = this.files.add(descriptor, node, new DirectoryReader(descriptor));
    opened.flags = flags;
    return 0;
  }

  readdir(
    _caller: Caller,
    node: number,
    handle: number,
    offset: number,
    plus: boolean,
    sink: DirectorySink,
  ): number {
    const file = this.files.get(handle, node);
    if (file?.reader === undefined || this.nodes.get(node) === undefined) return EBADF;
    return file.reader.read(offset, (bytes, start, end, ino, place, type) => {
      if (!plus || isDots(bytes, start, end)) {
        return sink.plain(bytes, start, end, ino, place, type);
      }
      const { entry } = sink;
      // Its descriptor may be closed when many entries are looked up.
      const directory = this.nodes.get(node);
      if (directory === undefined) return sink.plain(bytes, start, end, ino, place, DT_UNKNOWN);
      const found = this.find(directory, this.name.of(bytes.subarray(start, end)), entry);
      // A name that is gone meanwhile is given without attributes.
      if (found < 0) return sink.plain(bytes, start, end, ino, place, DT_UNKNOWN);
      const taken = sink.plus(bytes, start, end, ino, place, type);
      if (!taken) this.nodes.forget(entry.node, 1);
      return taken;
    });
  }

  releasedir(caller: Caller, node: number, handle: number): number {
    return this.release(caller, node, handle);
  }

  fsyncdir(caller: Caller, node: number, handle: number, dataOnly: boolean): number {
    return this.fsync(caller, node, handle, dataOnly);
  }

  syncfs(_caller: Caller): number {
    const root = this.nodes.get(1);
    if (root === undefined) return ESTALE;
    const descriptor = this.reopen(root, O_RDONLY | O_DIRECTORY);
    if (descriptor < 0) return descriptor;
    const result = libc().syncfs(descriptor) < 0 ? -errno() : 0;
    libc().close(descriptor);
    return result;
  }

  fallocate(
    _caller: Caller,
    node: number,
    handle: number,
    offset: number,
    length: number,
    mode: number,
  ): number {
    const file = this.files.get(handle, node);
    if (file === undefined) return EBADF;
    if (this.options.readOnly) return EROFS;
    if (offset >= LARGEST_OFFSET || length >= LARGEST_OFFSET) return EINVAL;
    const result = libc().fallocate(file.descriptor, mode, BigInt(offset), BigInt(length));
    return result < 0 ? -errno() : 0;
  }

  lseek(_caller: Caller, node: number, handle: number, offset: number, whence: number): number {
    const file = this.files.get(handle, node);
    if (file === undefined) return EBADF;
    if (offset >= LARGEST_OFFSET) return EINVAL;
    const result = libc().lseek(file.descriptor, BigInt(offset), whence);
    return result < 0n ? -errno() : Number(result);
  }

  copyFileRange(
    _caller: Caller,
    node: number,
    handle: number,
    offset: number,
    newNode: number,
    newHandle: number,
    newOffset: number,
    length: number,
  ): number {
    const from = this.files.get(handle, node);
    const to = this.files.get(newHandle, newNode);
    if (from === undefined || to === undefined) return EBADF;
    if (this.options.readOnly) return EROFS;
    if (offset >= LARGEST_OFFSET || newOffset >= LARGEST_OFFSET) return EINVAL;
    const result = libc().copy_file_range(
      from.descriptor,
      new BigInt64Array([BigInt(offset)]),
      to.descriptor,
      new BigInt64Array([BigInt(newOffset)]),
      BigInt(length),
      0,
    );
    return result < 0n ? -errno() : Number(result);
  }
}

const AT_CWD = -100;

function isDots(bytes: Uint8Array, start: number, end: number): boolean {
  if (bytes[start] !== DOT) return false;
  return end - start === 1 || (end - start === 2 && bytes[start + 1] === DOT);
}
