/**
 * Bringing back what a snapshot holds.
 *
 * It is copied into a hidden directory first. Then, in one transaction, what is there goes to another hidden directory
 * and what was copied takes its place; at last the old is removed. So a crash leaves the old state or the restored one,
 * and at most the hidden directories, which the next opening removes.
 *
 * @module
 */

import { add, DirSlot, find, remove, setDotDot } from "../dir/dir.ts";
import { EEXIST, EFBIG, ENOENT, ENOSPC, ENOTDIR, EROFS } from "../errno.ts";
import { FsError } from "../errors.ts";
import type { Handle } from "../journal/transaction.ts";
import { ROOT_INODE } from "../layout/superblock.ts";
import { populate } from "../mkfs/populate.ts";
import { type Engine, SUPERUSER } from "../ops/engine.ts";
import { addSubdirectory, dropSubdirectory, entryType } from "../ops/limits.ts";
import { lookup } from "../ops/lookup.ts";
import { makeDirectory } from "../ops/make_directory.ts";
import { openSnapshot } from "../ops/open_snapshot.ts";
import { type Name, namesIn, removeLeftovers } from "../ops/remove_tree.ts";
import { findDirectories, RESTORE_DIRECTORY } from "../ops/snapshot_files.ts";
import type { Inode } from "../volume/inode.ts";
import { LiveSink } from "./live_sink.ts";
import { type SnapshotNode, sourceNode } from "./snapshot_source.ts";

/** What is restored, and where to. Paths are absolute, without links. */
export interface RestoreOptions {
  /** A file or directory; default: everything. */
  readonly path?: string;
  /** A directory to put it into; default: where it was, in place of what is there. */
  readonly to?: string;
  /** Told of what could not be copied as it was, one line each. */
  readonly warn?: (message: string) => void;
}

/** How many nodes were restored. */
export interface RestoreResult {
  readonly nodes: number;
}

const encoder = new TextEncoder();
const NEW = encoder.encode("new");
const OLD = encoder.encode("old");
const LOST_FOUND = encoder.encode("lost+found");

const slot = new DirSlot();

/** Restores from a snapshot; durable on return. @throws FsError, Corrupt, DeviceError: nothing is restored then. */
export function restoreSnapshot(
  engine: Engine,
  snapshot: string,
  options: RestoreOptions = {},
): RestoreResult {
  const view = openSnapshot(engine, snapshot);
  const names = splitPath(options.path ?? "/");
  const target = options.to === undefined ? names.slice(0, -1) : splitPath(options.to);
  const from = walk(view, names, options.path ?? "/");
  const into = walk(engine, target, options.to ?? `/${names.slice(0, -1).join("/")}`);
  if (!engine.inode(into).isDirectory) throw new FsError(ENOTDIR, `${options.to} is no directory`);
  const { snapshots, volume } = engine;
  if (snapshots === null || volume.readOnly) {
    throw new FsError(EROFS, "the file system is read-only");
  }
  const { keepAll } = snapshots;
  // Not to make room for what is copied from it.
  snapshots.keepAll = true;
  try {
    const areas = prepare(engine);
    const whole = names.length === 0;
    const source = sourceNode(view, from, encoder.encode(names.at(-1) ?? ""), options.path ?? "/");
    const children = whole ? [...source.readChildren()].filter(isRestored) : [source];
    const nodes = copy(engine, areas.fresh, children, options);
    const replaced = replacedNames(engine, into, children, whole && options.to === undefined);
    if (options.to !== undefined && replaced.length > 0) {
      const text = new TextDecoder().decode(replaced[0]?.name);
      throw new FsError(EEXIST, `${options.to} has a ${text} already`);
    }
    exchange(engine, areas, into, replaced, whole && options.to === undefined ? source : undefined);
    return { nodes };
  } finally {
    snapshots.keepAll = keepAll;
    if (!volume.readOnly) {
      removeLeftovers(engine);
      engine.sync(true);
    }
  }
}

/** The root's directories that are not restored. */
function isRestored({ name }: { readonly name: Uint8Array }): boolean {
  return name.length !== LOST_FOUND.length || name.some((byte, at) => byte !== LOST_FOUND[at]);
}

function splitPath(path: string): string[] {
  return path.split("/").filter((name) => name !== "" && name !== ".");
}

function walk(engine: Engine, names: readonly string[], path: string): number {
  let ino = ROOT_INODE;
  for (const name of names) {
    ino = name === ".." ? -ENOENT : lookup(engine, ino, encoder.encode(name));
    if (ino < 0) throw new FsError(-ino, `${path}: there is none`);
  }
  return ino;
}

interface Areas {
  /** Inode numbers of the hidden directories. */
  readonly fresh: number;
  readonly old: number;
}

function prepare(engine: Engine): Areas {
  removeLeftovers(engine);
  const { own } = findDirectories(engine);
  const top = make(engine, own, RESTORE_DIRECTORY);
  return { fresh: make(engine, top, NEW), old: make(engine, top, OLD) };
}

