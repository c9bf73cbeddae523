/**
 * Making an inode: number, owner, flags, times; and giving it back.
 *
 * @module
 */

import {
  EXTRA_OFFSET,
  InodeFlag,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  S_ISGID,
} from "../layout/inode.ts";
import type { Handle } from "../journal/transaction.ts";
import { initialiseMap } from "../map/map.ts";
import type { Inode } from "../volume/inode.ts";
import type { Credentials, Engine } from "./engine.ts";

/** Flags that a new inode takes from its directory. */
const INHERITED = InodeFlag.SECURE_DELETE | InodeFlag.UNDELETE | InodeFlag.COMPRESSED |
  InodeFlag.SYNC | InodeFlag.NODUMP | InodeFlag.NOATIME | InodeFlag.JOURNAL_DATA |
  InodeFlag.NOTAIL | InodeFlag.DIRSYNC | InodeFlag.PROJINHERIT | InodeFlag.CASEFOLD | InodeFlag.DAX;
/** Of these, what only directories keep. */
const DIRECTORY_ONLY = InodeFlag.DIRSYNC | InodeFlag.TOPDIR | InodeFlag.CASEFOLD |
  InodeFlag.PROJINHERIT;
/** i_extra_isize from which i_crtime exists. */
const CRTIME_END = 24;
const OTHER_KEEP = InodeFlag.NODUMP | InodeFlag.NOATIME;

/** Flags for a new inode of this type in a directory with these flags. */
export function inheritedFlags(parentFlags: number, mode: number): number {
  const flags = parentFlags & INHERITED;
  const type = mode & S_IFMT;
  if (type === S_IFDIR) return flags >>> 0;
  if (type === S_IFREG) return (flags & ~DIRECTORY_ONLY) >>> 0;
  return flags & OTHER_KEEP;
}

/**
 * Allocates and fills in an inode below `parent`, with no links and an empty map.
 * @param mode type and permission bits, the umask already applied; a set-group-id directory gives its
 *   group, and to directories its bit.
 * @returns the inode number, -ENOSPC, -EDQUOT or NEEDS_COMMIT.
 */
export function newInode(
  engine: Engine,
  handle: Handle,
  parent: Inode,
  mode: number,
  owner: Credentials,
): number {
  const { volume } = engine;
  const gid = (parent.mode & S_ISGID) !== 0 ? parent.gid : owner.gid;
  const inherits = engine.hasProjects && parent.has(InodeFlag.PROJINHERIT);
  const projectId = inherits ? parent.projectId : 0;
  if (engine.quota !== null) {
    const admitted = engine.quota.admit(handle, { uid: owner.uid, gid, projectId });
    if (admitted < 0) return admitted;
  }
  const ino = engine.alloc.allocateInode(handle, parent, mode);
  if (ino < 0) return ino;
  const inode = volume.inodes.fresh(ino);
  const type = mode & S_IFMT;
  inode.mode = mode;
  inode.uid = owner.uid;
  inode.gid = gid;
  if ((parent.mode & S_ISGID) !== 0 && type === S_IFDIR) inode.mode |= S_ISGID;
  inode.flags = inheritedFlags(parent.flags, mode);
  inode.generation = engine.options.random();
  const room = inode.raw.length - EXTRA_OFFSET;
  const { superblock } = volume;
  inode.extraBytes = room > 0 ? Math.min(room, Math.max(32, superblock.wantExtraIsize)) : 0;
  inode.projectId = projectId;
  volume.usage?.count(inode, 0, 1);
  inode.atime = inode.mtime = engine.now;
  inode.atimeNsec = inode.mtimeNsec = engine.nowNsec;
  inode.ctime = engine.now;
  inode.ctimeNsec = engine.nowNsec;
  if (inode.extraBytes >= CRTIME_END) {
    inode.crtime = engine.now;
    inode.crtimeNsec = engine.nowNsec;
  }
  inode.updateChecksumSeed();
  if (type === S_IFDIR || type === S_IFREG || type === S_IFLNK) {
    initialiseMap(inode, engine.hasExtents);
  }
  volume.dirtyInode(handle, inode);
  return ino;
}

/**
 * Gives back an inode that was just made or whose content is gone.
 * @param inode has no blocks and no attribute block any more.
 */
export function freeInode(engine: Engine, handle: Handle, inode: Inode): void {
  const { volume } = engine;
  engine.orphans.remove(inode);
  volume.usage?.count(inode, -inode.sectors, -1);
  const directory = inode.isDirectory;
  inode.dtime = engine.now >>> 0;
  inode.links = 0;
  inode.mode = 0;
  inode.flags = 0;
  inode.size = 0;
  volume.dirtyInode(handle, inode);
  engine.alloc.freeInode(handle, inode.ino, directory);
}
