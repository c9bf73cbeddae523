/**
 * Keeping the state that a file is in. Chunks that an earlier version has are not stored again.
 *
 * @module
 */

import { EBUSY, EINVAL, ENOENT } from "../errno.ts";
import { FsError } from "../errors.ts";
import { sha256 } from "../layout/sha256.ts";
import { getAttribute, listAttributes } from "../ops/attributes.ts";
import type { Engine } from "../ops/engine.ts";
import { readFile } from "../ops/read.ts";
import { mayUseContent } from "../ops/sealed_content.ts";
import { seek, SEEK_DATA, SEEK_HOLE } from "../ops/seek.ts";
import type { Inode } from "../volume/inode.ts";
import { chunkLength, LONGEST_CHUNK } from "./chunker.ts";
import { bytesOfHex, type Chunk, hexOf, type Version } from "./manifest.ts";
import type { Place } from "./place.ts";
import { cutFile, type History, must, type VersionStore, writeAll } from "./store.ts";

/** What came of it. */
export interface KeptVersion {
  readonly number: number;
  /** The file was as the version of that number has it: nothing was added. */
  readonly unchanged: boolean;
  readonly size: number;
  /** Bytes of content that no earlier version had. */
  readonly newBytes: number;
}

/** Content is read and cut in windows of this many bytes. */
const WINDOW_BYTES = 256 << 10;
/** How often a file is read anew that changed meanwhile. */
const ATTEMPTS = 4;
const NOTHING = new Uint8Array(0);

/** A regular file whose content may be read. @throws FsError */
export function regularFile(engine: Engine, { ino, path }: Place): Inode {
  if (ino === 0) throw new FsError(ENOENT, `${path} is not there`);
  const inode = engine.inode(ino);
  if (!inode.isRegular) throw new FsError(EINVAL, `${path} is no regular file`);
  must(mayUseContent(inode, false), `${path} cannot be read`);
  return inode;
}

/** The history that a file goes on: its own, or that of the file whose place it took. */
export function historyFor(store: VersionStore, place: Place): History | undefined {
  const inode = place.ino === 0 ? undefined : store.engine.inode(place.ino);
  const own = inode === undefined ? undefined : store.historyOf(inode);
  return own ?? store.lostHistory(place.path);
}

/**
 * Keeps a file's state, a part with each value that is asked for: yields bytes of the file that are done. It is
 * durable in the end.
 * @param comparedTo nothing is added when this version, or one of them, is the same.
 * @throws FsError: EBUSY for a file that does not stop changing, ENOSPC, …
 */
export function* addVersion(
  store: VersionStore,
  place: Place,
  note: string,
  comparedTo: "last" | "any" = "last",
): Generator<number, KeptVersion, void> {
  const { engine } = store;
  const inode = regularFile(engine, place);
  inode.users++;
  try {
    const history = historyFor(store, place)?.moveTo(inode) ?? store.make(inode);
    const work = new Addition(history, inode);
    let version: Version | undefined;
    for (let attempt = 0; version === undefined; attempt++) {
      if (attempt === ATTEMPTS) throw new FsError(EBUSY, `${place.path} does not stop changing`);
      version = yield* work.read(place, note);
    }
    const { size } = version;
    history.notePath(place.path);
    const same = findSame(work.versions.slice(comparedTo === "last" ? -1 : 0), version);
    if (same !== undefined) {
      return { number: same.number, unchanged: true, size, newBytes: 0 };
    }
    // The chunks are durable before anything refers to them, whatever the journal does about content.
    engine.sync(true);
    history.keep(version);
    engine.sync(true);
    return { number: version.number, unchanged: false, size, newBytes: work.newBytes };
  } finally {
    inode.users--;
  }
}

class Addition {
  readonly engine: Engine;
  readonly versions: readonly Version[];
  newBytes = 0;
  /** Where each chunk is that the history has. */
  readonly #known = new Map<string, number>();
  readonly #data: number;
  #end = 0;
  readonly #window = new Uint8Array(WINDOW_BYTES);

