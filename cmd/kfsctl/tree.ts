/**
 * What can be looked at by path: an opened image, or a mount. No path leads out of either.
 *
 * @module
 */

import type { FileInfo } from "../../mod.ts";
import {
  AT_EMPTY_PATH,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_PATH,
  O_RDONLY,
} from "../../ffi/libc/constants.ts";
import { type DirectoryName, readLinkAt, readNames } from "../../ffi/libc/directory.ts";
import { close, open } from "../../ffi/libc/file.ts";
import { ioctl } from "../../ffi/libc/ioctl.ts";
import { openInside } from "../../ffi/libc/open_inside.ts";
import { type FileStatus, statusAt } from "../../ffi/libc/status.ts";
import { getXattr, listXattrs } from "../../ffi/libc/xattr.ts";
import { pathText } from "../../ffi/libc/path.ts";
import { CommandError } from "../shared/command_error.ts";
import type { CommandLine } from "../shared/command_line.ts";
import { offsetOf, openImage } from "./open_image.ts";
import { findTarget } from "./target.ts";

/** Text, or bytes for names that are no UTF-8. */
type Path = string | Uint8Array;

/** An entry that `walk` comes to. */
export interface TreeEntry {
  readonly name: string;
  readonly ino: number;
  /** The starting path and the names below it. */
  readonly path: string;
  readonly pathBytes: Uint8Array;
}

/** A file that is being read. */
export interface OpenedFile extends Disposable {
  /** Bytes read; null at the end. */
  read(target: Uint8Array): number | null;
}

/** Files by path. An `Image` is one. */
export interface Tree extends Disposable {
  lstat(path: Path): FileInfo;
  readLink(path: string): string;
  /** FS_*_FL. */
  getFlags(path: Path): number;
  listXattrs(path: Path, options: { noFollow: boolean }): string[];
  getXattr(path: Path, name: string, options: { noFollow: boolean }): Uint8Array | undefined;
  open(path: Path): OpenedFile;
  walk(path: Path, options: { maxDepth?: number }): Iterable<TreeEntry>;
}

/** A tree, and the path in it that the command line began with. To be disposed of. */
export interface OpenedTree extends Disposable {
  readonly tree: Tree;
  /** The path within the tree that `name` means: it begins where the target is. */
  readonly pathOf: (name: string) => string;
}

/** Opens what `text` names for looking. */
export function openTree(line: CommandLine, text: string): OpenedTree {
  const target = findTarget(text, offsetOf(line));
  const inMount = target.kind === "mount";
  const tree = inMount ? new MountedTree(target.mountPoint) : openImage(line, text, true);
  const base = inMount && target.inside !== "/" ? target.inside : "";
  return {
    tree,
    pathOf: (name) => {
      const path = name === "" || name.startsWith("/") ? name : `/${name}`;
      return `${base}${base !== "" && path === "/" ? "" : path}`;
    },
    [Symbol.dispose]: () => tree[Symbol.dispose](),
  };
}

const FS_IOC_GETFLAGS = 0x8008_6601;
const S_IFREG = 0o100000;
const S_IFMT = 0o170000;
const DT_DIR = 4;
const S_IFDIR = 0o040000;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A mount. */
export class MountedTree implements Tree {
  readonly #root: number;

  constructor(mountPoint: string) {
    this.#root = open(mountPoint, O_PATH | O_DIRECTORY);
  }

