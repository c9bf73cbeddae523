/**
 * Copying a tree to where files may be already: what is there is replaced only once the new file is
 * complete, directories are merged.
 *
 * @module
 */

import { errnoText } from "../../ffi/libc/errno.ts";
import type { NodeAttributes, NodeTime, TreeSink } from "../../fs/mkfs/populate.ts";
import { CommandError } from "./command_error.ts";
import { joined } from "./path_bytes.ts";

const S_IFMT = 0o170000;
const S_IFLNK = 0o120000;
const S_IFDIR = 0o040000;
const SET_ID = 0o6000;
const decoder = new TextDecoder();

/** A file that is being written. */
export interface OpenTarget {
  /** @returns bytes written, fewer when there is no space for the rest. */
  write(offset: number, bytes: Uint8Array): number;
  setSize(size: number): void;
  close(): void;
}

/** Where copies go: the host, or an image. Nothing follows a symbolic link in the last place. */
export interface CopyTarget {
  kindOf(path: Uint8Array): "directory" | "other" | undefined;
  makeDirectory(path: Uint8Array): void;
  /** @param mode type and permission bits. */
  makeNode(path: Uint8Array, mode: number, rdev: number): void;
  makeSymlink(path: Uint8Array, target: Uint8Array): void;
  link(existing: Uint8Array, path: Uint8Array): void;
  rename(from: Uint8Array, to: Uint8Array): void;
  remove(path: Uint8Array): void;
  open(path: Uint8Array): OpenTarget;
  /** @returns false when that is not permitted. */
  setOwner(path: Uint8Array, uid: number, gid: number): boolean;
  setMode(path: Uint8Array, mode: number): void;
  /** @returns 0 or a negated errno. */
  setXattr(path: Uint8Array, name: Uint8Array, value: Uint8Array): number;
  setTimes(path: Uint8Array, atime: NodeTime, mtime: NodeTime): void;
  /** Bits that new nodes do not get unless modes are preserved. */
  readonly umask: number;
}

/** What a copy takes along. */
export interface CopyChoices {
  /** Mode, owner, times and extended attributes are those of the source. */
  readonly preserve: boolean;
  /** Owner of everything that is copied, instead. */
  readonly owner?: { readonly uid: number; readonly gid: number };
  /** The root of the copy gets the attributes of the source's root. */
  readonly root: boolean;
  /** Told of each piece of content. */
  readonly progress: (bytes: number) => void;
  readonly warn: (message: string) => void;
}

interface Made {
  /** Where it will be, and where it is until it is complete. */
  readonly path: Uint8Array;
  place: Uint8Array;
  readonly shared: boolean;
  /** A directory that was there before. */
  readonly merged: boolean;
  readonly xattrs: [Uint8Array, Uint8Array][];
}

/** A sink over a target. Node numbers are its own. */
export class CopySink implements TreeSink {
  readonly root = 1;
  readonly #made = new Map<number, Made>();
  readonly #directories: { made: Made; attributes: NodeAttributes }[] = [];
  #next = 2;
  #open: OpenTarget | undefined;
  #openNumber = 0;
  /** What is under a temporary name. */
  #unfinished: Uint8Array | undefined;

