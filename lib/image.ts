/**
 * An opened image: the operations, under the names that `Deno` gives them.
 *
 * @module
 */

import { exportTar, type TarExport } from "../build/export_tar.ts";
import { copyFile, readFile, writeFile, type WriteFileOptions } from "./content.ts";
import {
  defragment,
  defragmentAll,
  type DefragmentOptions,
  type DefragmentProgress,
  type DefragmentResult,
  fragmentation,
} from "./defragment.ts";
import type { Fragmentation } from "../fs/defrag/stretch.ts";
import type { TreeProgress, TreeReport } from "../fs/defrag/tree.ts";
import { extents, type FileExtent, type FreeRun, freeRuns } from "./fragmentation.ts";
import { describe, type ImageDescription } from "./describe.ts";
import type { Core } from "./core.ts";
import type { FileInfo } from "./file_info.ts";
import { FsError } from "./fs_error.ts";
import { ImageFile } from "./image_file.ts";
import {
  link,
  mkdir,
  type MkdirOptions,
  mknod,
  type MknodOptions,
  readLink,
  realPath,
  symlink,
} from "./make.ts";
import { chmod, chown, getFlags, setFlags, stat, utime } from "./metadata.ts";
import type { NodeOptions } from "./node_options.ts";
import type { OpenFileOptions } from "./open_node.ts";
import { type Path, textOf } from "./path.ts";
import {
  type DirectoryEntry,
  readDir,
  walk,
  type WalkEntry,
  type WalkOptions,
} from "./read_directory.ts";
import {
  getProject,
  getQuota,
  listQuotas,
  type QuotaInfo,
  type QuotaKind,
  type QuotaLimits,
  setProject,
  setQuota,
} from "./quota.ts";
import { remove, type RemoveOptions } from "./remove.ts";
import { rename, type RenameOptions } from "./rename.ts";
import {
  fallocate,
  type FallocateOptions,
  seekData,
  seekHole,
  setLabel,
  type StatFs,
  statfs,
  trim,
  type TrimOptions,
  truncate,
} from "./space.ts";
import { ImageSnapshots } from "./snapshots.ts";
import type { TimeInput } from "./timestamp.ts";
import {
  addVersion,
  type AddVersionOptions,
  pruneVersions,
  restoreVersion,
  type RestoreVersionOptions,
  versions,
} from "./versions.ts";
import type { KeptVersion } from "../fs/versions/add.ts";
import type { Pruned, VersionSummary } from "../fs/versions/log.ts";
import type { RestoredVersion } from "../fs/versions/restore.ts";
import { getXattr, listXattrs, removeXattr, setXattr, type XattrOptions } from "./xattrs.ts";

const encoder = new TextEncoder();

/**
 * An opened image; made by `open`, best with `using`.
 *
 * All methods are synchronous: names and shapes are Deno's, without its `Sync`. Paths are absolute or relative to the
 * image's root; symbolic links and `..` never lead out of it. A path given as bytes reaches names that are no UTF-8, and
 * what is returned for it is bytes too. All is done as root: there are no permission checks, and modes are taken as
 * given, without umask. Methods throw `FsError`, and nothing else but `TypeError` for an argument of the wrong type.
 */
export class Image implements Disposable {
  /** Snapshots of all that is in the image. */
  readonly snapshots: ImageSnapshots;
  readonly #core: Core;

  /** For `open` only. */
  constructor(core: Core) {
    this.#core = core;
    this.snapshots = new ImageSnapshots(core, (other) => new Image(other));
  }

  // Content of files

