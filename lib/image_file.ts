/**
 * An open file of an image.
 *
 * @module
 */

import { EBADF, EINVAL, EISDIR } from "../fs/errno.ts";
import { deleteIfUnused } from "../fs/ops/delete_inode.ts";
import { read } from "../fs/ops/read.ts";
import type { Inode } from "../fs/volume/inode.ts";
import { checkBytes, type Core, type Releasable } from "./core.ts";
import { type FileInfo, fileInfoOf } from "./file_info.ts";
import { change, timesChange } from "./metadata.ts";
import { type OpenFileOptions, openNode, writeContent } from "./open_node.ts";
import type { Path } from "./path.ts";
import { fallocate, type FallocateOptions, seekData, seekHole } from "./space.ts";
import type { TimeInput } from "./timestamp.ts";

/** What the offset of `seek` counts from; the values of `Deno.SeekMode`. */
export const SeekMode = { Start: 0, Current: 1, End: 2 } as const;

/**
 * An open file, in the style of `Deno.FsFile`; made by `Image.open` and `Image.create`. All methods are synchronous and
 * throw `FsError`. A file that is removed while it is open lives until it is closed.
 */
export class ImageFile implements Disposable, Releasable {
  readonly #core: Core;
  readonly #path: Path;
  readonly #reads: boolean;
  readonly #writes: boolean;
  readonly #appends: boolean;
  #inode: Inode | null;
  #position = 0;

  /** For `Image` only. */
  constructor(core: Core, path: Path, options: OpenFileOptions) {
    this.#core = core;
    this.#path = path;
    this.#appends = options.append === true;
    this.#writes = options.write === true || this.#appends;
    this.#reads = options.read ?? !this.#writes;
    this.#inode = core.run("open", path, () => {
      const inode = core.engine.inode(openNode(core, path, options).ino);
      // Keeps the inode in memory, and alive when its last name goes.
      inode.users++;
      core.openFiles.add(this);
      return inode;
    });
  }

  /**
   * Reads from the current position, which moves on.
   * @returns bytes read, fewer than `target` holds only at the end; null at the end.
   */
  read(target: Uint8Array): number | null {
    return this.#run("read", (inode) => {
      const count = this.#readFrom(inode, target, this.#position);
      this.#position += count;
      return count === 0 && target.length > 0 ? null : count;
    });
  }

  /** Reads at `offset` (bytes), without the position. @returns bytes read, 0 at the end. */
  readAt(target: Uint8Array, offset: number): number {
    return this.#run("readAt", (inode) => {
      return this.#readFrom(inode, target, checkBytes(this.#core, offset, "offset"));
    });
  }

  /**
   * Writes at the current position, which moves on; with `append` at the end.
   * @returns bytes written: fewer than given when space ran out after a part.
   */
  write(source: Uint8Array): number {
    return this.#run("write", (inode) => {
      if (this.#appends) this.#position = inode.size;
      const count = this.#writeTo(inode, source, this.#position);
      this.#position += count;
      return count;
    });
  }

  /** Writes at `offset` (bytes), without the position. @returns as `write`. */
  writeAt(source: Uint8Array, offset: number): number {
    return this.#run("writeAt", (inode) => {
      return this.#writeTo(inode, source, checkBytes(this.#core, offset, "offset"));
    });
  }

  /** Moves the position. @param whence a `SeekMode`. @returns the new position, which may lie behind the end. */
  seek(offset: number, whence: number): number {
    return this.#run("seek", (inode) => {
      const bases = [0, this.#position, inode.size];
      const base = bases[whence] ?? this.#core.refuse(EINVAL, `${whence} is no seek mode`);
      this.#position = checkBytes(this.#core, base + offset, "position");
      return this.#position;
    });
  }

  /** Sets the size. @param size in bytes, default 0. */
  truncate(size = 0): void {
    this.#run("truncate", (inode) => {
      this.#mustWrite();
      change(this.#core, inode.ino, { size: checkBytes(this.#core, size, "size") });
    });
  }

  stat(): FileInfo {
    return this.#run("stat", (inode) => fileInfoOf(inode, this.#core.blockBytes));
  }

  utime(atime: TimeInput | null, mtime: TimeInput | null): void {
    this.#run("utime", (inode) => {
      change(this.#core, inode.ino, timesChange(this.#core, atime, mtime));
    });
  }

  /** Allocates, frees or moves a range; see `FallocateOptions`. */
  fallocate(offset: number, length: number, options: FallocateOptions = {}): void {
    this.#run("fallocate", (inode) => {
      this.#mustWrite();
      fallocate(this.#core, inode.ino, offset, length, options);
    });
  }

  /** Where data begin at or after `offset`; null when there are none. Does not move the position. */
  seekData(offset: number): number | null {
    return this.#run("seekData", (inode) => seekData(this.#core, inode.ino, offset));
  }

  /** Where a hole begins at or after `offset`; null at or after the end. Does not move the position. */
  seekHole(offset: number): number | null {
    return this.#run("seekHole", (inode) => seekHole(this.#core, inode.ino, offset));
  }

  /** Returns once everything is on stable storage. */
  sync(): void {
    this.#run("sync", () => this.#core.engine.sync(true));
  }

  /** Closes the file. Closing it again, or after the image, does nothing. */
  close(): void {
    if (this.#inode === null || this.#core.closed) return;
    this.#core.run("close", this.#path, () => this.release());
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** For `Image` only: as `close`, within an operation. */
  release(): void {
    const inode = this.#inode;
    if (inode === null) return;
    this.#inode = null;
    const { engine, openFiles } = this.#core;
    openFiles.delete(this);
    inode.users--;
    if (this.#writes && inode.users === 0) engine.alloc.discardPreallocation(inode);
    if (!engine.volume.readOnly) deleteIfUnused(engine, inode);
  }

  #run<T>(operation: string, work: (inode: Inode) => T): T {
    const core = this.#core;
    return core.run(operation, this.#path, () => {
      return work(this.#inode ?? core.refuse(EBADF, "the file is closed"));
    });
  }

  #readFrom(inode: Inode, target: Uint8Array, offset: number): number {
    if (!this.#reads) this.#core.refuse(EBADF, "the file is not open for reading");
    if (inode.isDirectory) this.#core.refuse(EISDIR);
    return this.#core.must(read(this.#core.engine, inode.ino, offset, target));
  }

  #writeTo(inode: Inode, source: Uint8Array, offset: number): number {
    this.#mustWrite();
    return writeContent(this.#core, inode.ino, offset, source);
  }

  #mustWrite(): void {
    if (!this.#writes) this.#core.refuse(EBADF, "the file is not open for writing");
  }
}
