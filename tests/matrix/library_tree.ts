/**
 * An image as the library shows it, in the words in which `takeTree` tells of a mounted one.
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { FileInfo, Image } from "../../mod.ts";
import { toByteString } from "../harness/libc.ts";
import type { Tree, TreeEntry } from "../harness/tree.ts";

const PIECE_BYTES = 1 << 20;
const TYPES: readonly (readonly [keyof FileInfo, string])[] = [
  ["isDirectory", "directory"],
  ["isFile", "regular"],
  ["isSymlink", "symlink"],
  ["isCharDevice", "character device"],
  ["isBlockDevice", "block device"],
  ["isFifo", "fifo"],
  ["isSocket", "socket"],
];

/** Bytes as a string of one character each, as all paths of a `Tree`. */
function byteString(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

function digest(image: Image, path: Uint8Array): string {
  using file = image.open(path);
  const hash = createHash("sha1");
  const piece = new Uint8Array(PIECE_BYTES);
  for (let offset = 0;;) {
    const length = file.readAt(piece, offset);
    if (length === 0) return hash.digest("hex");
    hash.update(piece.subarray(0, length));
    offset += length;
  }
}

function attributes(image: Image, path: Uint8Array): string {
  const names = image.listXattrs(path, { noFollow: true }).map(toByteString).sort();
  return names.map((name) => {
    const bytes = Uint8Array.from(name, (character) => character.charCodeAt(0));
    const value = image.getXattr(path, bytes, { noFollow: true }) ?? new Uint8Array(0);
    const shown = value.length <= 32
      ? value.toHex()
      : `${value.length} bytes ${createHash("sha1").update(value).digest("hex")}`;
    return `${name}=${shown}`;
  }).join(" ");
}

function time(date: Date, nanoseconds: number): string {
  const seconds = Math.floor(date.getTime() / 1000);
  return `${seconds}.${String(nanoseconds).padStart(9, "0")}`;
}

function describe(image: Image, path: Uint8Array): TreeEntry {
  const info = image.lstat(path);
  const content = info.isFile
    ? digest(image, path)
    : info.isSymlink
    ? byteString(image.readLink(path))
    : "";
  const entry: Record<string, string> = {
    type: TYPES.find(([key]) => info[key] === true)?.[1] ?? "?",
    mode: (info.mode & 0o7777).toString(8),
    owner: `${info.uid}:${info.gid}`,
    links: String(info.nlink),
    content,
    attributes: attributes(image, path),
    size: String(info.size),
    inode: String(info.ino),
    modified: time(info.mtime, info.mtimeNsec),
    changed: time(info.ctime, info.ctimeNsec),
    blocks: String(info.blocks),
  };
  if (info.isCharDevice || info.isBlockDevice) {
    entry["device"] = `${info.rdev >>> 8 & 0xfff}:${info.rdev & 0xff}`;
  }
  return entry;
}

/** What the library shows of every path. */
export function libraryTree(image: Image): Tree {
  const tree = new Map<string, TreeEntry>();
  tree.set(".", describe(image, new Uint8Array([0x2f])));
  for (const { pathBytes } of image.walk("/")) {
    tree.set(byteString(pathBytes).replace(/^\//, ""), describe(image, pathBytes));
  }
  return tree;
}

/** A tree of the harness, with what the library tells of too: birth times and the first of hard links left out. */
export function comparable(tree: Tree): Tree {
  const kept = new Map<string, TreeEntry>();
  for (const [path, entry] of tree) {
    const { born: _born, "same file as": _first, ...rest } = entry;
    kept.set(path, rest);
  }
  return kept;
}
