/** Symbolic links. A target shorter than 60 bytes lies in i_block, a longer one in one block. @module */

import { EINVAL, ENAMETOOLONG, ENOENT } from "../errno.ts";
import type { Handle } from "../journal/transaction.ts";
import { I_BLOCK_BYTES, I_BLOCK_OFFSET, InodeFlag, S_IFLNK } from "../layout/inode.ts";
import {
  encodeNoKeyName,
  MAX_NO_KEY_NAME_BYTES,
  MIN_STORED_BYTES,
  noKeyTargetLength,
} from "../layout/no_key_name.ts";
import type { Inode } from "../volume/inode.ts";
import { corruptInode, type Credentials, type Engine } from "./engine.ts";
import { mayAdd } from "./limits.ts";
import { makeNamed, mayMake } from "./named_node.ts";
import { readFile } from "./read.ts";
import { writeBlocks } from "./write.ts";

const MODE = S_IFLNK | 0o777;

/** The size that programs see: of an encrypted link, the length of what `readSymlink` gives. */
export function shownSize(inode: Inode): number {
  return inode.isSymlink && inode.has(InodeFlag.ENCRYPT)
    ? noKeyTargetLength(inode.size)
    : inode.size;
}

/** Whether the target lies in i_block. */
export function isFastSymlink(engine: Engine, inode: Inode): boolean {
  if (inode.has(InodeFlag.INLINE_DATA | InodeFlag.EXTENTS)) return false;
  const attributeSectors = inode.fileAcl !== 0
    ? engine.volume.geometry.clusterBlocks *
      engine.volume.geometry.blockBytes / 512
    : 0;
  return inode.size < I_BLOCK_BYTES && inode.sectors <= attributeSectors;
}

/**
 * Makes symbolic link `name` in `parent`.
 * @param target 1 to block size - 1 bytes, without NUL.
 * @returns the new inode's number, or a negated errno.
 */
export function makeSymlink(
  engine: Engine,
  owner: Credentials,
  parent: number,
  name: Uint8Array,
  target: Uint8Array,
): number {
  const dir = engine.inode(parent);
  const allowed = mayAdd(engine, dir, name);
  if (allowed < 0) return allowed;
  if (target.length === 0) return -ENOENT;
  if (target.length >= Math.min(engine.volume.geometry.blockBytes, 4096)) return -ENAMETOOLONG;
  const free = mayMake(engine, dir, name);
  if (free < 0) return free;
  return makeNamed(engine, owner, dir, name, MODE, 0, (handle, inode) => {
    inode.links = 1;
    return storeTarget(engine, handle, inode, target);
  });
}

function storeTarget(engine: Engine, handle: Handle, inode: Inode, target: Uint8Array): number {
  if (target.length < I_BLOCK_BYTES) {
    inode.setFlag(InodeFlag.EXTENTS, false);
    inode.raw.fill(0, I_BLOCK_OFFSET, I_BLOCK_OFFSET + I_BLOCK_BYTES);
    inode.raw.set(target, I_BLOCK_OFFSET);
    inode.size = target.length;
    return 0;
  }
  const stored = new Uint8Array(target.length + 1);
  stored.set(target);
  const written = writeBlocks(engine, handle, inode, 0, stored, true);
  if (written >= 0) inode.size = target.length;
  return written;
}

/**
 * Copies the link's target into `target`.
 * @returns its length, or -EINVAL when the inode is not a symbolic link.
 */
export function readSymlink(engine: Engine, ino: number, target: Uint8Array): number {
  const inode = engine.inode(ino);
  if (!inode.isSymlink) return -EINVAL;
  const { size } = inode;
  const isEncrypted = inode.has(InodeFlag.ENCRYPT);
  const room = isEncrypted ? Infinity : target.length;
  if (size === 0 || size > engine.volume.geometry.blockBytes || size > room) {
    throw corruptInode(inode, `i_size ${size} of a symbolic link`);
  }
  if (isEncrypted) return readEncrypted(engine, inode, target);
  if (isFastSymlink(engine, inode)) {
    target.set(inode.raw.subarray(I_BLOCK_OFFSET, I_BLOCK_OFFSET + size));
    return size;
  }
  return readFile(engine, inode, 0, target.subarray(0, size));
}

/** As names in encrypted directories are shown: stored are the length in 16 bits and the encrypted target. */
function readEncrypted(engine: Engine, inode: Inode, target: Uint8Array): number {
  const { size } = inode;
  const stored = new Uint8Array(size);
  if (isFastSymlink(engine, inode)) {
    stored.set(inode.raw.subarray(I_BLOCK_OFFSET, I_BLOCK_OFFSET + size));
  } else readFile(engine, inode, 0, stored);
  const length = (stored[0] ?? 0) + (stored[1] ?? 0) * 256;
  if (length < MIN_STORED_BYTES || length + 2 > size) {
    throw corruptInode(inode, `an encrypted target of ${length} bytes with i_size ${size}`);
  }
  const shown = new Uint8Array(MAX_NO_KEY_NAME_BYTES);
  const shownLength = encodeNoKeyName(stored, 2, 2 + length, 0, 0, shown);
  if (shownLength > target.length) throw corruptInode(inode, "an encrypted target is too long");
  target.set(shown.subarray(0, shownLength));
  return shownLength;
}