  constructor(readonly history: History, readonly inode: Inode) {
    this.engine = history.engine;
    this.versions = history.versions();
    for (const { chunks } of this.versions) {
      for (const { digest, dataOffset, length } of chunks) {
        this.#known.set(digest, dataOffset);
        this.#end = Math.max(this.#end, dataOffset + length);
      }
    }
    this.#data = history.data();
    // What is behind belongs to a version that was never finished.
    if (this.engine.inode(this.#data).size > this.#end) {
      cutFile(this.engine, this.#data, this.#end);
    }
  }

  /** Reads the file once. @returns undefined when it changed meanwhile */
  *read(place: Place, note: string): Generator<number, Version | undefined, void> {
    const { inode, engine } = this;
    const before = stampOf(inode);
    const { size } = inode;
    const chunks: Chunk[] = [];
    for (let at = this.#find(0, SEEK_DATA, size); at < size;) {
      const end = this.#find(at, SEEK_HOLE, size);
      while (at < end) {
        at = this.#cut(at, end, chunks);
        yield at;
        if (stampOf(inode) !== before) return undefined;
      }
      at = this.#find(end, SEEK_DATA, size);
    }
    engine.readClock();
    return {
      number: (this.versions.at(-1)?.number ?? 0) + 1,
      time: { seconds: engine.now, nanoseconds: engine.nowNsec },
      path: place.path,
      note,
      size,
      mode: inode.mode & 0o7777,
      uid: inode.uid,
      gid: inode.gid,
      atime: { seconds: inode.atime, nanoseconds: inode.atimeNsec },
      mtime: { seconds: inode.mtime, nanoseconds: inode.mtimeNsec },
      xattrs: readXattrs(engine, inode.ino),
      chunks,
    };
  }

  #find(from: number, whence: number, size: number): number {
    if (from >= size) return size;
    const found = seek(this.engine, this.inode.ino, from, whence);
    return found < 0 ? size : Math.min(found, size);
  }

  /** Cuts what lies from `from` on, up to `end`, into chunks. @returns how far it came */
  #cut(from: number, end: number, chunks: Chunk[]): number {
    const wanted = Math.min(WINDOW_BYTES, end - from);
    const bytes = this.#window.subarray(0, wanted);
    // Shorter than it was: its stamp tells that it is to be read anew.
    if (readFile(this.engine, this.inode, from, bytes) < wanted) return end;
    let start = 0;
    while (start < wanted) {
      // A cut may come later than what is seen: the rest is seen again with what follows.
      if (from + wanted < end && wanted - start < LONGEST_CHUNK) break;
      const length = chunkLength(bytes, start);
      chunks.push(this.#store(from + start, bytes.subarray(start, start + length)));
      start += length;
    }
    return from + start;
  }

  #store(fileOffset: number, bytes: Uint8Array): Chunk {
    const { length } = bytes;
    const digest = hexOf(sha256(bytes));
    let dataOffset = this.#known.get(digest);
    if (dataOffset === undefined) {
      dataOffset = this.#end;
      writeAll(this.engine, this.#data, dataOffset, bytes);
      this.#known.set(digest, dataOffset);
      this.#end += length;
      this.newBytes += length;
    }
    return { fileOffset, length, dataOffset, digest };
  }
}

/** Changes with the content and with everything else that is kept. */
function stampOf({ size, mtime, mtimeNsec, ctime, ctimeNsec }: Inode): string {
  return `${size} ${mtime} ${mtimeNsec} ${ctime} ${ctimeNsec}`;
}

function readXattrs(engine: Engine, ino: number): [string, string][] {
  const list = new Uint8Array(must(listAttributes(engine, ino, NOTHING, true), "attributes"));
  if (list.length > 0) must(listAttributes(engine, ino, list, true), "attributes");
  const names = new TextDecoder().decode(list).split("\0").filter((name) => name !== "").sort();
  const encoder = new TextEncoder();
  return names.map((name) => {
    const bytes = encoder.encode(name);
    const value = new Uint8Array(must(getAttribute(engine, ino, bytes, NOTHING, true), name));
    if (value.length > 0) must(getAttribute(engine, ino, bytes, value, true), name);
    return [name, hexOf(value)];
  });
}

function findSame(versions: readonly Version[], version: Version): Version | undefined {
  return versions.findLast((other) => isSame(other, version));
}

/** Whether two versions are the same file but for when they were kept and read. */
function isSame(a: Version, b: Version): boolean {
  const attributes = (version: Version): string =>
    JSON.stringify([
      version.size,
      version.mode,
      version.uid,
      version.gid,
      version.mtime,
      version.xattrs,
    ]);
  return attributes(a) === attributes(b) && a.chunks.length === b.chunks.length &&
    a.chunks.every(({ digest, fileOffset }, index) => {
      const other = b.chunks[index];
      return other?.digest === digest && other.fileOffset === fileOffset;
    });
}

/** Attributes of a version as they are set: names and values as bytes. */
export function xattrsOf(version: Version): (readonly [Uint8Array, Uint8Array])[] {
  const encoder = new TextEncoder();
  return version.xattrs.map(([name, value]) => [encoder.encode(name), bytesOfHex(value)] as const);
}

export { readXattrs };
