/**
 * Taking down a whole file tree, exactly, and telling two of them apart.
 *
 * @module
 */

import { createHash } from "node:crypto";
import * as libc from "./libc.ts";

/** One object of a tree; every value is text, so that a difference can be printed. */
export type TreeEntry = Readonly<Record<string, string>>;

/** Objects by path (byte strings, relative; the root is "."). */
export type Tree = ReadonlyMap<string, TreeEntry>;

/** What to take down besides what is always taken. */
export interface TreeDetail {
  /** Also what two different file systems need not share: inode, blocks, ctime, btime, folders' sizes. */
  readonly sameImage?: boolean;
  /** Also access times (reading must not change them: mount with noatime). */
  readonly accessTimes?: boolean;
  /** Leave modification times out. */
  readonly noTimes?: boolean;
  /** Files longer than this are not read; their content is told as "long". */
  readonly longestReadBytes?: number;
  /** Paths (byte strings) to leave out, with all below them. */
  readonly without?: readonly string[];
}

const S_IFMT = 0o170000;
const S_IFDIR = 0o040000;
const S_IFREG = 0o100000;
const S_IFLNK = 0o120000;
const S_IFCHR = 0o020000;
const S_IFBLK = 0o060000;

const TYPE_NAMES: Readonly<Record<number, string>> = {
  [S_IFDIR]: "directory",
  [S_IFREG]: "regular",
  [S_IFLNK]: "symlink",
  [S_IFCHR]: "character device",
  [S_IFBLK]: "block device",
  0o010000: "fifo",
  0o140000: "socket",
};

const readBuffer = new Uint8Array(1 << 20);

/** A digest of the whole content (holes read as zeros), or the error. */
export function contentDigest(path: string): string {
  const descriptor = libc.open(path, libc.O_RDONLY | libc.O_NOFOLLOW);
  if (descriptor < 0) return `open: ${descriptor}`;
  const hash = createHash("sha1");
  try {
    for (let offset = 0;;) {
      const length = libc.pread(descriptor, readBuffer, offset);
      if (length < 0) return `read at ${offset}: ${length}`;
      if (length === 0) return hash.digest("hex");
      hash.update(readBuffer.subarray(0, length));
      offset += length;
    }
  } finally {
    libc.close(descriptor);
  }
}

/** All attributes as one line each, sorted by name. */
export function attributesOf(path: string): string {
  const names = libc.listxattr(path);
  if (typeof names === "number") return `error ${names}`;
  const lines = [...names].sort().map((name) => {
    const value = libc.getxattr(path, name);
    if (typeof value === "number") return `${name}: error ${value}`;
    const digest = value.length <= 32
      ? value.toHex()
      : `${value.length} bytes ${createHash("sha1").update(value).digest("hex")}`;
    return `${name}=${digest}`;
  });
  return lines.join(" ");
}

function contentOf(path: string, type: number, long: boolean): string {
  if (type === S_IFREG) return long ? "long" : contentDigest(path);
  if (type === S_IFLNK) return String(libc.readlink(path));
  return "";
}

/** Everything about one object, or its error. */
export function describe(path: string, detail: TreeDetail): TreeEntry {
  const status = libc.lstat(path);
  if (typeof status === "number") return { error: String(status) };
  const type = status.mode & S_IFMT;
  const entry: Record<string, string> = {
    type: TYPE_NAMES[type] ?? type.toString(8),
    mode: (status.mode & 0o7777).toString(8),
    owner: `${status.uid}:${status.gid}`,
    links: String(status.links),
    content: contentOf(path, type, status.sizeBytes > (detail.longestReadBytes ?? Infinity)),
    attributes: attributesOf(path),
  };
  if (type !== S_IFDIR || detail.sameImage === true) entry["size"] = String(status.sizeBytes);
  if (type === S_IFCHR || type === S_IFBLK) entry["device"] = status.device;
  if (detail.noTimes !== true) entry["modified"] = status.modified;
  if (detail.accessTimes === true) entry["accessed"] = status.accessed;
  if (detail.sameImage === true) {
    entry["inode"] = String(status.inode);
    entry["blocks"] = String(status.blocks512);
    entry["changed"] = status.changed;
    entry["born"] = status.born;
  }
  return entry;
}

/** Takes down the tree below `root` (a byte string, as all paths here). Hard links are told by the first path of their group. */
export function takeTree(root: string, detail: TreeDetail = {}): Tree {
  const top = root;
  const tree = new Map<string, TreeEntry>();
  const firstPaths = new Map<number, string>();
  const without = new Set(detail.without ?? []);
  const pending = ["."];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    const full = path === "." ? top : `${top}/${path}`;
    const entry = describe(full, detail);
    tree.set(path, linked(full, path, entry, firstPaths));
    if (entry["type"] !== "directory") continue;
    const names = libc.readdir(full);
    if (typeof names === "number") {
      tree.set(path, { ...entry, names: `error ${names}` });
      continue;
    }
    for (const name of [...names].sort().reverse()) {
      const child = path === "." ? name : `${path}/${name}`;
      if (!without.has(child)) pending.push(child);
    }
  }
  return tree;
}

function linked(
  full: string,
  path: string,
  entry: TreeEntry,
  firstPaths: Map<number, string>,
): TreeEntry {
  if (entry["type"] === "directory" || Number(entry["links"] ?? "1") < 2) return entry;
  const status = libc.lstat(full);
  if (typeof status === "number") return entry;
  const first = firstPaths.get(status.inode);
  if (first === undefined) {
    firstPaths.set(status.inode, path);
    return entry;
  }
  return { ...entry, "same file as": first };
}

/** A path for people: bytes that do not print are escaped. */
export function printable(path: string): string {
  const shown = path.replaceAll(/[^\x20-\x7e]/g, (character) => {
    return `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`;
  });
  return shown.length > 80 ? `${shown.slice(0, 77)}… (${path.length} bytes)` : shown;
}

/** What differs between two descriptions of one object. */
export function entryDifferences(left: TreeEntry, right: TreeEntry): readonly string[] {
  const keys = new Set([...Object.keys(left), ...Object.keys(right)]);
  return [...keys].flatMap((key) => {
    if (left[key] === right[key]) return [];
    return [`${key}: ${left[key] ?? "(none)"} ≠ ${right[key] ?? "(none)"}`];
  });
}

/** Every difference as a readable line; empty when the trees are equal. */
export function treeDifferences(left: Tree, right: Tree): readonly string[] {
  const lines: string[] = [];
  for (const [path, entry] of left) {
    const other = right.get(path);
    if (other === undefined) {
      lines.push(`${printable(path)}: only on the left (${entry["type"] ?? "?"})`);
      continue;
    }
    const differences = entryDifferences(entry, other);
    if (differences.length > 0) lines.push(`${printable(path)}: ${differences.join("; ")}`);
  }
  for (const [path, entry] of right) {
    if (!left.has(path)) lines.push(`${printable(path)}: only on the right (${entry["type"]})`);
  }
  return lines;
}

/** Throws with the first differences when the trees are not equal. */
export function mustBeSameTree(left: Tree, right: Tree, what: string): void {
  const lines = treeDifferences(left, right);
  if (lines.length === 0) return;
  const shown = lines.slice(0, 10).map((line) => `  ${line}`).join("\n");
  const more = lines.length > 10 ? `\n  … and ${lines.length - 10} more` : "";
  throw new Error(`${what}: ${lines.length} of ${left.size} objects differ:\n${shown}${more}`);
}
