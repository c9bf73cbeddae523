/**
 * Where versions are kept: `/.kfs/versions/INODE-GENERATION/`, a directory for each file's history, with a manifest
 * for each version (its name is the version's number), the file `data` with the chunks of all of them, and `path`.
 * Ordinary files of root's, in a directory that kfs does not show, so that the image stays as sound as ever for other programs.
 *
 * @module
 */

import { DirSlot, find, read } from "../dir/dir.ts";
import { EEXIST, ENOSPC, EUCLEAN } from "../errno.ts";
import { FsError } from "../errors.ts";
import { S_IFREG } from "../layout/inode.ts";
import { ROOT_INODE } from "../layout/superblock.ts";
import { makeNode } from "../ops/create.ts";
import { type Engine, SUPERUSER } from "../ops/engine.ts";
import { makeDirectory } from "../ops/make_directory.ts";
import { readFile } from "../ops/read.ts";
import { rename } from "../ops/rename.ts";
import { setAttributes } from "../ops/set_attributes.ts";
import { KFS_DIRECTORY, VERSIONS_DIRECTORY } from "../ops/snapshot_files.ts";
import { removeDirectory, unlink } from "../ops/unlink.ts";
import { write } from "../ops/write.ts";
import type { Inode } from "../volume/inode.ts";
import { decodeManifest, encodeManifest, LARGEST_MANIFEST, type Version } from "./manifest.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
export const DATA_NAME = encoder.encode("data");
/** Holds the path that the file had when it was seen last. */
const PATH_NAME = encoder.encode("path");
const LONGEST_PATH = 65536;
/** What is being written, and takes its name when it is whole. */
export const UNFINISHED_NAME = encoder.encode("unfinished");
const PRIVATE_DIRECTORY = 0o700;
const PRIVATE_FILE = S_IFREG | 0o600;
const WRITE_OPTIONS = { privileged: true, killPrivileges: false } as const;
const MANIFEST_NAME = /^[1-9][0-9]{0,8}$/;
const slot = new DirSlot();

/** @throws FsError for a negated errno */
export function must(result: number, what: string): number {
  if (result >= 0) return result;
  const reason = result === -ENOSPC ? "there is no space left" : `errno ${-result}`;
  throw new FsError(-result, `${what}: ${reason}`);
}

/** The inode number of a name in a directory, 0 for none. */
export function findName(engine: Engine, directory: number, name: Uint8Array): number {
  return find(engine.alloc, engine.inode(directory), name, slot);
}

/** The names in a directory but `.` and `..`. */
export function namesIn(engine: Engine, directory: number): { name: string; ino: number }[] {
  const names: { name: string; ino: number }[] = [];
  read(engine.alloc, engine.inode(directory), 0, (bytes, start, end, ino) => {
    names.push({ name: decoder.decode(bytes.slice(start, end)), ino });
    return true;
  });
  return names.filter(({ name }) => name !== "." && name !== "..");
}

/** All histories of an image. */
export class VersionStore {
  constructor(readonly engine: Engine) {}

  /** The directory with the histories, 0 when there is none yet. */
  find(): number {
    const own = this.#directory(ROOT_INODE, KFS_DIRECTORY, false);
    return own === 0 ? 0 : this.#directory(own, VERSIONS_DIRECTORY, false);
  }

  /** The history of an inode. */
  historyOf(inode: Inode): History | undefined {
    const root = this.find();
    const key = keyOf(inode);
    const ino = root === 0 ? 0 : findName(this.engine, root, encoder.encode(key));
    return ino === 0 ? undefined : new History(this, root, key, ino);
  }

  /** The history of a file that was at this path and is gone; the one kept last when there are several. */
  lostHistory(path: string): History | undefined {
    let found: { history: History; seconds: number } | undefined;
    for (const history of this.all()) {
      if (history.path() !== path || history.isAlive()) continue;
      const { mtime } = this.engine.inode(history.ino);
      if (found === undefined || mtime > found.seconds) found = { history, seconds: mtime };
    }
    return found?.history;
  }

  *all(): Generator<History> {
    const root = this.find();
    if (root === 0) return;
    for (const { name, ino } of namesIn(this.engine, root)) {
      if (/^\d+-\d+$/.test(name)) yield new History(this, root, name, ino);
    }
  }

  /** Makes the history of an inode that has none. */
  make(inode: Inode): History {
    const own = this.#directory(ROOT_INODE, KFS_DIRECTORY, true);
    const root = this.#directory(own, VERSIONS_DIRECTORY, true);
    this.engine.hiddenInode = own;
    const key = keyOf(inode);
    return new History(this, root, key, this.#directory(root, encoder.encode(key), true));
  }

  #directory(parent: number, name: Uint8Array, make: boolean): number {
    const { engine } = this;
    const found = findName(engine, parent, name);
    if (found > 0) {
      const inode = engine.inode(found);
      if (inode.isDirectory && inode.uid === 0) return found;
      throw new FsError(EEXIST, `${decoder.decode(name)} is not a directory of root's`);
    }
    if (!make) return 0;
    const ino = makeDirectory(engine, SUPERUSER, parent, name, PRIVATE_DIRECTORY, 0);
    return must(ino, "no directory for versions can be made");
  }
}

