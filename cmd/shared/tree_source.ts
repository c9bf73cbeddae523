/**
 * A directory of the host as a tree to be copied. Names and link targets are bytes; mount points below
 * it are entered; nothing is followed.
 *
 * @module
 */

import { AT_FDCWD, O_DIRECTORY, O_RDONLY } from "../../ffi/libc/constants.ts";
import { readLinkAt } from "../../ffi/libc/directory.ts";
import { close, open, pread, seekData, seekHole } from "../../ffi/libc/file.ts";
import { Scanner } from "../../ffi/libc/scanner.ts";
import { makeDevice } from "../../fs/layout/device_number.ts";
import type { NodeTime, SourceNode } from "../../fs/mkfs/populate.ts";

const S_IFMT = 0o170000;
const S_IFDIR = 0o040000;
/** Files are read in pieces of this size at most. */
const PIECE_BYTES = 4 * 1024 * 1024;
const SLASH = 0x2f;
const SELF = Uint8Array.of(0x2e);
const decoder = new TextDecoder();

/** A file that must not be copied: the image itself, when it lies in the tree. */
export interface Excluded {
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  readonly ino: number;
}

/** What all nodes of one tree share. */
interface Tree {
  readonly scanner: Scanner;
  readonly content: Uint8Array;
  readonly exclude: Excluded | undefined;
  /** The node that the scanner points at. */
  chosen: HostNode | undefined;
}

/** Opens a directory as a source. @throws SystemError */
export function treeSource(path: string, exclude: Excluded | undefined): SourceNode {
  const bytes = new TextEncoder().encode(path);
  const tree: Tree = {
    scanner: new Scanner(),
    content: new Uint8Array(PIECE_BYTES),
    exclude,
    chosen: undefined,
  };
  const descriptor = open(bytes, O_RDONLY | O_DIRECTORY);
  try {
    tree.scanner.choose(bytes, SELF);
    tree.scanner.look(descriptor);
    return new HostNode(tree, bytes, SELF, descriptor);
  } finally {
    close(descriptor);
  }
}

/**
 * Single nodes as sources, each valid until the next is asked for (what is below a directory longer).
 * @param exclude is left out below them.
 * @throws SystemError
 */
export function* namedSources(
  paths: Iterable<Uint8Array>,
  exclude: Excluded | undefined,
): Generator<SourceNode> {
  const tree: Tree = {
    scanner: new Scanner(),
    content: new Uint8Array(PIECE_BYTES),
    exclude,
    chosen: undefined,
  };
  for (const path of paths) {
    const slash = path.lastIndexOf(SLASH);
    const folder = slash < 0 ? SELF : path.slice(0, Math.max(1, slash));
    const name = path.slice(slash + 1);
    const descriptor = open(folder, O_RDONLY | O_DIRECTORY);
    try {
      tree.chosen = undefined;
      tree.scanner.choose(folder, name);
      tree.scanner.look(descriptor);
      yield new HostNode(tree, folder, name, descriptor);
    } finally {
      close(descriptor);
    }
  }
}

class HostNode implements SourceNode {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly atime: NodeTime;
  readonly mtime: NodeTime;
  readonly ctime: NodeTime;
  readonly rdev: number;
  readonly linkKey: string | undefined;
  readonly #sparse: boolean;
  /** Known once the content was read. */
  #xattrs: Iterable<readonly [Uint8Array, Uint8Array]> | undefined;

  /**
   * Takes over what the tree's scanner has just looked at.
   * @param folder path of the directory that holds it.
   * @param directory that directory, open as long as the node is new.
   */
  constructor(
    readonly tree: Tree,
    readonly folder: Uint8Array,
    readonly name: Uint8Array,
    readonly directory: number,
  ) {
    const { scanner } = tree;
    this.mode = scanner.mode;
    this.uid = scanner.uid;
    this.gid = scanner.gid;
    this.size = scanner.size;
    this.atime = scanner.time("atime");
    this.mtime = scanner.time("mtime");
    this.ctime = scanner.time("ctime");
    this.rdev = makeDevice(scanner.rdevMajor, scanner.rdevMinor);
    const several = scanner.links > 1 && (scanner.mode & S_IFMT) !== S_IFDIR;
    this.linkKey = several
      ? `${scanner.deviceMajor}:${scanner.deviceMinor}:${scanner.ino}`
      : undefined;
    this.#sparse = scanner.blocks * 512 < scanner.size;
    tree.chosen = this;
  }

  get path(): string {
    return decoder.decode(this.#pathBytes());
  }

  #choose(): Scanner {
    const { tree } = this;
    if (tree.chosen !== this) tree.scanner.choose(this.folder, this.name);
    tree.chosen = this;
    return tree.scanner;
  }
  #pathBytes(): Uint8Array {
    return this.name === SELF ? this.folder : this.#choose().path;
  }

  readContent(write: (offset: number, bytes: Uint8Array) => void): void {
    const descriptor = this.#choose().open(this.directory);
    try {
      if (!this.#sparse) this.#readRange(descriptor, 0, this.size, write);
      else this.#readSparse(descriptor, write);
      this.#xattrs = this.tree.scanner.readXattrs(descriptor);
    } finally {
      close(descriptor);
    }
  }

  #readSparse(descriptor: number, write: (offset: number, bytes: Uint8Array) => void): void {
    for (let at = 0; at < this.size;) {
      const data = seekData(descriptor, at);
      if (data < 0 || data >= this.size) return;
      const hole = seekHole(descriptor, data);
      const end = hole < 0 ? this.size : Math.min(hole, this.size);
      this.#readRange(descriptor, data, end, write);
      at = end;
    }
  }

  #readRange(
    descriptor: number,
    from: number,
    to: number,
    write: (offset: number, bytes: Uint8Array) => void,
  ): void {
    for (let at = from; at < to;) {
      const target = this.tree.content.subarray(0, Math.min(PIECE_BYTES, to - at));
      const count = pread(descriptor, target, at);
      // The file has become shorter since its size was read: the rest stays a hole.
      if (count === 0) return;
      write(at, target.subarray(0, count));
      at += count;
    }
  }

  readTarget(): Uint8Array {
    return readLinkAt(this.directory, this.name);
  }

  readXattrs(): Iterable<readonly [Uint8Array, Uint8Array]> {
    return this.#xattrs ?? this.#choose().readXattrs();
  }

  *readChildren(): Iterable<SourceNode> {
    const { tree } = this;
    const path = this.#pathBytes();
    tree.chosen = undefined;
    tree.scanner.choose(path, SELF);
    const descriptor = tree.scanner.open(AT_FDCWD, O_DIRECTORY);
    try {
      for (const name of tree.scanner.readNames(descriptor).sort(compareNames)) {
        tree.chosen = undefined;
        tree.scanner.choose(path, name);
        tree.scanner.look(descriptor);
        if (!isExcluded(tree)) yield new HostNode(tree, path, name, descriptor);
      }
    } finally {
      close(descriptor);
    }
  }
}

function isExcluded({ scanner, exclude }: Tree): boolean {
  return exclude !== undefined && scanner.ino === exclude.ino &&
    scanner.deviceMajor === exclude.deviceMajor && scanner.deviceMinor === exclude.deviceMinor;
}

/** By bytes: the same order everywhere. */
function compareNames(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}
