/** Writing the tree of an image as a tar archive. @module */

import { deviceMajor, deviceMinor } from "../fs/layout/device_number.ts";
import {
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
} from "../fs/layout/inode.ts";
import type { Engine } from "../fs/ops/engine.ts";
import type { TarType } from "../tar/member.ts";
import { type DataRange, type TarOutput, TarWriter } from "../tar/writer.ts";
import { type ImageNode, imageRoot, SeenDirectories } from "./image_nodes.ts";
import { show } from "./tree.ts";

/** What was written. */
export interface TarExport {
  members: number;
  /** Bytes of data in files, holes left out. */
  bytes: number;
  /** Sockets: tar has no word for them. */
  skipped: number;
}

const TYPES: ReadonlyMap<number, TarType> = new Map<number, TarType>([
  [S_IFREG, "file"],
  [S_IFDIR, "directory"],
  [S_IFLNK, "symlink"],
  [S_IFCHR, "character"],
  [S_IFBLK, "block"],
  [S_IFIFO, "fifo"],
]);
const LOST_FOUND = "lost+found";
const NOTHING = new Uint8Array(0);
const TOP = new TextEncoder().encode("./");

/**
 * Writes everything in an image: `./`, then each directory before what it holds. An empty `lost+found`
 * is left out.
 * @param warn is told of what has no place in an archive.
 * @throws Corrupt, DeviceError
 */
export function exportTar(
  engine: Engine,
  output: TarOutput,
  warn: (message: string) => void,
): TarExport {
  return new Exporter(new TarWriter(output), warn).run(imageRoot(engine));
}

/** A directory on the way to where the walk is. */
interface Level {
  /** Ends with a slash. */
  readonly path: Uint8Array;
  readonly children: readonly ImageNode[];
  next: number;
}

class Exporter {
  readonly #result: TarExport = { members: 0, bytes: 0, skipped: 0 };
  /** First names of inodes that have several. */
  readonly #links = new Map<number, Uint8Array>();
  readonly #seen = new SeenDirectories();

  constructor(readonly writer: TarWriter, readonly warn: (message: string) => void) {}

  run(root: ImageNode): TarExport {
    this.#member(root, TOP, "directory");
    // Each directory is followed by all that it holds: so programs that unpack can set its times.
    const stack: Level[] = [this.#level(root, TOP)];
    for (let level = stack.at(-1); level !== undefined; level = stack.at(-1)) {
      const child = level.children[level.next++];
      if (child === undefined) {
        stack.pop();
        continue;
      }
      const isDirectory = (child.mode & S_IFMT) === S_IFDIR;
      if (isDirectory && stack.length === 1 && isEmptyLostFound(child)) continue;
      const own = join(level.path, child.name, isDirectory);
      if (this.#child(child, own) && isDirectory) stack.push(this.#level(child, own));
    }
    this.writer.finish();
    return this.#result;
  }

  #level(node: ImageNode, path: Uint8Array): Level {
    this.#seen.enter(node.ino);
    return { path, children: node.children(), next: 0 };
  }

  #child(node: ImageNode, path: Uint8Array): boolean {
    const type = TYPES.get(node.mode & S_IFMT);
    if (type === undefined) {
      this.warn(`${show(path)} is a socket, which has no place in a tar archive`);
      this.#result.skipped++;
      return false;
    }
    const first = this.#links.get(node.ino);
    if (first !== undefined) {
      this.#result.members++;
      this.writer.member({ ...entryOf(node, path, "link"), target: first }, undefined);
      return false;
    }
    if (node.links > 1 && type !== "directory") this.#links.set(node.ino, path);
    this.#member(node, path, type);
    return true;
  }

  #member(node: ImageNode, path: Uint8Array, type: TarType): void {
    this.#result.members++;
    const entry = {
      ...entryOf(node, path, type),
      xattrs: node.xattrs(),
      target: type === "symlink" ? node.target() : NOTHING,
    };
    if (type !== "file") return this.writer.member(entry, undefined);
    const ranges = node.ranges();
    this.writer.member(entry, isWhole(ranges, node.size) ? undefined : ranges);
    for (const range of ranges) {
      this.#result.bytes += range.length;
      node.read(range, (_, bytes) => this.writer.content(bytes));
    }
    this.writer.endContent();
  }
}

function entryOf(node: ImageNode, path: Uint8Array, type: TarType) {
  const { mode, uid, gid, size, mtime, atime, ctime, rdev } = node;
  return {
    type,
    path,
    mode: mode & 0o7777,
    uid,
    gid,
    size: type === "file" ? size : 0,
    mtime,
    atime,
    ctime,
    target: NOTHING,
    major: deviceMajor(rdev),
    minor: deviceMinor(rdev),
    xattrs: [],
  };
}

function isWhole(ranges: readonly DataRange[], size: number): boolean {
  const [first] = ranges;
  return size === 0 || (ranges.length === 1 && first?.offset === 0 && first.length === size);
}

function isEmptyLostFound(node: ImageNode): boolean {
  return show(node.name) === LOST_FOUND && node.children().length === 0;
}

/** The path of a name in a directory whose path ends with a slash. */
function join(folder: Uint8Array, name: Uint8Array, isDirectory: boolean): Uint8Array {
  const path = new Uint8Array(folder.length + name.length + (isDirectory ? 1 : 0));
  path.set(folder);
  path.set(name, folder.length);
  if (isDirectory) path[path.length - 1] = 0x2f;
  return path;
}
