/**
 * Listing directories, and walking trees of them.
 *
 * @module
 */

import { ENOTDIR, EUCLEAN } from "../fs/errno.ts";
import { S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from "../fs/layout/inode.ts";
import { readDirectory } from "../fs/ops/read_directory.ts";
import type { Core } from "./core.ts";
import { bytesOf, type Path, textOf } from "./path.ts";

/** One entry of a directory: `Deno.DirEntry`, with inode number and the name as bytes. */
export interface DirectoryEntry {
  /** Bytes that are not UTF-8 show as U+FFFD. */
  readonly name: string;
  /** The name as it is stored: 1 to 255 bytes. */
  readonly nameBytes: Uint8Array;
  readonly ino: number;
  readonly isFile: boolean;
  readonly isDirectory: boolean;
  readonly isSymlink: boolean;
}

/** An entry below the directory where `walk` began. */
export interface WalkEntry extends DirectoryEntry {
  /** The starting path and the names below it, joined by `/`. */
  readonly path: string;
  readonly pathBytes: Uint8Array;
  /** 1 for the entries of the starting directory. */
  readonly depth: number;
}

/** How far `walk` goes. */
export interface WalkOptions {
  /** Deepest level that is told of. Default: all. */
  readonly maxDepth?: number;
}

/** DT_* values. */
const UNKNOWN = 0;
const DIRECTORY = 4;
const REGULAR = 8;
const SYMLINK = 10;
const TYPES: ReadonlyMap<number, number> = new Map([
  [S_IFDIR, DIRECTORY],
  [S_IFREG, REGULAR],
  [S_IFLNK, SYMLINK],
]);

/** Entries that are taken from the engine at once. */
const BATCH = 256;
const DOT = 0x2e;
const SLASH = 0x2f;

/** A directory that is being listed. A number that was given to another directory since is not taken for it. */
export interface Listing {
  readonly ino: number;
  readonly generation: number;
  cookie: number;
  done: boolean;
}

/** Within an operation: begins to list directory `ino`. */
export function listDirectory(core: Core, ino: number): Listing {
  const inode = core.engine.inode(ino);
  if (!inode.isDirectory) core.refuse(ENOTDIR);
  return { ino, generation: inode.generation, cookie: 0, done: false };
}

/** Within an operation: the next entries, "." and ".." left out; sets `done` at the end. */
export function nextEntries(core: Core, listing: Listing): DirectoryEntry[] {
  const { engine } = core;
  const inode = engine.volume.inodes.load(listing.ino);
  const gone = !inode.isDirectory || inode.links === 0 || inode.generation !== listing.generation;
  const names: Uint8Array[] = [];
  const inos: number[] = [];
  const types: number[] = [];
  let full = false;
  if (!gone) {
    core.must(
      readDirectory(engine, listing.ino, listing.cookie, (bytes, start, end, ino, next, type) => {
        full = names.length === BATCH;
        if (full) return false;
        listing.cookie = next;
        const name = bytes.slice(start, end);
        if (isDots(name)) return true;
        names.push(name);
        inos.push(ino);
        types.push(type);
        return true;
      }),
    );
  }
  listing.done = !full;
  return names.map((name, index) => entryOf(core, name, inos[index] ?? 0, types[index] ?? UNKNOWN));
}

function entryOf(core: Core, nameBytes: Uint8Array, ino: number, stored: number): DirectoryEntry {
  const type = stored === UNKNOWN ? TYPES.get(core.engine.inode(ino).mode & S_IFMT) : stored;
  return {
    name: textOf(nameBytes),
    nameBytes,
    ino,
    isFile: type === REGULAR,
    isDirectory: type === DIRECTORY,
    isSymlink: type === SYMLINK,
  };
}

function isDots(name: Uint8Array): boolean {
  return name[0] === DOT && (name.length === 1 || (name.length === 2 && name[1] === DOT));
}

/** The entries of a directory. The path is looked up at once, the entries are read as they are asked for. */
export function readDir(core: Core, path: Path): IterableIterator<DirectoryEntry> {
  return entries(core, path, startListing(core, "readDir", path));
}

function startListing(core: Core, operation: string, path: Path): Listing {
  return core.run(operation, path, () => listDirectory(core, core.find(path, true)));
}

function* entries(core: Core, path: Path, listing: Listing): Generator<DirectoryEntry, void> {
  while (!listing.done) yield* core.run("readDir", path, () => nextEntries(core, listing));
}

/** Everything below a directory, each directory before what it holds. Symbolic links are not followed. */
export function walk(core: Core, path: Path, options: WalkOptions): IterableIterator<WalkEntry> {
  const listing = startListing(core, "walk", path);
  return below(core, { listing, path: bytesOf(path), entries: [], next: 0 }, options);
}

/** A directory on the way from the start to where the walk is. */
interface Level {
  readonly listing: Listing;
  readonly path: Uint8Array;
  entries: readonly DirectoryEntry[];
  next: number;
}

function* below(core: Core, start: Level, options: WalkOptions): Generator<WalkEntry, void> {
  const maxDepth = options.maxDepth ?? Infinity;
  const seen = new Set([start.listing.ino]);
  const levels = [start];
  for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
    const entry = core.run("walk", level.path, () => nextEntry(core, level));
    if (entry === undefined) {
      levels.pop();
      continue;
    }
    const depth = levels.length;
    if (depth > maxDepth) {
      levels.pop();
      continue;
    }
    const pathBytes = joinedPath(level.path, entry.nameBytes);
    yield { ...entry, path: textOf(pathBytes), pathBytes, depth };
    if (!entry.isDirectory || depth >= maxDepth) continue;
    const next = core.run("walk", pathBytes, () => enter(core, entry, pathBytes, seen));
    if (next !== undefined) levels.push(next);
  }
}

function nextEntry(core: Core, level: Level): DirectoryEntry | undefined {
  while (level.next >= level.entries.length && !level.listing.done) {
    level.entries = nextEntries(core, level.listing);
    level.next = 0;
  }
  return level.entries[level.next++];
}

/** The level of a directory that was just told of; undefined when it was removed meanwhile. */
function enter(
  core: Core,
  entry: DirectoryEntry,
  path: Uint8Array,
  seen: Set<number>,
): Level | undefined {
  const inode = core.engine.volume.inodes.load(entry.ino);
  if (!inode.isDirectory || inode.links === 0) return undefined;
  // A directory has one name: an image in which it has two could be walked without end.
  if (seen.has(entry.ino)) core.refuse(EUCLEAN, `directory inode ${entry.ino} is met twice`);
  seen.add(entry.ino);
  return { listing: listDirectory(core, entry.ino), path, entries: [], next: 0 };
}

/** `path` and `name` with one slash between them. */
export function joinedPath(path: Uint8Array, name: Uint8Array): Uint8Array {
  const slash = path[path.length - 1] === SLASH ? 0 : 1;
  const joined = new Uint8Array(path.length + slash + name.length);
  joined.set(path);
  if (slash > 0) joined[path.length] = SLASH;
  joined.set(name, path.length + slash);
  return joined;
}