/** What an inode's history is called. */
export function keyOf(inode: Inode): string {
  return `${inode.ino}-${inode.generation >>> 0}`;
}

/** The versions of one file. */
export class History {
  constructor(
    readonly store: VersionStore,
    readonly root: number,
    readonly key: string,
    readonly ino: number,
  ) {}

  get engine(): Engine {
    return this.store.engine;
  }

  /** The numbers of its versions, ascending. */
  numbers(): number[] {
    return namesIn(this.engine, this.ino).filter(({ name }) => MANIFEST_NAME.test(name))
      .map(({ name }) => Number(name)).sort((a, b) => a - b);
  }

  /** @throws FsError EUCLEAN for a damaged one */
  version(number: number): Version | undefined {
    const ino = findName(this.engine, this.ino, encoder.encode(String(number)));
    if (ino === 0) return undefined;
    const inode = this.engine.inode(ino);
    if (!inode.isRegular || inode.size > LARGEST_MANIFEST) {
      throw new FsError(EUCLEAN, `version ${number} is damaged: it is no manifest`);
    }
    const bytes = new Uint8Array(inode.size);
    readFile(this.engine, inode, 0, bytes);
    return decodeManifest(bytes, String(number));
  }

  versions(): Version[] {
    return this.numbers().flatMap((number) => this.version(number) ?? []);
  }

  /** Where the file was seen last. */
  path(): string {
    const ino = findName(this.engine, this.ino, PATH_NAME);
    const inode = ino === 0 ? undefined : this.engine.inode(ino);
    if (inode === undefined || !inode.isRegular) return "";
    const bytes = new Uint8Array(Math.min(inode.size, LONGEST_PATH));
    readFile(this.engine, inode, 0, bytes);
    return decoder.decode(bytes);
  }

  /** Notes where the file is. */
  notePath(path: string): void {
    if (this.path() === path) return;
    writeAll(this.engine, this.makeUnfinished(), 0, encoder.encode(path));
    this.#rename(this.ino, UNFINISHED_NAME, this.ino, PATH_NAME);
  }

  /** Whether the inode whose history it is is still there. */
  isAlive(): boolean {
    const { volume } = this.engine;
    const [ino = 0, generation = 0] = this.key.split("-").map(Number);
    if (ino < 1 || ino > volume.superblock.inodesCount) return false;
    const inode = volume.inodes.load(ino);
    return inode.links > 0 && inode.mode !== 0 && inode.generation >>> 0 === generation;
  }

  /** Puts a version's manifest in its place, whole or not at all. */
  keep(version: Version): void {
    const bytes = encodeManifest(version);
    const unfinished = this.makeUnfinished();
    writeAll(this.engine, unfinished, 0, bytes);
    this.#rename(this.ino, UNFINISHED_NAME, this.ino, encoder.encode(String(version.number)));
  }

  remove(number: number): void {
    const name = encoder.encode(String(number));
    must(unlink(this.engine, this.ino, name), `version ${number} cannot be removed`);
  }

  /** Takes the history itself away. */
  removeAll(): void {
    for (const { name } of namesIn(this.engine, this.ino)) {
      must(unlink(this.engine, this.ino, encoder.encode(name)), "versions cannot be removed");
    }
    const removed = removeDirectory(this.engine, this.root, encoder.encode(this.key));
    must(removed, "versions cannot be removed");
  }

  /** The history becomes that of another inode, which has taken the file's place. */
  moveTo(inode: Inode): History {
    const key = keyOf(inode);
    if (key === this.key) return this;
    this.#rename(this.root, encoder.encode(this.key), this.root, encoder.encode(key));
    return new History(this.store, this.root, key, this.ino);
  }

  /** The data file; made when there is none. */
  data(): number {
    const found = findName(this.engine, this.ino, DATA_NAME);
    return found > 0 ? found : this.#makeFile(DATA_NAME);
  }

  /** A new empty file, to be renamed. What was left of an older one goes. */
  makeUnfinished(): number {
    this.dropUnfinished();
    return this.#makeFile(UNFINISHED_NAME);
  }

  dropUnfinished(): void {
    if (findName(this.engine, this.ino, UNFINISHED_NAME) === 0) return;
    must(unlink(this.engine, this.ino, UNFINISHED_NAME), "an unfinished version cannot be removed");
  }

  #makeFile(name: Uint8Array): number {
    const ino = makeNode(this.engine, SUPERUSER, this.ino, name, PRIVATE_FILE, 0, 0);
    return must(ino, "no file for a version can be made");
  }

  #rename(from: number, name: Uint8Array, to: number, newName: Uint8Array): void {
    const result = rename(this.engine, SUPERUSER, from, name, to, newName, 0);
    must(result, "a version cannot be put in its place");
  }
}

/** Cuts a file, in steps of the engine's own. */
export function cutFile(engine: Engine, ino: number, size: number): void {
  must(setAttributes(engine, ino, { size }, true), "a file of versions cannot be cut");
}

/** Writes all of `bytes` at an offset. */
export function writeAll(engine: Engine, ino: number, offset: number, bytes: Uint8Array): void {
  const written = write(engine, ino, offset, bytes, WRITE_OPTIONS);
  must(written, "versions cannot be written");
  must(written < bytes.length ? -ENOSPC : 0, "versions cannot be written");
}
