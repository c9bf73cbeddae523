/**
 * Directory blocks with and without checksums: the tail of leaves, the shorter limit of index blocks.
 *
 * @module
 */

import { viewOf } from "../edit/blocks.ts";
import { EINVAL } from "../errno.ts";
import { Corrupt, Unsupported } from "../errors.ts";
import {
  DIRENT_HASH_BYTES,
  DIRENT_TAIL_BYTES,
  direntBytes,
  direntInode,
  direntNameLen,
  direntProblem,
  direntRecLen,
  hasDirentTail,
  setDirentBlockChecksum,
  setDirentRecLen,
  writeDirentTail,
} from "../layout/dirent.ts";
import {
  htreeBlock,
  htreeCount,
  htreeLimit,
  NODE_ENTRIES_OFFSET,
  nodeLimit,
  ROOT_ENTRIES_OFFSET,
  rootIndirectLevels,
  rootLimit,
  setHtreeBlockChecksum,
} from "../layout/htree.ts";

/** A directory's blocks, by file block; holes are left out. */
export interface DirectoryBlocks {
  readonly ino: number;
  /** It has an index. */
  readonly indexed: boolean;
  /** Entries carry hashes behind their names. */
  readonly hashed: boolean;
  readonly bytesOf: ReadonlyMap<number, Uint8Array>;
}

/** File blocks that are inner nodes of the index, the root not included. */
export function indexNodes(directory: DirectoryBlocks): ReadonlySet<number> {
  const nodes = new Set<number>();
  const root = directory.bytesOf.get(0);
  if (!directory.indexed || root === undefined) return nodes;
  const walk = (view: DataView, entries: number, levels: number): void => {
    const count = Math.min(htreeCount(view, entries), htreeLimit(view, entries));
    if (entries + 8 * count > view.byteLength) throw corrupt(directory, 0, "count");
    for (let index = 0; index < count && levels > 0; index++) {
      const block = htreeBlock(view, entries, index);
      const bytes = directory.bytesOf.get(block);
      if (bytes === undefined || block === 0 || nodes.has(block)) {
        throw corrupt(directory, block, "block");
      }
      nodes.add(block);
      walk(viewOf(bytes), NODE_ENTRIES_OFFSET, levels - 1);
    }
  };
  const view = viewOf(root);
  walk(view, ROOT_ENTRIES_OFFSET, Math.min(2, rootIndirectLevels(view)));
  return nodes;
}

function corrupt(directory: DirectoryBlocks, block: number, field: string): Corrupt {
  return new Corrupt("directory index", `inode ${directory.ino} block ${block}`, field);
}

/** Byte offset of the index entries in a block, or undefined for a leaf. */
function entriesOffset(
  directory: DirectoryBlocks,
  nodes: ReadonlySet<number>,
  fileBlock: number,
): number | undefined {
  if (directory.indexed && fileBlock === 0) return ROOT_ENTRIES_OFFSET;
  return nodes.has(fileBlock) ? NODE_ENTRIES_OFFSET : undefined;
}

/**
 * Brings a directory's blocks, in place, from one way of checksums to another.
 * @param had they have checksums.
 * @param seed the directory's new checksum seed; undefined: without.
 * @throws Unsupported EINVAL when there is no room for a checksum.
 */
export function sealDirectory(
  directory: DirectoryBlocks,
  had: boolean,
  seed: number | undefined,
): void {
  const nodes = indexNodes(directory);
  for (const [fileBlock, bytes] of directory.bytesOf) {
    const view = viewOf(bytes);
    const entries = entriesOffset(directory, nodes, fileBlock);
    if (entries !== undefined) sealIndex(directory, bytes, view, entries, seed);
    else sealLeaf(directory, bytes, view, had, seed);
  }
}

function sealIndex(
  directory: DirectoryBlocks,
  bytes: Uint8Array,
  view: DataView,
  entries: number,
  seed: number | undefined,
): void {
  const limitOf = entries === ROOT_ENTRIES_OFFSET ? rootLimit : nodeLimit;
  const limit = limitOf(bytes.length, seed !== undefined);
  if (htreeCount(view, entries) > limit) throw noRoom(directory);
  view.setUint16(entries, limit, true);
  if (seed !== undefined) setHtreeBlockChecksum(bytes, view, entries, seed);
}

