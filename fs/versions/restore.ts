/**
 * Bringing a version back: a new file is written whole, then takes the name in one step. Whoever has the old file
 * open, or another name of it, keeps the old one.
 *
 * @module
 */

import { EIO, ENOENT } from "../errno.ts";
import { FsError } from "../errors.ts";
import { S_IFREG } from "../layout/inode.ts";
import { sha256 } from "../layout/sha256.ts";
import { removeAttribute, setAttribute } from "../ops/attributes.ts";
import { makeUnnamed } from "../ops/create.ts";
import { deleteIfUnused } from "../ops/delete_inode.ts";
import { type Engine, SUPERUSER } from "../ops/engine.ts";
import { link } from "../ops/link.ts";
import { readFile } from "../ops/read.ts";
import { rename } from "../ops/rename.ts";
import { setAttributes } from "../ops/set_attributes.ts";
import type { Inode } from "../volume/inode.ts";
import { addVersion, historyFor, readXattrs, regularFile, xattrsOf } from "./add.ts";
import { hexOf, type Version } from "./manifest.ts";
import type { Place } from "./place.ts";
import { type History, must, UNFINISHED_NAME, type VersionStore, writeAll } from "./store.ts";

/** What came of it. */
export interface RestoredVersion {
  readonly number: number;
  readonly size: number;
  /** The version that the state before was kept as; undefined when there was none to keep. */
  readonly keptAs?: number;
  /** The inode that has the name now, and the one that had it, 0 for none. */
  readonly ino: number;
  readonly oldIno: number;
}

const SET = { flags: 0, killSgid: false, privileged: true };
/** Chunks that are written between two values. */
const CHUNKS_A_STEP = 8;

/**
 * Restores a version, a part with each value that is asked for: yields bytes of the file that are done. It is durable
 * in the end.
 * @param wanted a version's number; undefined: the newest.
 * @param discard the state that the file is in is not kept first.
 * @throws FsError: ENOENT for a version that is not there, EIO for a damaged one: the file is as it was then.
 */
export function* restoreVersion(
  store: VersionStore,
  place: Place,
  wanted: number | undefined,
  discard: boolean,
): Generator<number, RestoredVersion, void> {
  const { engine } = store;
  if (place.ino !== 0) regularFile(engine, place);
  const known = historyFor(store, place);
  if (known === undefined) throw new FsError(ENOENT, `${place.path} has no versions`);
  const number = wanted ?? known.numbers().at(-1);
  if (number === undefined) throw new FsError(ENOENT, `${place.path} has no versions`);
  const version = known.version(number);
  if (version === undefined) throw new FsError(ENOENT, `${place.path} has no version ${number}`);
  let keptAs: number | undefined;
  if (place.ino !== 0 && !discard) {
    const note = `before version ${number} was restored`;
    keptAs = (yield* addVersion(store, place, note, "any")).number;
  }
  const history = historyFor(store, place) ?? known;
  const inode = yield* writeCopy(history, place, version);
  try {
    takeName(history, place, inode);
    history.moveTo(inode).notePath(place.path);
    engine.sync(true);
  } finally {
    letGo(engine, inode);
  }
  return {
    number,
    size: version.size,
    ...(keptAs === undefined ? {} : { keptAs }),
    ino: inode.ino,
    oldIno: place.ino,
  };
}

/** A file without a name, like the version in everything. It is in use, so that it lives. */
function* writeCopy(
  history: History,
  place: Place,
  version: Version,
): Generator<number, Inode, void> {
  const { engine } = history;
  const made = makeUnnamed(engine, SUPERUSER, place.parent, S_IFREG | 0o600, 0);
  const inode = engine.inode(must(made, `${place.path} cannot be restored`));
  inode.users++;
  let complete = false;
  try {
    yield* writeContent(history, inode, version);
    const { size, mode, uid, gid, atime, mtime } = version;
    const { ino } = inode;
    must(setAttributes(engine, ino, { size, uid, gid }, true), `${place.path} cannot be restored`);
    replaceXattrs(engine, ino, version);
    must(setAttributes(engine, ino, { mode: S_IFREG | mode, atime, mtime }, true), place.path);
    // Its content is durable before the name leads to it.
    engine.sync(true);
    complete = true;
    return inode;
  } finally {
    if (!complete) letGo(engine, inode);
  }
}

function* writeContent(
  history: History,
  inode: Inode,
  { chunks, number }: Version,
): Generator<number, void, void> {
  const { engine } = history;
  const data = engine.inode(history.data());
  let written = 0;
  for (const { fileOffset, length, dataOffset, digest } of chunks) {
    const bytes = new Uint8Array(length);
    const count = readFile(engine, data, dataOffset, bytes);
    if (count < length || hexOf(sha256(bytes)) !== digest) {
      throw new FsError(EIO, `version ${number} is damaged at byte ${fileOffset}`);
    }
    writeAll(engine, inode.ino, fileOffset, bytes);
    if (++written % CHUNKS_A_STEP === 0) yield fileOffset + length;
  }
}

/** What a directory hands down goes. */
function replaceXattrs(engine: Engine, ino: number, version: Version): void {
  const wanted = new Set(version.xattrs.map(([name]) => name));
  for (const [name] of readXattrs(engine, ino)) {
    if (wanted.has(name)) continue;
    must(removeAttribute(engine, ino, new TextEncoder().encode(name), true), name);
  }
  for (const [name, value] of xattrsOf(version)) {
    must(setAttribute(engine, ino, name, value, SET), "an attribute cannot be restored");
  }
}

/** The name leads to the new file, at once. What a crash leaves lies where only this store sees it. */
function takeName(history: History, { parent, name, path }: Place, inode: Inode): void {
  const { engine, ino } = history;
  history.dropUnfinished();
  must(link(engine, inode.ino, ino, UNFINISHED_NAME), `${path} cannot be restored`);
  const renamed = rename(engine, SUPERUSER, ino, UNFINISHED_NAME, parent, name, 0);
  if (renamed < 0) history.dropUnfinished();
  must(renamed, `${path} cannot be replaced`);
}

function letGo(engine: Engine, inode: Inode): void {
  inode.users--;
  if (!engine.volume.readOnly) deleteIfUnused(engine, inode);
}