  lstat(path: Path): FileInfo {
    return this.#with(
      path,
      O_PATH | O_NOFOLLOW,
      (node) => fileInfo(statusAt(node, "", AT_EMPTY_PATH)),
    );
  }

  readLink(path: string): string {
    return this.#with(path, O_PATH | O_NOFOLLOW, (node) => decoder.decode(readLinkAt(node, "")));
  }

  getFlags(path: Path): number {
    const { isFile, isDirectory } = this.lstat(path);
    if (!isFile && !isDirectory) return 0;
    const flags = new Uint8Array(8);
    const number = this.#with(path, O_RDONLY, (node) => ioctl(node, FS_IOC_GETFLAGS, flags));
    return number === 0 ? new DataView(flags.buffer).getUint32(0, true) : 0;
  }

  listXattrs(path: Path): string[] {
    return this.#with(
      path,
      O_PATH | O_NOFOLLOW,
      (node) => listXattrs(placeOf(node), true).map((name) => decoder.decode(name)),
    );
  }

  getXattr(path: Path, name: string): Uint8Array | undefined {
    return this.#with(path, O_PATH | O_NOFOLLOW, (node) => getXattr(placeOf(node), name, true));
  }

  open(path: Path): OpenedFile {
    const file = this.#with(path, O_PATH, (node) => {
      const isFile = (statusAt(node, "", AT_EMPTY_PATH).mode & S_IFMT) === S_IFREG;
      if (!isFile) throw new CommandError(`${pathText(path)}: it is no regular file`);
      return Deno.openSync(placeOf(node));
    });
    return { read: (target) => file.readSync(target), [Symbol.dispose]: () => file.close() };
  }

  *walk(path: Path, { maxDepth = Number.POSITIVE_INFINITY }: { maxDepth?: number }) {
    const start = typeof path === "string" ? encoder.encode(path) : path;
    const stack: { path: Uint8Array; depth: number; names: DirectoryName[] }[] = [];
    const enter = (path: Uint8Array, depth: number): void => {
      const names = this.#with(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, readNames);
      stack.push({ path, depth, names: names.reverse() });
    };
    enter(start, 1);
    for (let level = stack.at(-1); level !== undefined; level = stack.at(-1)) {
      const entry = level.names.pop();
      if (entry === undefined) {
        stack.pop();
        continue;
      }
      const pathBytes = joined(level.path, entry.name);
      const [name, path] = [decoder.decode(entry.name), decoder.decode(pathBytes)];
      yield { name, ino: entry.ino, path, pathBytes };
      if (level.depth >= maxDepth) continue;
      const isDirectory = entry.type === DT_DIR ||
        (entry.type === 0 && this.lstat(pathBytes).isDirectory);
      if (isDirectory) enter(pathBytes, level.depth + 1);
    }
  }

  [Symbol.dispose](): void {
    close(this.#root);
  }

  #with<T>(path: Path, flags: number, use: (node: number) => T): T {
    const node = openInside(this.#root, path, flags);
    try {
      return use(node);
    } finally {
      close(node);
    }
  }
}

/** A path that leads to an open node, links included. */
function placeOf(node: number): string {
  return `/proc/self/fd/${node}`;
}

function joined(path: Uint8Array, name: Uint8Array): Uint8Array {
  const slash = path.at(-1) === 0x2f ? 0 : 1;
  const all = new Uint8Array(path.length + slash + name.length);
  all.set(path);
  if (slash === 1) all[path.length] = 0x2f;
  all.set(name, path.length + slash);
  return all;
}

function fileInfo(status: FileStatus): FileInfo {
  const type = status.mode & S_IFMT;
  const date = ({ seconds, nanoseconds }: { seconds: number; nanoseconds: number }): Date =>
    new Date(seconds * 1000 + Math.floor(nanoseconds / 1e6));
  const { btime, rdevMajor, rdevMinor } = status;
  return {
    isFile: type === S_IFREG,
    isDirectory: type === S_IFDIR,
    isSymlink: type === 0o120000,
    isBlockDevice: type === 0o060000,
    isCharDevice: type === 0o020000,
    isFifo: type === 0o010000,
    isSocket: type === 0o140000,
    size: status.size,
    mtime: date(status.mtime),
    atime: date(status.atime),
    ctime: date(status.ctime),
    birthtime: btime === undefined ? null : date(btime),
    mtimeNsec: status.mtime.nanoseconds,
    atimeNsec: status.atime.nanoseconds,
    ctimeNsec: status.ctime.nanoseconds,
    birthtimeNsec: btime?.nanoseconds ?? 0,
    dev: 0,
    ino: status.ino,
    mode: status.mode,
    nlink: status.nlink,
    uid: status.uid,
    gid: status.gid,
    rdev: (rdevMinor & 0xff) | (rdevMajor << 8) | ((rdevMinor & ~0xff) << 12),
    blksize: status.blksize,
    blocks: status.blocks,
  };
}
