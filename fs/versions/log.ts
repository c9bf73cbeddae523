/** Listing versions, and letting go of them. @module */

import { ENOENT } from "../errno.ts";
import { FsError } from "../errors.ts";
import { fallocate, KEEP_SIZE, PUNCH_HOLE } from "../ops/fallocate.ts";
import type { Timestamp } from "../ops/set_attributes.ts";
import { historyFor } from "./add.ts";
import type { Chunk, Version } from "./manifest.ts";
import type { Place } from "./place.ts";
import { cutFile, type History, must, type VersionStore } from "./store.ts";

/** One version, for people. */
export interface VersionSummary {
  readonly number: number;
  readonly time: Timestamp;
  readonly path: string;
  readonly note: string;
  readonly size: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: Timestamp;
  /** Bytes of content, in chunks, that the version before does not have; of the first one all. */
  readonly changedBytes: number;
  /** What else differs from the version before. */
  readonly changed: readonly ("size" | "mode" | "owner" | "attributes" | "path")[];
  /** Bytes that this version alone keeps. */
  readonly aloneBytes: number;
}

/** What was let go of. */
export interface Pruned {
  readonly removed: readonly number[];
  readonly kept: readonly number[];
}

function mustHave(store: VersionStore, place: Place): History {
  const history = historyFor(store, place);
  if (history === undefined || history.numbers().length === 0) {
    throw new FsError(ENOENT, `${place.path} has no versions`);
  }
  return history;
}

/** The versions of a file, the oldest first. @throws FsError ENOENT when there are none, EUCLEAN for a damaged one */
export function listVersions(store: VersionStore, place: Place): VersionSummary[] {
  const versions = mustHave(store, place).versions();
  const users = new Map<string, number>();
  for (const { chunks } of versions) {
    for (const digest of new Set(chunks.map(({ digest }) => digest))) {
      users.set(digest, (users.get(digest) ?? 0) + 1);
    }
  }
  return versions.map((version, index) => summaryOf(version, versions[index - 1], users));
}

function summaryOf(
  version: Version,
  before: Version | undefined,
  users: ReadonlyMap<string, number>,
): VersionSummary {
  const { number, time, path, note, size, mode, uid, gid, mtime, chunks } = version;
  const old = new Set(before?.chunks.map(({ digest }) => digest));
  const alone = new Map(
    chunks.filter(({ digest }) => users.get(digest) === 1).map((chunk) => [chunk.digest, chunk]),
  );
  return {
    ...{ number, time, path, note, size, mode, uid, gid, mtime },
    changedBytes: lengthOf(chunks.filter(({ digest }) => !old.has(digest))),
    changed: before === undefined ? [] : differences(version, before),
    aloneBytes: lengthOf([...alone.values()]),
  };
}

function lengthOf(chunks: readonly Chunk[]): number {
  return chunks.reduce((sum, { length }) => sum + length, 0);
}

function differences(a: Version, b: Version): VersionSummary["changed"] {
  const found: VersionSummary["changed"][number][] = [];
  if (a.size !== b.size) found.push("size");
  if (a.mode !== b.mode) found.push("mode");
  if (a.uid !== b.uid || a.gid !== b.gid) found.push("owner");
  if (JSON.stringify(a.xattrs) !== JSON.stringify(b.xattrs)) found.push("attributes");
  if (a.path !== b.path) found.push("path");
  return found;
}

/**
 * Lets go of versions, and frees what only they had.
 * @param which how many of the newest to keep, or the number of one to remove.
 * @throws FsError ENOENT
 */
export function pruneVersions(
  store: VersionStore,
  place: Place,
  which: { readonly keep: number } | { readonly remove: number },
): Pruned {
  const history = mustHave(store, place);
  const numbers = history.numbers();
  const removed = "keep" in which
    ? numbers.slice(0, Math.max(0, numbers.length - which.keep))
    : numbers.filter((number) => number === which.remove);
  if ("remove" in which && removed.length === 0) {
    throw new FsError(ENOENT, `${place.path} has no version ${which.remove}`);
  }
  const kept = numbers.filter((number) => !removed.includes(number));
  // Those that stay must be readable: what they need is not known otherwise.
  const versions = kept.flatMap((number) => history.version(number) ?? []);
  if (kept.length === 0) history.removeAll();
  else if (removed.length > 0) {
    for (const number of removed) history.remove(number);
    // What is freed is overwritten at once where it shares a block: nothing may lead there any more.
    store.engine.sync(true);
    freeUnused(history, versions);
  }
  store.engine.sync(true);
  return { removed, kept };
}

/** Punches what no version refers to out of the data file. */
function freeUnused(history: History, versions: readonly Version[]): void {
  const { engine } = history;
  const data = history.data();
  const used = versions.flatMap(({ chunks }) => chunks)
    .sort((a, b) => a.dataOffset - b.dataOffset);
  let end = 0;
  for (const { dataOffset, length } of used) {
    if (dataOffset > end) {
      const mode = PUNCH_HOLE | KEEP_SIZE;
      must(fallocate(engine, data, end, dataOffset - end, mode, true), "space cannot be freed");
    }
    end = Math.max(end, dataOffset + length);
  }
  if (engine.inode(data).size > end) cutFile(engine, data, end);
}
