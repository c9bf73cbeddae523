/**
 * The tree that an image is made from, in memory: several sources laid over each other, before anything
 * is written. Contents stay where they are.
 *
 * @module
 */

import { S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from "../fs/layout/inode.ts";
import type { NodeAttributes, NodeTime } from "../fs/mkfs/populate.ts";
import { BuildError } from "./build_error.ts";

/** A run of bytes in a file. */
export interface DataRange {
  readonly offset: number;
  readonly length: number;
}

/** Content of a regular file. */
export interface FileContent {
  /** Where there are data, ascending; all else is a hole. @param size of the file */
  ranges(size: number): readonly DataRange[];
  /** Gives the data in ascending order. A part is valid during the call. */
  read(size: number, write: (offset: number, bytes: Uint8Array) => void): void;
}

/** Full name and value of an extended attribute. */
export type Xattr = readonly [name: Uint8Array, value: Uint8Array];

/** A name in a directory. */
export interface Entry {
  readonly name: Uint8Array;
  node: TreeNode;
  /** Which source it is from, counted from 0. */
  source: number;
  /** A directory that no source told of, but that another name needs. */
  implied: boolean;
}

/** What an inode will be made from. */
export class TreeNode implements NodeAttributes {
  uid = 0;
  gid = 0;
  size = 0;
  /** Device number (the kernel's new_encode_dev). */
  rdev = 0;
  atime: NodeTime;
  mtime: NodeTime;
  ctime: NodeTime;
  /** Of a symbolic link. */
  target: Uint8Array = NOTHING;
  content: FileContent | undefined;
  /** How many names lead here. */
  names = 0;
  /** Of a directory: by `keyOf` of their names. */
  readonly children: Map<string, Entry> | undefined;
  #xattrs: readonly Xattr[] | (() => readonly Xattr[]) = [];

  /** @param mode type and permissions. */
  constructor(public mode: number, time: NodeTime) {
    this.atime = this.mtime = this.ctime = time;
    this.children = (mode & S_IFMT) === S_IFDIR ? new Map() : undefined;
  }

  get isFile(): boolean {
    return (this.mode & S_IFMT) === S_IFREG;
  }
  get isSymlink(): boolean {
    return (this.mode & S_IFMT) === S_IFLNK;
  }

  get xattrs(): readonly Xattr[] {
    if (typeof this.#xattrs === "function") this.setXattrs(this.#xattrs());
    return this.#xattrs as readonly Xattr[];
  }
  /** Attributes, or what reads them when they are asked for. They are kept in the order of their names. */
  setXattrs(xattrs: readonly Xattr[] | (() => readonly Xattr[])): void {
    const several = typeof xattrs !== "function" && xattrs.length > 1;
    this.#xattrs = several
      ? [...xattrs].sort(([a], [b]) => (keyOf(a) < keyOf(b) ? -1 : 1))
      : xattrs;
  }

  /** The children in the order of the bytes of their names. */
  sortedChildren(): Entry[] {
    const entries = [...this.children ?? []];
    entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    return entries.map(([, entry]) => entry);
  }
}

const NOTHING = new Uint8Array(0);
const MAX_NAME_BYTES = 255;
const MAX_DEPTH = 2000;
const MAX_LINKS = 40;
const DIRECTORY_MODE = S_IFDIR | 0o755;
const decoder = new TextDecoder();

/** A name as a key: one character a byte, so that keys sort as the bytes do. */
export function keyOf(name: Uint8Array): string {
  let key = "";
  for (let i = 0; i < name.length; i++) key += String.fromCharCode(name[i] ?? 0);
  return key;
}

/** A tree, and who put what into it. */
export class Tree {
  readonly root: TreeNode;
  /** Whether a source told of the root directory itself. */
  rootGiven = false;
  /** How often something was removed: directories that were looked up before may be gone. */
  removals = 0;

  /** @param time of directories that no source tells of. */
  constructor(readonly time: NodeTime) {
    this.root = new TreeNode(DIRECTORY_MODE, time);
    this.root.names = 1;
  }

  /**
   * The names of a path; `.` and empty ones are left out.
   * @throws BuildError for `..`, names that are too long, and NULs.
   */
  split(path: Uint8Array): Uint8Array[] {
    const names: Uint8Array[] = [];
    for (let at = 0; at <= path.length;) {
      let end = path.indexOf(SLASH, at);
      if (end < 0) end = path.length;
      const name = path.subarray(at, end);
      at = end + 1;
      if (name.length === 0 || (name.length === 1 && name[0] === DOT)) continue;
      checkName(name, path);
      names.push(name);
    }
    if (names.length > MAX_DEPTH) throw new BuildError(`${show(path)} is nested too deeply`);
    return names;
  }

  /**
   * The directory with these names; symbolic links on the way are followed within the tree.
   * @param make directories that are missing; else undefined is returned for them.
   * @throws BuildError when something on the way is no directory.
   */
  directory(names: readonly Uint8Array[], make: boolean, source: number): TreeNode | undefined {
    const stack: TreeNode[] = [this.root];
    const pending = [...names].reverse();
    let links = 0;
    for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
      const here = stack.at(-1) ?? this.root;
      if (isDots(name)) {
        if (stack.length > 1) stack.pop();
        continue;
      }
      const entry = here.children?.get(keyOf(name));
      if (entry === undefined) {
        if (!make) return undefined;
        stack.push(this.#implied(here, name, source));
      } else if (entry.node.isSymlink) {
        if (++links > MAX_LINKS) throw new BuildError(`${showAll(names)} goes round in circles`);
        if (entry.node.target[0] === SLASH) stack.length = 1;
        pending.push(...parts(entry.node.target).reverse());
        if (pending.length > MAX_DEPTH * 4) throw new BuildError(`${showAll(names)} is too long`);
      } else if (entry.node.children === undefined) {
        throw new BuildError(`${showAll(names)} is not a directory`);
      } else stack.push(entry.node);
    }
    return stack.at(-1);
  }

  #implied(parent: TreeNode, name: Uint8Array, source: number): TreeNode {
    const node = new TreeNode(DIRECTORY_MODE, this.time);
    this.add(parent, name, node, source).implied = true;
    return node;
  }

  /** What a path names; symbolic links are followed but in the last place. */
  find(path: Uint8Array): Entry | undefined {
    const names = this.split(path);
    const last = names.pop();
    if (last === undefined) return undefined;
    return this.directory(names, false, 0)?.children?.get(keyOf(last));
  }

  /** Puts a name into a directory; one that was there is replaced. */
  add(parent: TreeNode, name: Uint8Array, node: TreeNode, source: number): Entry {
    const key = keyOf(name);
    const old = parent.children?.get(key);
    if (old !== undefined) old.node.names--;
    node.names++;
    const entry: Entry = { name: name.slice(), node, source, implied: false };
    parent.children?.set(key, entry);
    return entry;
  }

  /** Takes a name away. @returns whether it was there. */
  remove(parent: TreeNode, name: Uint8Array): boolean {
    const key = keyOf(name);
    const entry = parent.children?.get(key);
    if (entry === undefined) return false;
    this.removals++;
    entry.node.names--;
    for (const child of [...entry.node.children?.values() ?? []]) {
      this.remove(entry.node, child.name);
    }
    parent.children?.delete(key);
    return true;
  }

  /** Takes away what sources before `source` put into a directory, at any depth. */
  removeOlder(directory: TreeNode, source: number): void {
    for (const entry of [...directory.children?.values() ?? []]) {
      this.removeEntryIfOlder(directory, entry, source);
    }
  }

  /** As `removeOlder`, for one name: a directory stays if it holds something newer. */
  removeEntryIfOlder(directory: TreeNode, entry: Entry, source: number): void {
    this.removeOlder(entry.node, source);
    if (entry.source >= source || (entry.node.children?.size ?? 0) > 0) return;
    this.remove(directory, entry.name);
  }

  /** Every name with the path of its directory (without a leading slash), parents first. */
  *walk(): Generator<{ readonly path: string; readonly entry: Entry; readonly parent: TreeNode }> {
    const stack: { node: TreeNode; path: string }[] = [{ node: this.root, path: "" }];
    for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
      const { node, path } = at;
      const below: { node: TreeNode; path: string }[] = [];
      for (const entry of node.sortedChildren()) {
        const own = path === "" ? keyOf(entry.name) : `${path}/${keyOf(entry.name)}`;
        yield { path: own, entry, parent: node };
        if (entry.node.children !== undefined) below.push({ node: entry.node, path: own });
      }
      stack.push(...below.reverse());
    }
  }
}

