/** Renaming, with NOREPLACE, EXCHANGE and WHITEOUT. @module */

import { add, DirSlot, find, getDotDot, isEmpty, remove, replace, setDotDot } from "../dir/dir.ts";
import {
  EEXIST,
  EINVAL,
  EISDIR,
  ENAMETOOLONG,
  ENOENT,
  ENOKEY,
  ENOTDIR,
  ENOTEMPTY,
  EXDEV,
} from "../errno.ts";
import { Corrupt } from "../errors.ts";
import type { Handle } from "../journal/transaction.ts";
import { writeDevice } from "../layout/device_number.ts";
import { I_BLOCK_OFFSET, InodeFlag, S_IFCHR } from "../layout/inode.ts";
import { ROOT_INODE } from "../layout/superblock.ts";
import type { Inode } from "../volume/inode.ts";
import { discard, makeInode } from "./named_node.ts";
import { deleteIfUnused } from "./delete_inode.ts";
import type { Credentials, Engine } from "./engine.ts";
import {
  addSubdirectory,
  dropSubdirectory,
  entryType,
  mayAdd,
  mayRemove,
  maySubdirectory,
} from "./limits.ts";
import { dropName } from "./unlink.ts";

/** Bits of `flags`: the kernel's RENAME_*. */
export const NOREPLACE = 1;
export const EXCHANGE = 2;
export const WHITEOUT = 4;

const sourceSlot = new DirSlot();
const targetSlot = new DirSlot();

/** What a rename is about, once looked up and allowed. */
interface Move {
  readonly from: Inode;
  readonly to: Inode;
  readonly newName: Uint8Array;
  readonly source: Inode;
  /** What has the new name already. */
  readonly target: Inode | null;
}

/**
 * Renames `name` in directory `parent` to `newName` in `newParent`.
 * @param owner owner of the whiteout that WHITEOUT leaves.
 * @returns 0 or a negated errno.
 */
export function rename(
  engine: Engine,
  owner: Credentials,
  parent: number,
  name: Uint8Array,
  newParent: number,
  newName: Uint8Array,
  flags: number,
): number {
  if ((flags & EXCHANGE) !== 0 && (flags & (NOREPLACE | WHITEOUT)) !== 0) return -EINVAL;
  if ((flags & ~(NOREPLACE | EXCHANGE | WHITEOUT)) !== 0) return -EINVAL;
  const from = engine.inode(parent);
  const to = engine.inode(newParent);
  if (!from.isDirectory || !to.isDirectory) return -ENOTDIR;
  if (name.length > 255 || newName.length > 255) return -ENAMETOOLONG;
  const ino = find(engine.alloc, from, name, sourceSlot);
  if (ino === 0) return -ENOENT;
  const targetIno = find(engine.alloc, to, newName, targetSlot);
  const target = targetIno === 0 ? null : engine.inode(targetIno);
  const move: Move = { from, to, newName, source: engine.inode(ino), target };
  const allowed = check(engine, move, flags);
  if (allowed < 0) return allowed;
  if (ino === targetIno && !isOtherCase(move)) return 0;
  const durable = from.has(InodeFlag.DIRSYNC) || to.has(InodeFlag.DIRSYNC);
  if ((flags & EXCHANGE) !== 0) {
    return engine.changeNames(durable, (handle) => exchange(engine, handle, move));
  }
  const result = engine.changeNames(
    durable,
    (handle) => perform(engine, handle, move, owner, flags),
  );
  if (result === 0 && target !== null) deleteIfUnused(engine, target);
  return result;
}

/** Whether only the case of a name changes, in a directory that disregards case. */
function isOtherCase({ from, to, newName }: Move): boolean {
  if (from !== to || !from.has(InodeFlag.CASEFOLD)) return false;
  const isSameEntry = sourceSlot.fileBlock === targetSlot.fileBlock &&
    sourceSlot.offset === targetSlot.offset;
  return isSameEntry && !isSameName(sourceSlot.name, newName);
}

