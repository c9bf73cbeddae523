/**
 * Reading a whole image through the engine: names, attributes, contents.
 *
 * @module
 */

import { getAttribute, listAttributes } from "../../fs/ops/attributes.ts";
import type { Engine } from "../../fs/ops/engine.ts";
import { readFile } from "../../fs/ops/read.ts";
import { readDirectory } from "../../fs/ops/read_directory.ts";
import { readSymlink } from "../../fs/ops/symlink.ts";
import { ROOT_INODE } from "../../fs/layout/superblock.ts";
import type { Inode } from "../../fs/volume/inode.ts";
import { lineOf, type Node, TreeDigest } from "./model.ts";

/** One path of an image. */
export interface Found {
  readonly line: string;
  /** Seconds. */
  readonly mtime: number;
  readonly content: Uint8Array;
}

/** A whole image. */
export interface FoundTree {
  readonly entries: ReadonlyMap<string, Found>;
  readonly digest: string;
  /** The same without modification times. */
  readonly plainDigest: string;
}

/** A directory in which others work at the same time. */
export const NOISE = "noise";

const decoder = new TextDecoder();
const encoder = new TextEncoder();
const nothing = new Uint8Array(0);
const buffer = new Uint8Array(65536);

/** What does not belong to a workload: nothing comes into lost+found, others work in the second. */
export function isHidden(name: string): boolean {
  return name === "lost+found" || name === NOISE;
}

/** Walks the tree and reads everything. @throws what the engine throws. */
export function walk(engine: Engine): FoundTree {
  const entries = new Map<string, Found>();
  const digest = new TreeDigest();
  const plain = new TreeDigest();
  const pending: [string, number][] = [["", ROOT_INODE]];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const [path, ino] = next;
    const inode = engine.inode(ino);
    let hidden = 0;
    if (inode.isDirectory) {
      for (const [name, child] of listing(engine, ino)) {
        if (path === "" && isHidden(name)) hidden++;
        else pending.push([`${path}/${name}`, child]);
      }
    }
    const found = describe(engine, inode, hidden);
    entries.set(path, found);
    digest.add(path, found.line, found.mtime);
    plain.add(path, found.line);
  }
  return { entries, digest: digest.toString(), plainDigest: plain.toString() };
}

function listing(engine: Engine, ino: number): [string, number][] {
  const names: [string, number][] = [];
  const result = readDirectory(engine, ino, 0, (bytes, start, end, child) => {
    const text = decoder.decode(bytes.subarray(start, end));
    if (text !== "." && text !== "..") names.push([text, child]);
    return true;
  });
  if (result < 0) throw new Error(`listing inode ${ino}: ${result}`);
  return names;
}

function describe(engine: Engine, inode: Inode, hidden: number): Found {
  const kind: Node["kind"] = inode.isDirectory ? "directory" : inode.isSymlink ? "link" : "file";
  const content = kind === "file" ? contentOf(engine, inode) : nothing;
  let target = "";
  if (kind === "link") {
    const length = readSymlink(engine, inode.ino, buffer);
    target = decoder.decode(buffer.subarray(0, length));
  }
  const line = lineOf({
    kind,
    mode: inode.mode & 0o7777,
    links: inode.links - hidden,
    size: content.length,
    target,
    xattrs: attributesOf(engine, inode.ino),
  });
  return { line, mtime: inode.mtime, content };
}

function contentOf(engine: Engine, inode: Inode): Uint8Array {
  if (inode.size > 64 << 20) throw new Error(`inode ${inode.ino} has ${inode.size} bytes`);
  const content = new Uint8Array(inode.size);
  readFile(engine, inode, 0, content);
  return content;
}

function attributesOf(engine: Engine, ino: number): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const length = listAttributes(engine, ino, buffer, true);
  if (length < 0) throw new Error(`attributes of inode ${ino}: ${length}`);
  if (length === 0) return found;
  const names = decoder.decode(buffer.subarray(0, length)).split("\0").filter((name) =>
    name !== ""
  );
  for (const name of names) {
    const size = getAttribute(engine, ino, encoder.encode(name), buffer, true);
    if (size < 0) throw new Error(`attribute ${name} of inode ${ino}: ${size}`);
    found.set(name, shortValue(buffer.subarray(0, size)));
  }
  return found;
}

/** A value in a line: its length and a checksum. */
export function shortValue(value: Uint8Array): string {
  let hash = value.length;
  for (const byte of value) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return `${value.length}:${hash.toString(16)}`;
}