  /** The content of a file, up to 2 GiB. */
  readFile(path: Path): Uint8Array<ArrayBuffer> {
    return readFile(this.#core, path);
  }

  /** The content of a file as text; what is not UTF-8 becomes U+FFFD. */
  readTextFile(path: Path): string {
    return textOf(this.readFile(path));
  }

  /** Replaces the content of a file, which is made when there is none. */
  writeFile(path: Path, data: Uint8Array, options: WriteFileOptions = {}): void {
    writeFile(this.#core, path, data, options);
  }

  /** As `writeFile`, with text in UTF-8. */
  writeTextFile(path: Path, text: string, options: WriteFileOptions = {}): void {
    writeFile(this.#core, path, encoder.encode(text), options);
  }

  /** Opens a file, by default for reading. */
  open(path: Path, options: OpenFileOptions = {}): ImageFile {
    return new ImageFile(this.#core, path, options);
  }

  /** Makes a file, or empties it, and opens it for reading and writing. */
  create(path: Path): ImageFile {
    return this.open(path, { read: true, write: true, truncate: true, create: true });
  }

  /** Copies a file's content and permissions to a new or an existing file. Holes stay holes. */
  copyFile(fromPath: Path, toPath: Path): void {
    copyFile(this.#core, fromPath, toPath);
  }

  /** Sets a file's size. @param size in bytes, default 0. */
  truncate(path: Path, size = 0): void {
    truncate(this.#core, path, size);
  }

  /** Allocates, frees or moves a range (bytes) of a file; see `FallocateOptions`. */
  fallocate(path: Path, offset: number, length: number, options: FallocateOptions = {}): void {
    this.#core.run("fallocate", path, () => {
      fallocate(this.#core, this.#core.find(path, true), offset, length, options);
    });
  }

  /** Where data begin at or after `offset` (bytes); null when there are none. */
  seekData(path: Path, offset: number): number | null {
    const core = this.#core;
    return core.run("seekData", path, () => seekData(core, core.find(path, true), offset));
  }

  /** Where a hole begins at or after `offset` (bytes), the end of the file included; null beyond it. */
  seekHole(path: Path, offset: number): number | null {
    const core = this.#core;
    return core.run("seekHole", path, () => seekHole(core, core.find(path, true), offset));
  }

  // Names

  /** Makes a directory, mode 0755 unless `options` say otherwise. */
  mkdir(path: Path, options: MkdirOptions = {}): void {
    mkdir(this.#core, path, options);
  }

  /**
   * The entries of a directory, without "." and "..". The directory may be changed meanwhile: what is there all the
   * time is given once.
   */
  readDir(path: Path): IterableIterator<DirectoryEntry> {
    return readDir(this.#core, path);
  }

  /** Everything below a directory, each directory before what it holds. Symbolic links are not followed. */
  walk(path: Path = "/", options: WalkOptions = {}): IterableIterator<WalkEntry> {
    return walk(this.#core, path, options);
  }

  /** Removes a name, or an empty directory; with `recursive` a directory and all below it. */
  remove(path: Path, options: RemoveOptions = {}): void {
    remove(this.#core, path, options);
  }

  /** Renames; a file or an empty directory under the new name is replaced. */
  rename(oldPath: Path, newPath: Path, options: RenameOptions = {}): void {
    rename(this.#core, oldPath, newPath, options);
  }

  /** Gives a file (or a symbolic link: it is not followed) another name. */
  link(oldPath: Path, newPath: Path): void {
    link(this.#core, oldPath, newPath);
  }

  /** Makes the symbolic link `path` with the text `target`. */
  symlink(target: Path, path: Path): void {
    symlink(this.#core, target, path);
  }

  /** The target of a symbolic link. */
  readLink(path: string): string;
  readLink(path: Uint8Array): Uint8Array;
  readLink(path: Path): Path {
    const target = readLink(this.#core, path);
    return typeof path === "string" ? textOf(target) : target;
  }

  /** The absolute path of a node, without symbolic links, `.` and `..`. */
  realPath(path: string): string;
  realPath(path: Uint8Array): Uint8Array;
  realPath(path: Path): Path {
    const real = realPath(this.#core, path);
    return typeof path === "string" ? textOf(real) : real;
  }

  /** Makes a device node, a FIFO, a socket or an empty file. */
  mknod(path: Path, options: MknodOptions): void {
    mknod(this.#core, path, options);
  }

  // Attributes

  /** Attributes of what the path leads to. */
  stat(path: Path): FileInfo {
    return stat(this.#core, path, true);
  }

  /** Attributes of a node; of a symbolic link itself. */
  lstat(path: Path): FileInfo {
    return stat(this.#core, path, false);
  }

  /** Whether the path leads to something. Other failures than a missing name throw. */
  exists(path: Path): boolean {
    try {
      this.stat(path);
      return true;
    } catch (error) {
      const missing = error instanceof FsError &&
        (error.code === "ENOENT" || error.code === "ENOTDIR");
      if (missing) return false;
      throw error;
    }
  }

  /** Sets the permission bits, set-id and sticky bits included. */
  chmod(path: Path, mode: number): void {
    chmod(this.#core, path, mode);
  }

  /** Sets the owner; null leaves one as it is. As in Linux, a file loses its set-id bits and capabilities. */
  chown(path: Path, uid: number | null, gid: number | null, options: NodeOptions = {}): void {
    chown(this.#core, path, uid, gid, options);
  }

  /** Sets access and modification time; null leaves one as it is. */
  utime(
    path: Path,
    atime: TimeInput | null,
    mtime: TimeInput | null,
    options: NodeOptions = {},
  ): void {
    utime(this.#core, path, atime, mtime, options);
  }

  /** The inode flags of chattr: bits of `InodeFlag`. */
  getFlags(path: Path): number {
    return getFlags(this.#core, path);
  }

  /** Sets the inode flags that can be changed (immutable, append-only, nodump, …) to those of `flags`. */
  setFlags(path: Path, flags: number): void {
    setFlags(this.#core, path, flags);
  }

  /** The value of an extended attribute, undefined when there is none of that name. @param name with its namespace: "user.comment". */
  getXattr(path: Path, name: Path, options: NodeOptions = {}): Uint8Array | undefined {
    return getXattr(this.#core, path, name, options);
  }

  /** Sets an extended attribute, up to 64 KiB. POSIX ACLs are `system.posix_acl_access` and `_default`. */
  setXattr(
    path: Path,
    name: Path,
    value: Uint8Array | string,
    options: XattrOptions = {},
  ): void {
    setXattr(this.#core, path, name, value, options);
  }

  /** Removes an extended attribute. */
  removeXattr(path: Path, name: Path, options: NodeOptions = {}): void {
    removeXattr(this.#core, path, name, options);
  }

  /** The names of the extended attributes. */
  listXattrs(path: Path, options: NodeOptions = {}): string[] {
    return listXattrs(this.#core, path, options);
  }

  /** The number of the project that a node belongs to; 0 without the feature project. */
  getProject(path: Path): number {
    return getProject(this.#core, path);
  }

  /** Makes a node part of a project. With `InodeFlag.PROJINHERIT` a directory hands its project on to what is made in it. */
  setProject(path: Path, id: number): void {
    setProject(this.#core, path, id);
  }

  // The file system

  /** What a user, group or project uses and may use. @param kind must be counted (feature quota): else EOPNOTSUPP. */
  getQuota(kind: QuotaKind, id: number): QuotaInfo {
    return getQuota(this.#core, kind, id);
  }

  /** All users, groups or projects that ever used something or have limits, in the order of their numbers. */
  listQuotas(kind: QuotaKind): QuotaInfo[] {
    return listQuotas(this.#core, kind);
  }

  /** Sets limits; what is left out stays. They hold in mounts that ask for it; not here, where all is done as root. */
  setQuota(kind: QuotaKind, id: number, limits: QuotaLimits): void {
    setQuota(this.#core, kind, id, limits);
  }

  /** Space and counts, label and UUID. */
  statfs(): StatFs {
    return statfs(this.#core);
  }

  /** What kind of file system it is, its state, sizes and times. */
  describe(): ImageDescription {
    return describe(this.#core);
  }

  /** Where a file's content lies in the image, in the order of the file; holes are left out. */
  extents(path: Path): FileExtent[] {
    return extents(this.#core, path);
  }

  /** How many extents a file has, and how few they could be. */
  fragmentation(path: Path): Fragmentation {
    return fragmentation(this.#core, path);
  }

  /**
   * Brings the pieces of a file together, a slice of some MiB each time that it is asked for the next value: in
   * between the image is consistent and may be changed, and the work may be given up. Nothing but where the content
   * lies changes. Files without movable content (directories, what is in its inode) stay as they are.
   */
  defragment(path: Path): Generator<DefragmentProgress, DefragmentResult> {
    return defragment(this.#core, path);
  }

  /** As `defragment`, for everything below a directory; tells how it was, and how it is afterwards. */
  defragmentAll(
    path: Path = "/",
    options: DefragmentOptions = {},
  ): Generator<TreeProgress, TreeReport> {
    return defragmentAll(this.#core, path, options);
  }

  /** The runs of free space, in ascending order; they end where block groups do. */
  freeRuns(): IterableIterator<FreeRun> {
    return freeRuns(this.#core);
  }

  /**
   * Keeps the state of a file, with its attributes, as its next version; durable when it returns. Versions share
   * what is equal in them. They belong to the inode, so renaming does not matter; a new file that was put in the
   * place of an old one goes on with its versions.
   */
  addVersion(path: string, options: AddVersionOptions = {}): KeptVersion {
    return addVersion(this.#core, path, options);
  }

  /** The versions of a file, the oldest first. ENOENT when it has none. */
  versions(path: string): VersionSummary[] {
    return versions(this.#core, path);
  }

  /**
   * Puts a version of a file, by default the newest, in the file's place, in one step: a new inode. The state before
   * becomes a version too, unless `discard` is set.
   */
  restoreVersion(path: string, options: RestoreVersionOptions = {}): RestoredVersion {
    return restoreVersion(this.#core, path, options);
  }

  /** Lets go of versions of a file: all but the newest ones (`keep`), or a single one (`remove`). */
  pruneVersions(
    path: string,
    which: { readonly keep: number } | { readonly remove: number },
  ): Pruned {
    return pruneVersions(this.#core, path, which);
  }

  /** Sets the label. @param label up to 16 bytes. */
  setLabel(label: string): void {
    setLabel(this.#core, label);
  }

  /** Gives the space of free blocks back to the host. @returns bytes. */
  trim(options: TrimOptions = {}): number {
    return trim(this.#core, options);
  }

  /**
   * Writes everything in the image as a tar archive (pax), with attributes, ACLs and holes.
   * @param write takes all bytes before it returns; they are valid during the call.
   * @param warn is told of sockets, which have no place in an archive.
   */
  writeTar(
    write: (bytes: Uint8Array) => void,
    warn: (message: string) => void = () => undefined,
  ): TarExport {
    return this.#core.run("writeTar", "/", () => exportTar(this.#core.engine, write, warn));
  }

  /** Returns once everything is on stable storage. */
  sync(): void {
    this.#core.sync();
  }

  /** Whether `close` was called. */
  get closed(): boolean {
    return this.#core.closed;
  }

  /** Closes the files that are open, writes everything out and gives the image back. Closing twice does nothing. */
  close(): void {
    this.#core.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