const SLASH = 0x2f;
const DOT = 0x2e;
/** Characters of a path that errors show. */
const SHOWN = 200;

/** A path for people. */
export function show(path: Uint8Array): string {
  const text = decoder.decode(path);
  const printable = text.replaceAll(/\p{Cc}/gu, "?");
  return printable.length > SHOWN ? `${printable.slice(0, SHOWN)}…` : printable;
}

function showAll(names: readonly Uint8Array[]): string {
  return names.map(show).join("/");
}

function isDots(name: Uint8Array): boolean {
  return name.length === 2 && name[0] === DOT && name[1] === DOT;
}

/** The names in the target of a symbolic link, `..` among them. */
function parts(target: Uint8Array): Uint8Array[] {
  const names: Uint8Array[] = [];
  for (let at = 0; at <= target.length;) {
    let end = target.indexOf(SLASH, at);
    if (end < 0) end = target.length;
    const name = target.subarray(at, end);
    if (name.length > 0 && !(name.length === 1 && name[0] === DOT)) names.push(name);
    at = end + 1;
  }
  return names;
}

function checkName(name: Uint8Array, path: Uint8Array): void {
  if (isDots(name)) throw new BuildError(`${show(path)} leads out of the tree by ..`);
  if (name.includes(0)) throw new BuildError(`${show(path)} holds a NUL`);
  if (name.length > MAX_NAME_BYTES) {
    throw new BuildError(`${show(path)} has a name of ${name.length} bytes; 255 is the most`);
  }
}
