/**
 * The files of snapshots: `/.kfs/snapshots/NAME`, in directories that only root may enter and that kfs does not show.
 *
 * @module
 */

import { DirSlot, find, read } from "../dir/dir.ts";
import { FsError } from "../errors.ts";
import type { Handle } from "../journal/transaction.ts";
import { ROOT_INODE } from "../layout/superblock.ts";
import { XattrIndex } from "../layout/xattr_name.ts";
import type { SnapshotEntry } from "../snapshot/chain.ts";
import {
  decodeRecord,
  encodeRecord,
  RECORD_BYTES,
  RECORD_NAME,
  type SnapshotRecord,
} from "../snapshot/record.ts";
import type { Inode } from "../volume/inode.ts";
import { get, set } from "../xattr/xattr.ts";
import { type Engine, SUPERUSER } from "./engine.ts";
import { makeDirectory } from "./make_directory.ts";

const encoder = new TextEncoder();
/** What belongs to kfs, in the root directory. */
export const KFS_DIRECTORY: Uint8Array = encoder.encode(".kfs");
const SNAPSHOTS_DIRECTORY = encoder.encode("snapshots");
/** Holds versions of single files; see `fs/versions`. */
export const VERSIONS_DIRECTORY: Uint8Array = encoder.encode("versions");
/** What is being restored, in kfs's directory. */
export const RESTORE_DIRECTORY: Uint8Array = encoder.encode("restore");
const PRIVATE = 0o700;

const slot = new DirSlot();

/** A directory of root's in `parent`, or 0. */
function directoryIn(engine: Engine, parent: number, name: Uint8Array): number {
  const ino = find(engine.alloc, engine.inode(parent), name, slot);
  if (ino === 0) return 0;
  const inode = engine.inode(ino);
  return inode.isDirectory && inode.uid === 0 ? ino : 0;
}

/** The directories, as far as there are any: inode numbers, 0 for none. @throws Corrupt, DeviceError */
export function findDirectories(engine: Engine): { readonly own: number; readonly files: number } {
  const own = directoryIn(engine, ROOT_INODE, KFS_DIRECTORY);
  return { own, files: own === 0 ? 0 : directoryIn(engine, own, SNAPSHOTS_DIRECTORY) };
}

/** Whether what kfs keeps is in its directory, which then is not shown. @throws Corrupt, DeviceError */
export function holdsVersions(engine: Engine, own: number): boolean {
  return own !== 0 && directoryIn(engine, own, VERSIONS_DIRECTORY) !== 0;
}

/** Makes the directories that are missing. @throws FsError */
export function makeDirectories(engine: Engine): { readonly own: number; readonly files: number } {
  const found = findDirectories(engine);
  const own = found.own || make(engine, ROOT_INODE, KFS_DIRECTORY);
  return { own, files: found.files || make(engine, own, SNAPSHOTS_DIRECTORY) };
}

function make(engine: Engine, parent: number, name: Uint8Array): number {
  const ino = makeDirectory(engine, SUPERUSER, parent, name, PRIVATE, 0);
  if (ino < 0) throw new FsError(-ino, `no directory for snapshots can be made (errno ${-ino})`);
  return ino;
}

/** The snapshots that have a record, the oldest first. @throws Corrupt, DeviceError */
export function readEntries(engine: Engine, directory: number): SnapshotEntry[] {
  const names: { readonly name: string; readonly ino: number }[] = [];
  read(engine.alloc, engine.inode(directory), 0, (bytes, start, end, ino) => {
    names.push({ name: new TextDecoder().decode(bytes.subarray(start, end)), ino });
    return true;
  });
  const entries: SnapshotEntry[] = [];
  for (const { name, ino } of names) {
    if (name === "." || name === "..") continue;
    const inode = engine.inode(ino);
    const record = inode.isRegular ? readRecord(engine, inode) : undefined;
    if (record !== undefined) entries.push({ ...record, name, ino });
  }
  return entries.sort((a, b) => a.number - b.number);
}

function readRecord(engine: Engine, inode: Inode): SnapshotRecord | undefined {
  const bytes = new Uint8Array(RECORD_BYTES);
  const length = get(engine.alloc, inode, XattrIndex.TRUSTED, RECORD_NAME, bytes);
  return length < 0 ? undefined : decodeRecord(bytes.subarray(0, length));
}

/** @returns 0, -ENOSPC, -EDQUOT or NEEDS_COMMIT. */
export function writeRecord(
  engine: Engine,
  handle: Handle,
  inode: Inode,
  record: SnapshotRecord,
): number {
  const value = encodeRecord(record);
  return set(engine.alloc, handle, inode, XattrIndex.TRUSTED, RECORD_NAME, value, 0, true);
}

/** Writes an entry's record, in a change of its own. @throws FsError */
export function storeEntry(engine: Engine, entry: SnapshotEntry): void {
  const result = engine.change((handle) =>
    writeRecord(engine, handle, engine.inode(entry.ino), entry)
  );
  if (result < 0) throw new FsError(-result, `the record of ${entry.name} cannot be written`);
  engine.snapshots?.chain.replace(entry);
}
