/**
 * From a path to an inode, within the image alone: `/` is the image's root, `..` stays there.
 *
 * @module
 */

import { EINVAL, ELOOP, ENOENT, ENOTDIR } from "../fs/errno.ts";
import { getDotDot } from "../fs/dir/dir.ts";
import { ROOT_INODE } from "../fs/layout/superblock.ts";
import type { Engine } from "../fs/ops/engine.ts";
import { lookup } from "../fs/ops/lookup.ts";
import { readSymlink } from "../fs/ops/symlink.ts";

const SLASH = 0x2f;
const DOT = 0x2e;
const NO_NAME = new Uint8Array(0);
/** Symbolic links followed in one path, as in Linux. */
const MAX_LINKS = 40;
const LONGEST_TARGET = 65536;

/**
 * What happens when the last name of a path is a symbolic link. `always`: it is followed. `with-slash`: only when
 * a slash comes behind it. `never`: for operations on the name itself.
 */
export type Follow = "always" | "with-slash" | "never";

/** Walks paths. What it found stays in its fields until the next walk. */
export class Resolver {
  /** The directory in which the last name was looked up. */
  parent = ROOT_INODE;
  /** The last name; empty when the path is the root alone. */
  name: Uint8Array = NO_NAME;
  /** A slash came behind the last name. */
  trailingSlash = false;
  /** The names that lead from the root to the node, when they are asked for. */
  trail: Uint8Array[] | null = null;
  /** Makes a directory for a name that is missing on the way; returns its inode number or a negated errno. */
  makeMissing: ((parent: number, name: Uint8Array) => number) | null = null;

  /** The path being walked; changes when a symbolic link is put in. */
  #path: Uint8Array = NO_NAME;
  #position = 0;
  /** Up to here the path came from symbolic links. */
  #linkEnd = 0;
  #linkCount = 0;
  readonly #target = new Uint8Array(LONGEST_TARGET);

  constructor(readonly engine: Engine) {}

  /** Whether the last name is "." or "..", or there is none: not a name of its directory. */
  get isSpecial(): boolean {
    return this.name.length === 0 || isDots(this.name);
  }

  /**
   * Walks `path`, absolute or relative to the root.
   * @returns the inode number; 0 when only the last name is missing; -ENOENT, -ENOTDIR, -ELOOP, -EINVAL (a NUL),
   *   -ENAMETOOLONG. A trailing slash behind something that is no directory is left to the caller unless `follow` is
   *   not `never`.
   * @throws Corrupt, DeviceError.
   */
  walk(path: Uint8Array, follow: Follow): number {
    if (path.length === 0) return -ENOENT;
    if (path.includes(0)) return -EINVAL;
    this.#path = path;
    this.#position = this.#linkEnd = this.#linkCount = 0;
    this.parent = ROOT_INODE;
    this.name = NO_NAME;
    this.trailingSlash = false;
    let current = ROOT_INODE;
    while (this.#nextName()) {
      this.parent = current;
      const found = this.#step(current);
      if (found <= 0) return found;
      const atEnd = this.#position === this.#path.length;
      if (this.engine.inode(found).isSymlink && this.#follows(atEnd, follow)) {
        const start = this.#enterLink(current, found);
        if (start < 0) return start;
        current = start;
      } else {
        current = found;
        this.#extendTrail();
      }
    }
    const mustBeDirectory = this.trailingSlash && follow !== "never";
    return mustBeDirectory && !this.engine.inode(current).isDirectory ? -ENOTDIR : current;
  }

  /** Takes the next name off the path into `name`. @returns false at the end. */
  #nextName(): boolean {
    const path = this.#path;
    let start = this.#position;
    while (path[start] === SLASH) start++;
    if (start >= path.length) return false;
    const slash = path.indexOf(SLASH, start);
    const end = slash < 0 ? path.length : slash;
    this.name = path.subarray(start, end);
    let next = end;
    while (path[next] === SLASH) next++;
    this.#position = next;
    this.trailingSlash = next > end && next === path.length;
    return true;
  }

  /** Looks `name` up in `dir`. @returns as `walk`. */
  #step(dir: number): number {
    const { engine, name } = this;
    if (isDots(name)) {
      const inode = engine.inode(dir);
      if (!inode.isDirectory) return -ENOTDIR;
      return name.length === 1 || dir === ROOT_INODE ? dir : getDotDot(engine.alloc, inode);
    }
    const found = lookup(engine, dir, name);
    if (found !== -ENOENT) return found;
    const inLink = this.#position <= this.#linkEnd;
    if (this.makeMissing !== null && !inLink) return this.makeMissing(dir, name);
    return this.#position === this.#path.length ? 0 : -ENOENT;
  }

  #follows(atEnd: boolean, follow: Follow): boolean {
    if (!atEnd || follow === "always") return true;
    return follow === "with-slash" && this.trailingSlash;
  }

  /** Puts the target of link `ino`, found in `dir`, before the rest of the path. @returns where to go on, or -ELOOP. */
  #enterLink(dir: number, ino: number): number {
    if (++this.#linkCount > MAX_LINKS) return -ELOOP;
    const length = readSymlink(this.engine, ino, this.#target);
    if (length < 0) return length;
    const rest = this.#path.subarray(this.#position);
    const joint = rest.length > 0 || this.trailingSlash ? 1 : 0;
    const path = new Uint8Array(length + joint + rest.length);
    path.set(this.#target.subarray(0, length));
    if (joint > 0) path[length] = SLASH;
    path.set(rest, length + joint);
    this.#linkEnd = length + joint + Math.max(0, this.#linkEnd - this.#position);
    this.#path = path;
    this.#position = 0;
    if (path[0] !== SLASH) return dir;
    this.trail?.splice(0);
    return ROOT_INODE;
  }

  #extendTrail(): void {
    if (!isDots(this.name)) this.trail?.push(this.name);
    else if (this.name.length === 2) this.trail?.pop();
  }
}

function isDots(name: Uint8Array): boolean {
  return name[0] === DOT && (name.length === 1 || (name.length === 2 && name[1] === DOT));
}