function sealLeaf(
  directory: DirectoryBlocks,
  bytes: Uint8Array,
  view: DataView,
  had: boolean,
  seed: number | undefined,
): void {
  if (seed === undefined) {
    if (had && hasDirentTail(view, bytes.length)) swallowTail(bytes, view);
    return;
  }
  if (!had || !hasDirentTail(view, bytes.length)) {
    packEntries(directory, bytes, view);
    writeDirentTail(view, bytes.length);
  }
  setDirentBlockChecksum(bytes, view, seed);
}

/** The last entry takes the tail's place. */
function swallowTail(bytes: Uint8Array, view: DataView): void {
  const end = bytes.length;
  const tail = end - DIRENT_TAIL_BYTES;
  for (let at = 0; at < tail;) {
    const length = direntRecLen(view, at, end);
    if (length < DIRENT_TAIL_BYTES) return;
    if (at + length >= tail) {
      bytes.fill(0, tail);
      setDirentRecLen(view, at, end - at, end);
      return;
    }
    at += length;
  }
}

/** Moves the entries together, so that the tail has room. */
function packEntries(directory: DirectoryBlocks, bytes: Uint8Array, view: DataView): void {
  const end = bytes.length;
  const room = end - DIRENT_TAIL_BYTES;
  const used: { at: number; length: number }[] = [];
  let lastAt = 0;
  for (let at = 0; at < end;) {
    const problem = direntProblem(view, at, end, end, 0xffffffff);
    if (problem !== undefined) {
      throw new Corrupt("directory entry", `inode ${directory.ino}`, problem);
    }
    lastAt = at;
    if (direntInode(view, at) !== 0) {
      const hash = directory.hashed ? DIRENT_HASH_BYTES : 0;
      const length = direntBytes(direntNameLen(view, at) + hash);
      used.push({ at, length: Math.min(length, direntRecLen(view, at, end)) });
    }
    at += direntRecLen(view, at, end);
  }
  const last = used.at(-1);
  const enough = last === undefined
    ? lastAt + DIRENT_TAIL_BYTES <= room
    : last.at + last.length <= room;
  if (enough && (last === undefined || last.at === lastAt) && lastAt + DIRENT_TAIL_BYTES <= room) {
    setDirentRecLen(view, lastAt, room - lastAt, end);
    return;
  }
  if (used.reduce((sum, { length }) => sum + length, 0) > room) throw noRoom(directory);
  const old = bytes.slice();
  bytes.fill(0);
  let to = 0;
  used.forEach(({ at, length }, index) => {
    bytes.set(old.subarray(at, at + length), to);
    const stays = index === used.length - 1 ? room - to : length;
    setDirentRecLen(view, to, stays, end);
    to += length;
  });
  if (used.length === 0) setDirentRecLen(view, 0, room, end);
}

function noRoom({ ino }: DirectoryBlocks): Unsupported {
  return new Unsupported(
    EINVAL,
    `directory inode ${ino} has no room for checksums: run e2fsck -fD first`,
  );
}

/** Makes an indexed directory a linear one: index blocks become leaves without entries. */
export function dropIndex(directory: DirectoryBlocks, seed: number | undefined): void {
  const nodes = indexNodes(directory);
  for (const [fileBlock, bytes] of directory.bytesOf) {
    const entries = entriesOffset(directory, nodes, fileBlock);
    if (entries === undefined) continue;
    const view = viewOf(bytes);
    const from = entries === ROOT_ENTRIES_OFFSET ? DIRENT_TAIL_BYTES : 0;
    const end = bytes.length - (seed === undefined ? 0 : DIRENT_TAIL_BYTES);
    // Behind the entry for the parent, or behind an empty one.
    bytes.fill(0, from + DIRENT_TAIL_BYTES);
    setDirentRecLen(view, from, end - from, bytes.length);
    if (seed === undefined) continue;
    writeDirentTail(view, bytes.length);
    setDirentBlockChecksum(bytes, view, seed);
  }
}
