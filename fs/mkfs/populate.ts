/**
 * Filling a new file system from a tree of files: which comes from where is the source's business, how it
 * gets into the file system the sink's. Directory by directory, so that what lies together in a
 * directory lies together on disk.
 *
 * @module
 */

import { ENOSPC } from "../errno.ts";
import { FsError } from "../errors.ts";
import { S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from "../layout/inode.ts";

/** Seconds since 1970 and nanoseconds. */
export interface NodeTime {
  readonly seconds: number;
  readonly nanoseconds: number;
}

/** What an inode has besides its content. */
export interface NodeAttributes {
  /** Type and permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly atime: NodeTime;
  readonly mtime: NodeTime;
  readonly ctime: NodeTime;
}

/** A node of the tree to be copied. */
export interface SourceNode extends NodeAttributes {
  /** The last component of its path; empty for the root. */
  readonly name: Uint8Array;
  /** Size in bytes of a regular file. */
  readonly size: number;
  /** Device number of a device node (the kernel's new_encode_dev). */
  readonly rdev: number;
  /** The same for all names of one inode that has several; undefined for an only name. */
  readonly linkKey: string | undefined;
  /** For messages. */
  readonly path: string;
  /** Gives the parts of a regular file that hold data, in ascending order. A part is valid during the call. */
  readContent(write: (offset: number, bytes: Uint8Array) => void): void;
  /** Where a regular file holds data, in ascending order; wanted for `withoutContent` only. */
  readRanges?(): Iterable<{ readonly offset: number; readonly length: number }>;
  /** Target of a symbolic link. */
  readTarget(): Uint8Array;
  /** Extended attributes: full names and values. */
  readXattrs(): Iterable<readonly [name: Uint8Array, value: Uint8Array]>;
  /** Nodes in a directory, in the order in which they are to be made. */
  readChildren(): Iterable<SourceNode>;
}

/** Where the copy goes. Methods return 0 or an inode number, or a negated errno. */
export interface TreeSink {
  /** The root directory's inode number. */
  readonly root: number;
  /** The inode that a name stands for, 0 for none. */
  find(parent: number, name: Uint8Array): number;
  makeDirectory(parent: number, name: Uint8Array): number;
  /** @param shared the node will be linked to under further names. */
  makeNode(
    parent: number,
    name: Uint8Array,
    mode: number,
    rdev: number,
    shared: boolean,
  ): number;
  makeSymlink(parent: number, name: Uint8Array, target: Uint8Array, shared: boolean): number;
  link(ino: number, parent: number, name: Uint8Array): number;
  /** Writes all of `bytes` to the node made last; parts come in ascending order. */
  write(ino: number, offset: number, bytes: Uint8Array): number;
  /** Makes room for content as `write` does, and writes nothing. Returns 0 or a negated errno. */
  reserve?(ino: number, offset: number, length: number): number;
  setSize(ino: number, size: number): number;
  setXattr(ino: number, name: Uint8Array, value: Uint8Array): number;
  /** Comes last for each inode: nothing changes its times afterwards. */
  setAttributes(ino: number, attributes: NodeAttributes): number;
}

/** Choices for a copy. */
export interface PopulateOptions {
  /** Default true. */
  readonly copyXattrs?: boolean;
  /** Owner, mode and times of the root directory; by default those of the source's root. */
  readonly root?: NodeAttributes;
  /** Only makes room for the contents of files, to see whether they fit. Default false. */
  readonly withoutContent?: boolean;
  /** Told of what could not be copied as it was, one line each. */
  readonly warn?: (message: string) => void;
  /** Told now and then how many nodes were made. */
  readonly progress?: (step: string, done: number, total: number) => void;
}

/** What was copied. */
export interface PopulateResult {
  files: number;
  directories: number;
  symlinks: number;
  specials: number;
  hardLinks: number;
  /** Bytes of data in files, holes left out. */
  bytes: number;
}

interface Pending {
  readonly node: SourceNode;
  readonly ino: number;
}

/** Copies everything below `root`. @throws FsError naming the node that could not be made. */
export function populate(
  root: SourceNode,
  sink: TreeSink,
  options: PopulateOptions = {},
): PopulateResult {
  return new Populator(sink, options).run(root);
}

class Populator {
  readonly #result: PopulateResult = {
    files: 0,
    directories: 0,
    symlinks: 0,
    specials: 0,
    hardLinks: 0,
    bytes: 0,
  };
  /** Inodes with several names that were made already. */
  readonly #links = new Map<string, number>();
  #made = 0;

  constructor(readonly sink: TreeSink, readonly options: PopulateOptions) {}

  run(root: SourceNode): PopulateResult {
    const stack: Pending[] = [{ node: root, ino: this.sink.root }];
    for (let pending = stack.pop(); pending !== undefined; pending = stack.pop()) {
      const below: Pending[] = [];
      for (const child of pending.node.readChildren()) {
        const ino = this.#make(child, pending.ino);
        if ((child.mode & S_IFMT) === S_IFDIR) below.push({ node: child, ino });
      }
      const { node } = pending;
      this.#finish(node, pending.ino, node === root ? this.options.root : undefined);
      stack.push(...below.reverse());
    }
    return this.#result;
  }

  /** Makes a node with its content; a directory stays open for its own children. */
  #make(node: SourceNode, parent: number): number {
    this.options.progress?.("Copying files", ++this.#made, 0);
    if ((node.mode & S_IFMT) === S_IFDIR) return this.#makeDirectory(node, parent);
    const { linkKey } = node;
    const known = linkKey === undefined ? undefined : this.#links.get(linkKey);
    if (known !== undefined) {
      this.#check(this.sink.link(known, parent, node.name), node, "linked");
      // Linking changed the inode's change time.
      this.#check(this.sink.setAttributes(known, node), node, WITH_ATTRIBUTES);
      this.#result.hardLinks++;
      return known;
    }
    const ino = this.#makeLeaf(node, parent);
    if (linkKey !== undefined) this.#links.set(linkKey, ino);
    this.#finish(node, ino);
    return ino;
  }

  #makeDirectory(node: SourceNode, parent: number): number {
    this.#result.directories++;
    return this.#check(makeOrMerge(this.sink, parent, node.name), node, "made");
  }

  #makeLeaf(node: SourceNode, parent: number): number {
    const type = node.mode & S_IFMT;
    const shared = node.linkKey !== undefined;
    if (type === S_IFLNK) {
      this.#result.symlinks++;
      const target = node.readTarget();
      return this.#check(this.sink.makeSymlink(parent, node.name, target, shared), node, "made");
    }
    const mode = node.mode & (S_IFMT | 0o777);
    const made = this.sink.makeNode(parent, node.name, mode, node.rdev, shared);
    const ino = this.#check(made, node, "made");
    if (type === S_IFREG) this.#copyContent(node, ino);
    else this.#result.specials++;
    return ino;
  }

  #copyContent(node: SourceNode, ino: number): void {
    this.#result.files++;
    if (node.size === 0) return;
    if (this.options.withoutContent === true) return this.#reserveContent(node, ino);
    let end = 0;
    node.readContent((offset, bytes) => {
      const written = this.#check(this.sink.write(ino, offset, bytes), node, "written");
      if (written < bytes.length) this.#check(-ENOSPC, node, "written");
      this.#result.bytes += bytes.length;
      end = offset + bytes.length;
    });
    if (end < node.size) this.#check(this.sink.setSize(ino, node.size), node, "sized");
  }

  #reserveContent(node: SourceNode, ino: number): void {
    for (const { offset, length } of node.readRanges?.() ?? []) {
      this.#check(this.sink.reserve?.(ino, offset, length) ?? 0, node, "written");
      this.#result.bytes += length;
    }
    this.#check(this.sink.setSize(ino, node.size), node, "sized");
  }

  /** Extended attributes, owner, mode and times. */
  #finish(node: SourceNode, ino: number, attributes: NodeAttributes = node): void {
    if (this.options.copyXattrs !== false) {
      for (const [name, value] of node.readXattrs()) {
        const result = this.sink.setXattr(ino, name, value);
        if (result < 0) reportXattr(node.path, name, result, this.options.warn);
      }
    }
    this.#check(this.sink.setAttributes(ino, attributes), node, WITH_ATTRIBUTES);
  }

  #check(result: number, node: SourceNode, what: string): number {
    if (result < 0) throw failure(node.path, result, what);
    return result;
  }
}

