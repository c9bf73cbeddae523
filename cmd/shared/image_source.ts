/**
 * Nodes of an image as a tree to be copied. Names are bytes; nothing is followed.
 *
 * @module
 */

import type { FileInfo, Image, ImageFile } from "../../mod.ts";
import type { NodeTime, SourceNode } from "../../fs/mkfs/populate.ts";
import { CommandError } from "./command_error.ts";
import { joined } from "./path_bytes.ts";

const PIECE_BYTES = 4 << 20;
const DOT = 0x2e;
const SLASH = 0x2f;
const NO_FOLLOW = { noFollow: true } as const;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** What all nodes of one copy share. */
interface Shared {
  readonly image: Image;
  readonly piece: Uint8Array;
  /** Directories that were entered: one that lies below itself is damage. */
  readonly entered: Set<number>;
}

/** Nodes of an image, each with all below it. @throws FsError for a path that leads nowhere */
export function imageSources(image: Image, paths: readonly Uint8Array[]): SourceNode[] {
  const shared = { image, piece: new Uint8Array(PIECE_BYTES), entered: new Set<number>() };
  return paths.map((path) => new ImageNode(shared, path, lastName(path)));
}

function lastName(path: Uint8Array): Uint8Array {
  return path.slice(path.lastIndexOf(SLASH) + 1);
}

class ImageNode implements SourceNode {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly atime: NodeTime;
  readonly mtime: NodeTime;
  readonly ctime: NodeTime;
  readonly rdev: number;
  readonly linkKey: string | undefined;
  readonly #info: FileInfo;

  constructor(
    readonly shared: Shared,
    readonly pathBytes: Uint8Array,
    readonly name: Uint8Array,
  ) {
    const info = shared.image.lstat(pathBytes);
    this.#info = info;
    this.mode = info.mode;
    this.uid = info.uid;
    this.gid = info.gid;
    this.size = info.size;
    this.atime = timeOf(info.atime, info.atimeNsec);
    this.mtime = timeOf(info.mtime, info.mtimeNsec);
    this.ctime = timeOf(info.ctime, info.ctimeNsec);
    this.rdev = info.rdev;
    this.linkKey = info.nlink > 1 && !info.isDirectory ? String(info.ino) : undefined;
  }

  get path(): string {
    return decoder.decode(this.pathBytes);
  }

  readContent(write: (offset: number, bytes: Uint8Array) => void): void {
    using file = this.shared.image.open(this.pathBytes);
    for (let at = file.seekData(0); at !== null && at < this.size;) {
      const end = Math.min(this.size, file.seekHole(at) ?? this.size);
      this.#readRange(file, at, end, write);
      at = file.seekData(end);
    }
  }

  #readRange(
    file: ImageFile,
    from: number,
    to: number,
    write: (offset: number, bytes: Uint8Array) => void,
  ): void {
    const { piece } = this.shared;
    for (let at = from; at < to;) {
      const count = file.readAt(piece.subarray(0, Math.min(piece.length, to - at)), at);
      if (count === 0) return;
      write(at, piece.subarray(0, count));
      at += count;
    }
  }

  readTarget(): Uint8Array {
    return this.shared.image.readLink(this.pathBytes);
  }

  *readXattrs(): Iterable<readonly [Uint8Array, Uint8Array]> {
    const { image } = this.shared;
    for (const name of image.listXattrs(this.pathBytes, NO_FOLLOW)) {
      const value = image.getXattr(this.pathBytes, name, NO_FOLLOW);
      if (value !== undefined) yield [encoder.encode(name), value];
    }
  }

  *readChildren(): Iterable<SourceNode> {
    const { image, entered } = this.shared;
    if (entered.has(this.#info.ino)) {
      throw new CommandError(`${this.path}: this directory is met twice; check the image`);
    }
    entered.add(this.#info.ino);
    const names = [...image.readDir(this.pathBytes)].map((entry) => entry.nameBytes);
    for (const name of names) {
      if (!isPlain(name)) {
        throw new CommandError(`${this.path}: an impossible name; check the image`);
      }
      yield new ImageNode(this.shared, joined(this.pathBytes, name), name);
    }
  }
}

/** Names that lead elsewhere are not to be followed on the host, whatever the image says. */
function isPlain(name: Uint8Array): boolean {
  const dots = name[0] === DOT && (name.length === 1 || (name.length === 2 && name[1] === DOT));
  return name.length > 0 && !dots && !name.includes(SLASH) && !name.includes(0);
}

function timeOf(date: Date, nanoseconds: number): NodeTime {
  return { seconds: Math.floor(date.getTime() / 1000), nanoseconds };
}