function isSameName(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

function check(engine: Engine, move: Move, flags: number): number {
  const { from, to, source, target, newName } = move;
  const exchanging = (flags & EXCHANGE) !== 0;
  if (target !== null && (flags & NOREPLACE) !== 0) return -EEXIST;
  if (target === null && exchanging) return -ENOENT;
  if (from.has(InodeFlag.ENCRYPT)) return -ENOKEY;
  const allowed = mayRemove(from, source) || mayAdd(engine, to, newName) ||
    (target === null ? 0 : mayRemove(to, target));
  if (allowed < 0) return allowed;
  if (
    projectDiffers(to, source) || (exchanging && target !== null && projectDiffers(from, target))
  ) {
    return -EXDEV;
  }
  checkParents(engine, move, exchanging);
  const loops = checkLoops(engine, move, exchanging);
  if (loops < 0) return loops;
  if (!exchanging && target !== null && target !== source) {
    if (source.isDirectory && !target.isDirectory) return -ENOTDIR;
    if (!source.isDirectory && target.isDirectory) return -EISDIR;
    if (target.isDirectory && !isEmpty(engine.alloc, target)) return -ENOTEMPTY;
  }
  return checkLinkCounts(engine, move, exchanging);
}

/**
 * Directories that change their parent say which one they have, in a block that can be written: what
 * is wrong with it must come out before anything is changed.
 * @throws Corrupt
 */
function checkParents(engine: Engine, move: Move, exchanging: boolean): void {
  const { from, to, source, target } = move;
  if (from === to) return;
  if (source.isDirectory) checkParent(engine, source, from);
  if (exchanging && target !== null && target.isDirectory) checkParent(engine, target, to);
}

function checkParent(engine: Engine, dir: Inode, parent: Inode): void {
  const found = getDotDot(engine.alloc, dir);
  if (found === parent.ino) return;
  const field = `its parent is inode ${found}, not ${parent.ino}`;
  throw new Corrupt("directory", `inode ${dir.ino}`, field);
}

/** No directory may come to lie in itself. As in Linux this is looked at before the kinds of the two. */
function checkLoops(
  engine: Engine,
  { from, to, source, target }: Move,
  exchanging: boolean,
): number {
  if (from === to) return 0;
  if (source.isDirectory && isWithin(engine, to, source.ino)) return -EINVAL;
  if (target === null || !target.isDirectory || !isWithin(engine, from, target.ino)) return 0;
  return exchanging ? -EINVAL : -ENOTEMPTY;
}

/** Whether both directories may have another subdirectory, if they get one. */
function checkLinkCounts(engine: Engine, move: Move, exchanging: boolean): number {
  const { from, to, source, target } = move;
  if (from === to) return 0;
  const targetIsDirectory = target?.isDirectory ?? false;
  if (source.isDirectory && !targetIsDirectory) return maySubdirectory(engine, to);
  if (exchanging && targetIsDirectory && !source.isDirectory) return maySubdirectory(engine, from);
  return 0;
}

function projectDiffers(dir: Inode, inode: Inode): boolean {
  return dir.has(InodeFlag.PROJINHERIT) && dir.projectId !== inode.projectId;
}

/** Whether `dir` is the directory `ancestor` or lies below it. */
function isWithin(engine: Engine, dir: Inode, ancestor: number): boolean {
  let ino = dir.ino;
  for (let depth = 0; depth < 1 << 16; depth++) {
    if (ino === ancestor) return true;
    if (ino === ROOT_INODE) return false;
    ino = getDotDot(engine.alloc, engine.inode(ino));
  }
  throw new Corrupt("directory", `inode ${dir.ino}`, "its parents form a cycle");
}

function perform(
  engine: Engine,
  handle: Handle,
  move: Move,
  owner: Credentials,
  flags: number,
): number {
  const { from, to, newName, source } = move;
  let whiteout: Inode | null = null;
  if ((flags & WHITEOUT) !== 0) {
    const made = makeInode(engine, handle, owner, from, S_IFCHR, 0);
    if (typeof made === "number") return made;
    writeDevice(made.view, I_BLOCK_OFFSET, 0);
    made.links = 1;
    whiteout = made;
  }
  const type = entryType(engine, source.mode);
  // With only the case changed the entry found for the new name is the old one.
  const target = move.target === source && isOtherCase(move) ? null : move.target;
  if (target !== null) replace(engine.alloc, handle, to, targetSlot, source.ino, type);
  else {
    const added = add(engine.alloc, handle, to, newName, source.ino, type, owner.uid === 0);
    if (added < 0) {
      if (whiteout !== null) discard(engine, handle, whiteout);
      return added;
    }
  }
  removeOld(engine, handle, from, whiteout);
  if (source.isDirectory && from !== to) {
    setDotDot(engine.alloc, handle, source, to.ino);
    dropSubdirectory(from);
    if (target === null) addSubdirectory(engine, to);
  } else if (source.isDirectory && target !== null) dropSubdirectory(to);
  engine.stamp(handle, from, true);
  engine.stamp(handle, to, true);
  engine.stamp(handle, source, false);
  if (target !== null) dropName(engine, handle, target);
  return 0;
}

/** Takes the old name out, or gives it to the whiteout. */
function removeOld(engine: Engine, handle: Handle, from: Inode, whiteout: Inode | null): void {
  if (whiteout === null) remove(engine.alloc, handle, from, sourceSlot);
  else {
    const type = entryType(engine, whiteout.mode);
    replace(engine.alloc, handle, from, sourceSlot, whiteout.ino, type);
  }
}

function exchange(engine: Engine, handle: Handle, move: Move): number {
  const { from, to, source, target } = move;
  if (target === null) return -ENOENT;
  replace(engine.alloc, handle, to, targetSlot, source.ino, entryType(engine, source.mode));
  replace(engine.alloc, handle, from, sourceSlot, target.ino, entryType(engine, target.mode));
  if (from !== to) {
    if (source.isDirectory) setDotDot(engine.alloc, handle, source, to.ino);
    if (target.isDirectory) setDotDot(engine.alloc, handle, target, from.ino);
    if (source.isDirectory && !target.isDirectory) {
      dropSubdirectory(from);
      addSubdirectory(engine, to);
    } else if (!source.isDirectory && target.isDirectory) {
      dropSubdirectory(to);
      addSubdirectory(engine, from);
    }
  }
  engine.stamp(handle, from, true);
  engine.stamp(handle, to, true);
  engine.stamp(handle, source, false);
  engine.stamp(handle, target, false);
  return 0;
}
