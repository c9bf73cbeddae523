/**
 * A directory of the host as a source: everything is looked at, contents and attributes are read when
 * they are wanted.
 *
 * @module
 */

import { AT_FDCWD, O_DIRECTORY, O_RDONLY } from "../ffi/libc/constants.ts";
import { readLinkAt } from "../ffi/libc/directory.ts";
import { close, open, pread, seekData, seekHole } from "../ffi/libc/file.ts";
import { Scanner } from "../ffi/libc/scanner.ts";
import { statusOf } from "../ffi/libc/status.ts";
import { makeDevice } from "../fs/layout/device_number.ts";
import { S_IFBLK, S_IFCHR, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from "../fs/layout/inode.ts";
import { isZero } from "./zeros.ts";
import { type DataRange, type FileContent, type Tree, TreeNode, type Xattr } from "./tree.ts";
import { mergeNode } from "./merge.ts";

const PIECE_BYTES = 1 << 20;
const PAGE_BYTES = 4096;
const SELF = Uint8Array.of(0x2e);

/** A file that must not be copied: the image itself, when it lies in the tree. */
export interface ExcludedFile {
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  readonly ino: number;
}

/** The file at a path, to be left out; undefined when there is none yet. */
export function excludedFile(path: string): ExcludedFile | undefined {
  try {
    const { ino, deviceMajor, deviceMinor } = statusOf(path, true);
    return { ino, deviceMajor, deviceMinor };
  } catch {
    return undefined;
  }
}

/** What all files of one source share. */
interface Host {
  readonly scanner: Scanner;
  readonly piece: Uint8Array;
  /** Holes are where pages of zeros are, whatever the host's file system says. */
  readonly holesByContent: boolean;
}

/** Lays a directory of the host over a tree. @throws SystemError */
export function addDirectory(
  tree: Tree,
  path: string,
  source: number,
  excluded: readonly ExcludedFile[],
  holesByContent: boolean,
): void {
  const host: Host = {
    scanner: new Scanner(),
    piece: new Uint8Array(PIECE_BYTES),
    holesByContent,
  };
  const loader = new Loader(tree, host, source, excluded);
  loader.load(new TextEncoder().encode(path));
}

interface Pending {
  readonly path: Uint8Array;
  readonly node: TreeNode;
}

class Loader {
  /** Nodes with several names, by device and inode. */
  readonly #links = new Map<string, TreeNode>();
  readonly #pending: Pending[] = [];

  constructor(
    readonly tree: Tree,
    readonly host: Host,
    readonly source: number,
    readonly excluded: readonly ExcludedFile[],
  ) {}

  load(path: Uint8Array): void {
    const { root } = this.tree;
    const { host } = this;
    // Owner, mode and times of the root are the image's own, as with mke2fs -d: only attributes are copied.
    root.setXattrs(() => readPathXattrs(host, path, SELF));
    this.#pending.push({ path, node: root });
    for (let at = this.#pending.pop(); at !== undefined; at = this.#pending.pop()) {
      this.#readDirectory(at);
    }
  }

  #readDirectory({ path, node }: Pending): void {
    const { scanner } = this.host;
    const first = path.at(-1) === 0x2f ? path.subarray(0, path.length - 1) : path;
    const descriptor = open(path, O_RDONLY | O_DIRECTORY);
    try {
      for (const name of scanner.readNames(descriptor)) {
        scanner.choose(path, name);
        scanner.look(descriptor);
        if (this.#isExcluded()) continue;
        const made = mergeNode(
          this.tree,
          node,
          name,
          this.#node(path, name, descriptor),
          this.source,
        );
        if (made.children === undefined) continue;
        const below = new Uint8Array(first.length + 1 + name.length);
        below.set(first);
        below[first.length] = 0x2f;
        below.set(name, first.length + 1);
        this.#pending.push({ path: below, node: made });
      }
    } finally {
      close(descriptor);
    }
  }

  #isExcluded(): boolean {
    const { ino, deviceMajor, deviceMinor } = this.host.scanner;
    return this.excluded.some((file) =>
      file.ino === ino && file.deviceMajor === deviceMajor && file.deviceMinor === deviceMinor
    );
  }

  #node(folder: Uint8Array, name: Uint8Array, descriptor: number): TreeNode {
    const { host } = this;
    const { scanner } = host;
    const type = scanner.mode & S_IFMT;
    const key = scanner.links > 1 && type !== S_IFDIR
      ? `${scanner.deviceMajor}:${scanner.deviceMinor}:${scanner.ino}`
      : undefined;
    const known = key === undefined ? undefined : this.#links.get(key);
    if (known !== undefined) return known;
    const node = new TreeNode(scanner.mode, scanner.time("mtime"));
    node.atime = scanner.time("atime");
    node.ctime = scanner.time("ctime");
    node.uid = scanner.uid;
    node.gid = scanner.gid;
    if (type === S_IFCHR || type === S_IFBLK) {
      node.rdev = makeDevice(scanner.rdevMajor, scanner.rdevMinor);
    } else if (type === S_IFLNK) node.target = readLinkAt(descriptor, name).slice();
    if (type === S_IFREG) {
      node.size = scanner.size;
      const content = new HostContent(host, folder, name, scanner.blocks * 512 < scanner.size);
      node.content = content;
      node.setXattrs(() => content.xattrs());
    } else node.setXattrs(() => readPathXattrs(host, folder, name));
    if (key !== undefined) this.#links.set(key, node);
    return node;
  }
}

