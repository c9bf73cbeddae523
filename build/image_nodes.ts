/** The tree in an ext4 image, read by the engine: for verifying it, and for writing it as tar. @module */

import { readDevice } from "../fs/layout/device_number.ts";
import { I_BLOCK_OFFSET, S_IFBLK, S_IFCHR, S_IFMT } from "../fs/layout/inode.ts";
import { ROOT_INODE } from "../fs/layout/superblock.ts";
import type { NodeTime } from "../fs/mkfs/populate.ts";
import { Corrupt, FsError } from "../fs/errors.ts";
import { EIO, ENXIO } from "../fs/errno.ts";
import { getAttribute, listAttributes } from "../fs/ops/attributes.ts";
import type { Engine } from "../fs/ops/engine.ts";
import { readFile } from "../fs/ops/read.ts";
import { readDirectory } from "../fs/ops/read_directory.ts";
import { seek, SEEK_DATA, SEEK_HOLE } from "../fs/ops/seek.ts";
import { readSymlink } from "../fs/ops/symlink.ts";
import { type DataRange, keyOf, type Xattr } from "./tree.ts";

const PIECE_BYTES = 1 << 20;
const NAMES_BYTES = 65536;
const TARGET_BYTES = 4096;
const DOT = 0x2e;
const piece = new Uint8Array(PIECE_BYTES);

/** A node of an image. Fields are those of the moment when it was looked at. */
export class ImageNode {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes. */
  readonly size: number;
  readonly rdev: number;
  readonly links: number;
  readonly atime: NodeTime;
  readonly mtime: NodeTime;
  readonly ctime: NodeTime;

  /** @throws Corrupt */
  constructor(readonly engine: Engine, readonly ino: number, readonly name: Uint8Array) {
    const inode = engine.inode(ino);
    const type = inode.mode & S_IFMT;
    this.mode = inode.mode;
    this.uid = inode.uid;
    this.gid = inode.gid;
    this.size = inode.size;
    this.links = inode.links;
    this.rdev = type === S_IFCHR || type === S_IFBLK ? readDevice(inode.view, I_BLOCK_OFFSET) : 0;
    this.atime = { seconds: inode.atime, nanoseconds: inode.atimeNsec };
    this.mtime = { seconds: inode.mtime, nanoseconds: inode.mtimeNsec };
    this.ctime = { seconds: inode.ctime, nanoseconds: inode.ctimeNsec };
  }

  #must(result: number): number {
    if (result < 0) throw new FsError(-result, `inode ${this.ino} cannot be read`);
    return result;
  }

  /** Where a file has data, ascending. */
  ranges(): DataRange[] {
    const ranges: DataRange[] = [];
    for (let at = 0; at < this.size;) {
      const data = seek(this.engine, this.ino, at, SEEK_DATA);
      if (data === -ENXIO) break;
      const hole = this.#must(seek(this.engine, this.ino, this.#must(data), SEEK_HOLE));
      const end = Math.min(hole, this.size);
      if (end > data) ranges.push({ offset: data, length: end - data });
      at = Math.max(end, at + 1);
    }
    return ranges;
  }

  /** Gives the bytes of a range; a part is valid during the call. */
  read({ offset, length }: DataRange, write: (offset: number, bytes: Uint8Array) => void): void {
    for (let done = 0; done < length;) {
      const target = piece.subarray(0, Math.min(PIECE_BYTES, length - done));
      const count = readFile(this.engine, this.engine.inode(this.ino), offset + done, target);
      if (count === 0) throw new FsError(EIO, `inode ${this.ino} ends early`);
      write(offset + done, target.subarray(0, count));
      done += count;
    }
    this.engine.trim();
  }

  target(): Uint8Array {
    const target = new Uint8Array(TARGET_BYTES);
    return target.slice(0, this.#must(readSymlink(this.engine, this.ino, target)));
  }

  /** In the order of their names. */
  xattrs(): Xattr[] {
    const names = new Uint8Array(NAMES_BYTES);
    const length = this.#must(listAttributes(this.engine, this.ino, names, true));
    const found: Xattr[] = [];
    for (let at = 0; at < length;) {
      const end = names.indexOf(0, at);
      const name = names.slice(at, end);
      at = end + 1;
      found.push([name, this.#xattr(name)]);
    }
    return found.sort(([a], [b]) => (keyOf(a) < keyOf(b) ? -1 : 1));
  }

  #xattr(name: Uint8Array): Uint8Array {
    const value = new Uint8Array(NAMES_BYTES);
    return value.slice(0, this.#must(getAttribute(this.engine, this.ino, name, value, true)));
  }

  /** In the order of the bytes of their names, `.` and `..` left out. */
  children(): ImageNode[] {
    const entries: { readonly key: string; readonly name: Uint8Array; readonly ino: number }[] = [];
    this.#must(
      readDirectory(this.engine, this.ino, 0, (bytes, start, end, ino) => {
        const name = bytes.slice(start, end);
        const dots = name[0] === DOT &&
          (name.length === 1 || (name.length === 2 && name[1] === DOT));
        if (!dots) entries.push({ key: keyOf(name), name, ino });
        return true;
      }),
    );
    entries.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
    const nodes = entries.map(({ name, ino }) => new ImageNode(this.engine, ino, name));
    this.engine.trim();
    return nodes;
  }
}

/** The root directory of an image. */
export function imageRoot(engine: Engine): ImageNode {
  return new ImageNode(engine, ROOT_INODE, new Uint8Array(0));
}

/** Throws for a directory that a walk meets twice: an image in which that happens has no end. */
export class SeenDirectories {
  readonly #seen = new Set<number>();

  /** @throws Corrupt */
  enter(ino: number): void {
    if (this.#seen.has(ino)) throw new Corrupt("directory", `inode ${ino}`, "it is met twice");
    this.#seen.add(ino);
  }
}