function make(engine: Engine, parent: number, name: Uint8Array): number {
  const ino = makeDirectory(engine, SUPERUSER, parent, name, 0o700, 0);
  if (ino < 0) throw new FsError(-ino, `no directory to restore into (errno ${-ino})`);
  return ino;
}

function copy(
  engine: Engine,
  into: number,
  children: readonly SnapshotNode[],
  { warn }: RestoreOptions,
): number {
  const sink = new LiveSink(engine, into);
  const first = children[0];
  if (first === undefined) return 0;
  // A directory of just these nodes; its own attributes do not matter.
  const root: SnapshotNode = {
    ...first,
    name: new Uint8Array(0),
    mode: 0o40700,
    flags: 0,
    projectId: 0,
    linkKey: undefined,
    readXattrs: () => [],
    readChildren: () => children,
  };
  const made = populate(root, sink, warn === undefined ? {} : { warn });
  engine.sync(false);
  return made.files + made.directories + made.symlinks + made.specials + made.hardLinks;
}

/** What is in the way of the nodes, or with `all` everything in the directory. */
function replacedNames(
  engine: Engine,
  into: number,
  children: readonly SnapshotNode[],
  all: boolean,
): Name[] {
  if (all) return namesIn(engine, into).filter(isRestored);
  const found: Name[] = [];
  for (const { name } of children) {
    const ino = lookup(engine, into, name);
    if (ino > 0) found.push({ name, ino });
    else if (ino !== -ENOENT) throw new FsError(-ino, "the target cannot be looked at");
  }
  return found;
}

/** The heart: one operation, so one transaction. */
function exchange(
  engine: Engine,
  { fresh, old }: Areas,
  into: number,
  replaced: readonly Name[],
  root: SnapshotNode | undefined,
): void {
  const { volume, alloc } = engine;
  const restored = namesIn(engine, fresh);
  const credits = exchangeCredits(engine, [fresh, old, into], [...replaced, ...restored]);
  volume.commit(false);
  if (credits > volume.transactions.store.capacityBlocks >> 1) {
    throw new FsError(EFBIG, "too many names in one directory to be exchanged at once");
  }
  const { heldBack } = alloc;
  if (alloc.unhiddenClusters < heldBack + credits) {
    throw new FsError(ENOSPC, "not enough free space to exchange directories");
  }
  alloc.heldBack = 0;
  try {
    engine.change((handle) => {
      for (const { name, ino } of replaced) move(engine, handle, into, old, name, ino);
      for (const { name, ino } of restored) move(engine, handle, fresh, into, name, ino);
      if (root !== undefined) giveAttributes(engine, handle, root);
      return 0;
    }, credits);
  } catch (error) {
    // Half of it must never be committed.
    volume.transactions.stop("restoring failed");
    volume.readOnly = true;
    throw error;
  } finally {
    alloc.heldBack = heldBack;
  }
  volume.commit(true);
}

/** Blocks that are changed: of the directories, and where each directory in them tells its parent. */
function exchangeCredits(
  engine: Engine,
  directories: readonly number[],
  names: readonly Name[],
): number {
  const { blockBytes } = engine.volume.geometry;
  const bytes = directories.reduce((sum, ino) => sum + engine.inode(ino).size, 0);
  const below = names.filter(({ ino }) => engine.inode(ino).isDirectory).length;
  return 48 + below + 3 * Math.ceil(bytes / blockBytes);
}

/** Moves an entry from one directory to another. */
function move(
  engine: Engine,
  handle: Handle,
  from: number,
  to: number,
  name: Uint8Array,
  ino: number,
): void {
  const { alloc } = engine;
  const [source, target] = [engine.inode(from), engine.inode(to)];
  const inode = engine.inode(ino);
  if (find(alloc, source, name, slot) !== ino) throw new FsError(ENOENT, "a name has gone");
  remove(alloc, handle, source, slot);
  const type = entryType(engine, inode.mode);
  const added = add(alloc, handle, target, name, ino, type, true);
  if (added < 0) throw new FsError(ENOSPC, "no room for a name");
  if (inode.isDirectory) {
    setDotDot(alloc, handle, inode, to);
    dropSubdirectory(source);
    addSubdirectory(engine, target);
  }
  for (const directory of [source, target]) engine.stamp(handle, directory, true);
}

/** The root directory's own attributes. */
function giveAttributes(engine: Engine, handle: Handle, node: SnapshotNode): void {
  const root: Inode = engine.inode(ROOT_INODE);
  // Owners stay where quotas count them.
  if (engine.quota === null) {
    root.uid = node.uid;
    root.gid = node.gid;
  }
  root.mode = node.mode;
  root.mtime = node.mtime.seconds;
  root.mtimeNsec = node.mtime.nanoseconds;
  engine.dirty(handle, root);
}
