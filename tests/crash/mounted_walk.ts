/**
 * Reading a whole tree that the kernel shows, in the terms of the crash tests.
 *
 * @module
 */

import * as libc from "../harness/libc.ts";
import { lineOf, type Node, TreeDigest } from "./model.ts";
import { type Found, type FoundTree, isHidden, shortValue } from "./walk.ts";

const S_IFMT = 0o170000;
const KINDS: Readonly<Record<number, Node["kind"]>> = { 0o040000: "directory", 0o120000: "link" };

/** Takes the tree below `root` down; modification times are left out, recovery changes them. */
export function walkMounted(root: string): FoundTree {
  const entries = new Map<string, Found>();
  const digest = new TreeDigest();
  const pending = [""];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    const names = listing(`${root}${path}`);
    const shown = names.filter((name) => path !== "" || !isHidden(name));
    const found = describe(`${root}${path}`, names.length - shown.length);
    entries.set(path, found);
    digest.add(path, found.line);
    for (const name of shown) pending.push(`${path}/${name}`);
  }
  const plainDigest = digest.toString();
  return { entries, digest: plainDigest, plainDigest };
}

function listing(path: string): readonly string[] {
  // A link to a directory would be followed.
  if (typeof libc.readlink(path) !== "number") return [];
  const names = libc.readdir(path);
  return typeof names === "number" ? [] : names;
}

function describe(path: string, hidden: number): Found {
  const status = libc.lstat(path);
  if (typeof status === "number") throw new Error(`lstat ${path}: ${status}`);
  const kind = KINDS[status.mode & S_IFMT] ?? "file";
  const content = kind === "file" ? Deno.readFileSync(path) : new Uint8Array(0);
  const line = lineOf({
    kind,
    mode: status.mode & 0o7777,
    links: status.links - hidden,
    size: content.length,
    target: kind === "link" ? String(libc.readlink(path)) : "",
    xattrs: attributesOf(path),
  });
  return { line, mtime: 0, content };
}

function attributesOf(path: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const names = libc.listxattr(path);
  if (typeof names === "number") return found;
  for (const name of names) {
    const value = libc.getxattr(path, name);
    if (typeof value !== "number") found.set(name, shortValue(value));
  }
  return found;
}
