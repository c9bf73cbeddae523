/** Inode flags as chattr and FS_IOC_FSSETXATTR change them. @module */

import { ENOTEMPTY, EOPNOTSUPP, EPERM } from "../errno.ts";
import { Incompat, RoCompat } from "../layout/features.ts";
import { EXTRA_OFFSET, InodeFlag } from "../layout/inode.ts";
import type { Inode } from "../volume/inode.ts";
import { isEmpty } from "../dir/dir.ts";
import { expandExtra } from "../xattr/expand.ts";
import type { Engine } from "./engine.ts";
import { mayTransfer, transfer } from "./owners.ts";

/** Flags that a program may see (EXT4_FL_USER_VISIBLE). */
const VISIBLE = 0x705bdfff;
/** Flags that a program may change here. */
const CHANGEABLE = InodeFlag.SECURE_DELETE | InodeFlag.UNDELETE | InodeFlag.SYNC |
  InodeFlag.IMMUTABLE | InodeFlag.APPEND | InodeFlag.NODUMP | InodeFlag.NOATIME |
  InodeFlag.JOURNAL_DATA | InodeFlag.NOTAIL | InodeFlag.DIRSYNC | InodeFlag.TOPDIR |
  InodeFlag.PROJINHERIT | InodeFlag.CASEFOLD | InodeFlag.EXTENTS;
/** i_extra_isize from which i_projid exists. */
const PROJECT_END = 32;
const DIRECTORY_ONLY = InodeFlag.DIRSYNC | InodeFlag.TOPDIR | InodeFlag.CASEFOLD |
  InodeFlag.PROJINHERIT;

/** The flags as FS_IOC_GETFLAGS shows them. */
export function visibleFlags(inode: Inode): number {
  return (inode.flags & VISIBLE) >>> 0;
}

/**
 * Sets the changeable flags to those in `flags`; the others must be as they are.
 * @param capable the caller has CAP_LINUX_IMMUTABLE: needed to change IMMUTABLE and APPEND.
 * @returns 0, -EPERM, -EOPNOTSUPP for a flag that cannot be set, -ENOTEMPTY.
 */
export function setFlags(engine: Engine, ino: number, flags: number, capable: boolean): number {
  const inode = engine.inode(ino);
  const wanted = maskForType(inode, flags);
  const changed = (wanted ^ inode.flags) & CHANGEABLE;
  const fixed = InodeFlag.IMMUTABLE | InodeFlag.APPEND;
  if ((changed & fixed) !== 0 && !capable) return -EPERM;
  if (
    inode.has(InodeFlag.IMMUTABLE) && (changed & ~fixed) !== 0 &&
    (wanted & InodeFlag.IMMUTABLE) !== 0
  ) {
    return -EPERM;
  }
  const allowed = check(engine, inode, changed);
  if (allowed < 0 || changed === 0) return allowed;
  const result = engine.changeInode(inode, (handle) => {
    inode.flags = (inode.flags ^ changed) >>> 0;
    engine.stamp(handle, inode, false);
    return 0;
  });
  if (result === 0 && (changed & InodeFlag.JOURNAL_DATA) !== 0) leaveJournal(engine);
  return result;
}

/** The content of a file takes another way from now on: what went the old way must be in its place. */
function leaveJournal(engine: Engine): void {
  engine.volume.commit(true);
  engine.volume.journal?.bringHome();
  engine.volume.cache.clear();
}

/** As ext4 does: flags that make no sense for the type of file are dropped. */
function maskForType(inode: Inode, flags: number): number {
  if (inode.isDirectory) return flags;
  if (inode.isRegular) return flags & ~DIRECTORY_ONLY;
  return flags & (InodeFlag.NODUMP | InodeFlag.NOATIME);
}

function check(engine: Engine, inode: Inode, changed: number): number {
  const { superblock } = engine.volume;
  if ((changed & InodeFlag.EXTENTS) !== 0) return -EOPNOTSUPP;
  const journaled = (changed & InodeFlag.JOURNAL_DATA) !== 0;
  if (journaled && engine.volume.journal === null) return -EOPNOTSUPP;
  if ((changed & InodeFlag.CASEFOLD) !== 0) {
    if (!superblock.hasIncompat(Incompat.CASEFOLD)) return -EOPNOTSUPP;
    if (!isEmpty(engine.alloc, inode)) return -ENOTEMPTY;
  }
  if ((changed & InodeFlag.PROJINHERIT) !== 0 && !superblock.hasRoCompat(RoCompat.PROJECT)) {
    return -EOPNOTSUPP;
  }
  return 0;
}

/**
 * Sets the project; only 0 without the project feature.
 * @returns 0, -EOPNOTSUPP (also for inodes of 128 bytes), -EDQUOT, -ENOSPC.
 */
export function setProject(engine: Engine, ino: number, project: number): number {
  const inode = engine.inode(ino);
  if (project === inode.projectId) return 0;
  if (!engine.volume.superblock.hasRoCompat(RoCompat.PROJECT)) return -EOPNOTSUPP;
  if (inode.raw.length < EXTRA_OFFSET + PROJECT_END) return -EOPNOTSUPP;
  const owners = { uid: inode.uid, gid: inode.gid, projectId: project };
  return engine.change((handle) => {
    const result = mayTransfer(engine, handle, inode, owners) ||
      expandExtra(engine.alloc, handle, inode, PROJECT_END);
    if (result < 0) return result;
    transfer(engine, inode, owners);
    engine.stamp(handle, inode, false);
    return 0;
  });
}