  constructor(
    readonly target: CopyTarget,
    rootPath: Uint8Array,
    readonly choices: CopyChoices,
  ) {
    const merged = !choices.root;
    this.#made.set(this.root, {
      path: rootPath,
      place: rootPath,
      shared: true,
      merged,
      xattrs: [],
    });
  }

  find(): number {
    return 0;
  }

  makeDirectory(parent: number, name: Uint8Array): number {
    const path = this.#pathOf(parent, name);
    const kind = this.target.kindOf(path);
    if (kind === "other") throw inTheWay(path, "is there, and is no directory");
    if (kind === undefined) this.target.makeDirectory(path);
    const merged = kind !== undefined;
    return this.#add({ path, place: path, shared: true, merged, xattrs: [] });
  }

  makeNode(parent: number, name: Uint8Array, mode: number, rdev: number, shared: boolean): number {
    const made = this.#place(parent, name, shared);
    this.target.makeNode(made.place, mode & ~this.target.umask, rdev);
    return this.#add(made);
  }

  makeSymlink(parent: number, name: Uint8Array, target: Uint8Array, shared: boolean): number {
    const made = this.#place(parent, name, shared);
    this.target.makeSymlink(made.place, target);
    return this.#add(made);
  }

  link(number: number, parent: number, name: Uint8Array): number {
    const made = this.#place(parent, name, true);
    this.target.link(this.#get(number).place, made.place);
    this.#settle(made);
    return 0;
  }

  write(number: number, offset: number, bytes: Uint8Array): number {
    const count = this.#opened(number).write(offset, bytes);
    this.choices.progress(count);
    return count;
  }

  setSize(number: number, size: number): number {
    this.#opened(number).setSize(size);
    return 0;
  }

  setXattr(number: number, name: Uint8Array, value: Uint8Array): number {
    this.#get(number).xattrs.push([name, value]);
    return 0;
  }

  setAttributes(number: number, attributes: NodeAttributes): number {
    const made = this.#get(number);
    this.#closeOpen();
    if ((attributes.mode & S_IFMT) === S_IFDIR) {
      // Their times change while they fill, and their modes may not let anything in.
      if (!made.merged || (this.choices.preserve && number !== this.root)) {
        this.#directories.push({ made, attributes });
      }
      return 0;
    }
    this.#setAll(made, attributes);
    this.#settle(made);
    if (!made.shared) this.#made.delete(number);
    return 0;
  }

  /** Gives the directories their attributes. */
  finish(): void {
    for (const { made, attributes } of this.#directories.reverse()) this.#setAll(made, attributes);
  }

  /** After a failure: takes away what is incomplete. */
  abandon(): void {
    this.#closeOpen();
    const unfinished = this.#unfinished;
    this.#unfinished = undefined;
    if (unfinished === undefined) return;
    try {
      this.target.remove(unfinished);
    } catch {
      // What made the copy fail is what is told.
    }
  }

  /** Mode bits go last but for times: changing the owner takes set-id bits and capabilities away. */
  #setAll({ place, xattrs }: Made, { mode, uid, gid, atime, mtime }: NodeAttributes): void {
    const { target, choices: { preserve, owner } } = this;
    const isLink = (mode & S_IFMT) === S_IFLNK;
    let owned = true;
    if (owner !== undefined) owned = target.setOwner(place, owner.uid, owner.gid);
    else if (preserve) owned = target.setOwner(place, uid, gid);
    for (const [name, value] of preserve ? xattrs.splice(0) : []) {
      const result = target.setXattr(place, name, value);
      if (result < 0) this.#warnXattr(place, name, result);
    }
    if (!isLink) {
      const kept = preserve ? mode & 0o7777 : mode & 0o777 & ~target.umask;
      target.setMode(place, owned ? kept : kept & ~SET_ID);
    }
    if (preserve) target.setTimes(place, atime, mtime);
  }

  #warnXattr(path: Uint8Array, name: Uint8Array, result: number): void {
    const what = `attribute ${decoder.decode(name)} not copied (${errnoText(-result)})`;
    this.choices.warn(`${decoder.decode(path)}: ${what}`);
  }

  #pathOf(parent: number, name: Uint8Array): Uint8Array {
    return joined(this.#get(parent).path, name);
  }

  #get(number: number): Made {
    const made = this.#made.get(number);
    if (made === undefined) throw new Error(`node ${number} is not known`);
    return made;
  }

  #add(made: Made): number {
    this.#made.set(this.#next, made);
    return this.#next++;
  }

  /** Where a new node is made: at its place when that is free, else beside it. */
  #place(parent: number, name: Uint8Array, shared: boolean): Made {
    const path = this.#pathOf(parent, name);
    const kind = this.target.kindOf(path);
    if (kind === "directory") throw inTheWay(path, "is a directory");
    const place = kind === undefined
      ? path
      : joined(this.#get(parent).path, new TextEncoder().encode(temporaryName()));
    this.#unfinished = place;
    return { path, place, shared, merged: false, xattrs: [] };
  }

  /** A node is complete: it takes the place of what was there. */
  #settle(made: Made): void {
    if (made.place !== made.path) this.target.rename(made.place, made.path);
    made.place = made.path;
    this.#unfinished = undefined;
  }

  #opened(number: number): OpenTarget {
    if (this.#open === undefined || this.#openNumber !== number) {
      this.#closeOpen();
      this.#open = this.target.open(this.#get(number).place);
      this.#openNumber = number;
    }
    return this.#open;
  }

  #closeOpen(): void {
    this.#open?.close();
    this.#open = undefined;
  }
}

function temporaryName(): string {
  return `.kfsctl-${crypto.randomUUID()}`;
}

function inTheWay(path: Uint8Array, what: string): CommandError {
  return new CommandError(`${decoder.decode(path)} ${what}`);
}