/** What a node is when everything about it was set. */
const WITH_ATTRIBUTES = "given its attributes";
const XATTRS_FIT = "larger blocks or inodes, or the feature ea_inode, help";

/** The error for a node that could not be made. @param result the negated errno. */
export function failure(path: string, result: number, what: string): FsError {
  const reason = result !== -ENOSPC
    ? `errno ${-result}`
    : what === WITH_ATTRIBUTES
    ? `there is no space left, or its extended attributes do not fit: ${XATTRS_FIT}`
    : "the file system has no space or no inodes left";
  return new FsError(-result, `${path} could not be ${what}: ${reason}`);
}

/** Deals with an attribute that could not be set. @throws FsError when it does not fit. */
export function reportXattr(
  path: string,
  name: Uint8Array,
  result: number,
  warn: ((message: string) => void) | undefined,
): void {
  if (result === -ENOSPC) {
    const what = `${path} has extended attributes that do not fit`;
    throw new FsError(ENOSPC, `${what}: ${XATTRS_FIT}`);
  }
  const text = new TextDecoder().decode(name.slice());
  warn?.(`${path}: attribute ${text} not copied (errno ${-result})`);
}

const LOST_FOUND = new TextEncoder().encode("lost+found");

/** Makes a directory, or finds the one that a new file system has already. */
export function makeOrMerge(sink: TreeSink, parent: number, name: Uint8Array): number {
  const same = name.length === LOST_FOUND.length && LOST_FOUND.every((byte, i) => byte === name[i]);
  if (same && parent === sink.root) {
    const existing = sink.find(parent, name);
    if (existing > 0) return existing;
  }
  return sink.makeDirectory(parent, name);
}