function readPathXattrs({ scanner }: Host, folder: Uint8Array, name: Uint8Array): readonly Xattr[] {
  scanner.choose(folder, name);
  return scanner.readXattrs();
}

class HostContent implements FileContent {
  #xattrs: readonly Xattr[] | undefined;

  constructor(
    readonly host: Host,
    readonly folder: Uint8Array,
    readonly name: Uint8Array,
    readonly sparse: boolean,
  ) {}

  /** Attributes; kept from reading the content, when the file was open anyway. */
  xattrs(): readonly Xattr[] {
    return this.#xattrs ?? readPathXattrs(this.host, this.folder, this.name);
  }

  #open(): number {
    const { scanner } = this.host;
    scanner.choose(this.folder, this.name);
    return scanner.open(AT_FDCWD);
  }

  ranges(size: number): readonly DataRange[] {
    if (this.host.holesByContent) return this.#rangesByContent(size);
    if (!this.sparse) return size === 0 ? [] : [{ offset: 0, length: size }];
    const descriptor = this.#open();
    try {
      return sparseRanges(descriptor, size);
    } finally {
      close(descriptor);
    }
  }

  #rangesByContent(size: number): readonly DataRange[] {
    const ranges: { offset: number; length: number }[] = [];
    this.read(size, (offset, { length }) => {
      const last = ranges.at(-1);
      if (last !== undefined && last.offset + last.length === offset) last.length += length;
      else ranges.push({ offset, length });
    });
    return ranges;
  }

  read(size: number, write: (offset: number, bytes: Uint8Array) => void): void {
    const { holesByContent } = this.host;
    const descriptor = this.#open();
    try {
      let ranges: readonly DataRange[] = [{ offset: 0, length: size }];
      if (this.sparse) ranges = sparseRanges(descriptor, size);
      if (this.sparse && holesByContent) ranges = wholePages(ranges, size);
      const put = holesByContent ? withoutZeros(write) : write;
      for (const { offset, length } of ranges) {
        this.#readRange(descriptor, offset, offset + length, put);
      }
      this.#xattrs = this.host.scanner.readXattrs(descriptor);
    } finally {
      close(descriptor);
    }
  }

  #readRange(
    descriptor: number,
    from: number,
    to: number,
    write: (offset: number, bytes: Uint8Array) => void,
  ): void {
    const { piece } = this.host;
    for (let at = from; at < to;) {
      const target = piece.subarray(0, Math.min(piece.length, to - at));
      const count = pread(descriptor, target, at);
      // The file has become shorter since its size was read: the rest stays a hole.
      if (count === 0) return;
      write(at, count === target.length ? target : target.subarray(0, count));
      at += count;
    }
  }
}

/** Ranges widened to whole pages. */
function wholePages(ranges: readonly DataRange[], size: number): readonly DataRange[] {
  const widened: { offset: number; length: number }[] = [];
  for (const { offset, length } of ranges) {
    const begin = offset - offset % PAGE_BYTES;
    const end = Math.min(size, Math.ceil((offset + length) / PAGE_BYTES) * PAGE_BYTES);
    const last = widened.at(-1);
    if (last !== undefined && last.offset + last.length >= begin) last.length = end - last.offset;
    else widened.push({ offset: begin, length: end - begin });
  }
  return widened;
}

/** Passes on what is not in pages of zeros. Parts begin at pages, and end there or with the file. */
function withoutZeros(
  write: (offset: number, bytes: Uint8Array) => void,
): (offset: number, bytes: Uint8Array) => void {
  return (offset, bytes) => {
    let begin = 0;
    for (let at = 0; at < bytes.length; at += PAGE_BYTES) {
      const end = Math.min(at + PAGE_BYTES, bytes.length);
      if (!isZero(bytes, at, end)) continue;
      if (at > begin) write(offset + begin, bytes.subarray(begin, at));
      begin = end;
    }
    if (begin < bytes.length) write(offset + begin, bytes.subarray(begin));
  };
}

function sparseRanges(descriptor: number, size: number): DataRange[] {
  const ranges: DataRange[] = [];
  for (let at = 0; at < size;) {
    const data = seekData(descriptor, at);
    if (data < 0 || data >= size) break;
    const hole = seekHole(descriptor, data);
    const end = hole < 0 ? size : Math.min(hole, size);
    ranges.push({ offset: data, length: end - data });
    at = end;
  }
  return ranges;
}
