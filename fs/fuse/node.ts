/** Node ids and attributes as FUSE wants them. @module */

import type { Attributes } from "../../ffi/fuse/port.ts";
import { readDevice } from "../layout/device_number.ts";
import { I_BLOCK_OFFSET, InodeFlag, S_IFBLK, S_IFCHR, S_IFMT } from "../layout/inode.ts";
import { ROOT_INODE } from "../layout/superblock.ts";
import { shownSize } from "../ops/symlink.ts";
import type { Inode } from "../volume/inode.ts";

/** FUSE_ROOT_ID. */
const ROOT_NODE = 1;
/** inode flags that statx shows under the same bits: compressed, immutable, append, nodump, encrypted, verity. */
const STATX_FLAGS = InodeFlag.COMPRESSED | InodeFlag.IMMUTABLE | InodeFlag.APPEND |
  InodeFlag.NODUMP | InodeFlag.ENCRYPT | InodeFlag.VERITY;

/** The node id of an inode number: the same, but for the root. */
export function nodeOf(ino: number): number {
  return ino === ROOT_INODE ? ROOT_NODE : ino;
}

/** The inode number of a node id. */
export function inodeOf(node: number): number {
  return node === ROOT_NODE ? ROOT_INODE : node;
}

/** Fills in what stat and statx show. */
export function fillAttributes(inode: Inode, blockBytes: number, attributes: Attributes): void {
  const { size, mode } = inode;
  attributes.ino = inode.ino;
  attributes.size = shownSize(inode);
  attributes.blocks = inode.has(InodeFlag.INLINE_DATA) && inode.isRegular
    ? inode.sectors + ((size + 511) >>> 9)
    : inode.sectors;
  attributes.atime = inode.atime;
  attributes.atimeNsec = inode.atimeNsec;
  attributes.mtime = inode.mtime;
  attributes.mtimeNsec = inode.mtimeNsec;
  attributes.ctime = inode.ctime;
  attributes.ctimeNsec = inode.ctimeNsec;
  attributes.btime = inode.crtime;
  attributes.btimeNsec = inode.crtimeNsec;
  attributes.mode = mode;
  attributes.nlink = inode.links;
  attributes.uid = inode.uid;
  attributes.gid = inode.gid;
  const type = mode & S_IFMT;
  const isDevice = type === S_IFCHR || type === S_IFBLK;
  attributes.rdev = isDevice ? readDevice(inode.view, I_BLOCK_OFFSET) : 0;
  attributes.blksize = blockBytes;
  attributes.statxAttributes = inode.flags & STATX_FLAGS;
}
