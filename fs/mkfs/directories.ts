/**
 * The root directory and lost+found.
 *
 * @module
 */

import {
  DIRENT_TAIL_BYTES,
  direntBytes,
  FileType,
  setDirentBlockChecksum,
  setDirentRecLen,
  writeDirent,
  writeDirentTail,
} from "../layout/dirent.ts";
import { Incompat } from "../layout/features.ts";
import { type InodeRecord, S_IFDIR } from "../layout/inode.ts";
import { ROOT_INODE } from "../layout/superblock.ts";
import { writeXattrEntry, XATTR_MAGIC, xattrEntryBytes, xattrValueBytes } from "../layout/xattr.ts";
import { xattrEntryHash } from "../layout/xattr_hash.ts";
import { XattrIndex } from "../layout/xattr_name.ts";
import { allocateFile } from "./file_blocks.ts";
import { FormatError } from "./format_error.ts";
import type { Maker } from "./maker.ts";

const encoder = new TextEncoder();

interface NewEntry {
  readonly name: string;
  readonly ino: number;
}

/** Makes both directories. */
export function makeDirectories(maker: Maker): void {
  const { space, superblock, options } = maker;
  const root = maker.newInode(ROOT_INODE, S_IFDIR | (options.rootPermissions ?? 0o755));
  root.uid = options.rootUid ?? 0;
  root.gid = options.rootGid ?? 0;
  root.links = 3;
  const rootMap = maker.mapFile(root);
  const [rootBlock = 0] = allocateFile(maker, root, rootMap, space.inodeGoal(ROOT_INODE), 1);
  rootMap.finish();
  root.size = maker.blockBytes;
  space.takeInode(ROOT_INODE, true);
  if (options.rootSelinux !== undefined) setSelinux(root, options.rootSelinux);

  const ino = space.allocateInode(true);
  const lost = maker.newInode(ino, S_IFDIR | 0o700);
  lost.links = 2;
  const blocks = lostFoundBlocks(maker.blockBytes, superblock.hasIncompat(Incompat.INLINE_DATA));
  const map = maker.mapFile(lost);
  const diskBlocks = allocateFile(maker, lost, map, space.inodeGoal(ino), blocks);
  map.finish();
  lost.size = blocks * maker.blockBytes;

  putDirectory(maker, root, rootBlock, [
    { name: ".", ino: ROOT_INODE },
    { name: "..", ino: ROOT_INODE },
    { name: "lost+found", ino },
  ]);
  maker.root = { inode: root, blocks: [rootBlock] };
  maker.lostFound = { inode: lost, blocks: diskBlocks };
  diskBlocks.forEach((block, index) => {
    const entries = index > 0 ? [] : [{ name: ".", ino }, { name: "..", ino: ROOT_INODE }];
    putDirectory(maker, lost, block, entries);
  });
}

/** Blocks that lost+found gets: 16 KiB, at least two, at most what the inode maps directly. */
function lostFoundBlocks(blockBytes: number, inline: boolean): number {
  let expansions = 0;
  for (let bytes = blockBytes; expansions < 11; bytes += blockBytes) {
    if (bytes >= 16 * 1024 && bytes >= 2 * blockBytes) break;
    expansions++;
  }
  // With inline_data the first expansion turns the inline directory into a block.
  return inline ? expansions : expansions + 1;
}

function putDirectory(
  maker: Maker,
  inode: InodeRecord,
  diskBlock: number,
  entries: readonly NewEntry[],
): void {
  const { blockBytes, superblock } = maker;
  const block = maker.emptyBlock();
  const view = new DataView(block.buffer);
  const end = blockBytes - (maker.seed === undefined ? 0 : DIRENT_TAIL_BYTES);
  const type = superblock.hasIncompat(Incompat.FILETYPE) ? FileType.DIRECTORY : FileType.UNKNOWN;
  if (entries.length === 0) setDirentRecLen(view, 0, end, blockBytes);
  let at = 0;
  entries.forEach((entry, index) => {
    const name = encoder.encode(entry.name);
    const length = index === entries.length - 1 ? end - at : direntBytes(name.length);
    writeDirent(block, view, at, entry.ino, length, blockBytes, type, name);
    at += length;
  });
  if (maker.seed !== undefined) {
    writeDirentTail(view, blockBytes);
    setDirentBlockChecksum(block, view, inode.checksumSeed);
  }
  maker.writer.put(diskBlock, block);
}

/** Stores security.selinux in the inode. */
function setSelinux(inode: InodeRecord, context: string): void {
  const { raw, view, extraBytes } = inode;
  const name = encoder.encode("selinux");
  const value = encoder.encode(`${context}\0`);
  const header = 128 + extraBytes;
  const first = header + 4;
  const room = raw.length - first - 4;
  if (extraBytes === 0 || room < xattrEntryBytes(name.length) + xattrValueBytes(value.length)) {
    throw new FormatError("rootSelinux", "the SELinux context does not fit in the root inode");
  }
  view.setUint32(header, XATTR_MAGIC, true);
  const valueAt = raw.length - xattrValueBytes(value.length);
  raw.set(value, valueAt);
  const index = XattrIndex.SECURITY;
  const hash = xattrEntryHash(name, value);
  writeXattrEntry(raw, view, first, index, name, valueAt - first, 0, value.length, hash);
}
