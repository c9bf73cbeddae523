/**
 * What a lookup in a file's block map finds, and the memory of the last one.
 *
 * @module
 */

import { InodeFlag } from "../layout/inode.ts";
import type { Inode } from "../volume/inode.ts";

/** Where a run of file blocks lies. */
export interface Mapping {
  /** First disk block; 0 for a hole. */
  diskBlock: number;
  /** Length of the run in blocks, at least 1; for a hole too. */
  blocks: number;
  /** Allocated, but reads as zeros. */
  unwritten: boolean;
}

/** A mapping made or found by `allocateRange`. */
export interface AllocatedMapping extends Mapping {
  /** Allocated just now: the blocks hold old content. */
  fresh: boolean;
}

/** What kind of blocks `allocateRange` is to make. */
export interface AllocateOptions {
  /** Blocks that are to read as zeros; not for block-mapped files. */
  readonly unwritten: boolean;
  /** May use the blocks reserved for the superuser. */
  readonly privileged: boolean;
  /** The file grows at its end: reserve what follows for it. */
  readonly append: boolean;
  /** For a directory or the like: no room is reserved. */
  readonly metadata: boolean;
}

/** Whether the inode's blocks go through the buffer cache and the journal, so that freeing one must drop its buffer. */
export function holdsMetadata(inode: Inode): boolean {
  return !inode.isRegular || inode.has(InodeFlag.EA_INODE | InodeFlag.JOURNAL_DATA);
}

/** A record for `lookup` and `allocateRange` to fill. */
export function newMapping(): AllocatedMapping {
  return { diskBlock: 0, blocks: 0, unwritten: false, fresh: false };
}

/** Fills `out` from the mapping found last, if it covers `fileBlock`. */
export function recall(
  inode: Inode,
  fileBlock: number,
  maxBlocks: number,
  out: Mapping,
): boolean {
  const skipped = fileBlock - inode.mapFileBlock;
  if (skipped < 0 || skipped >= inode.mapBlocks) return false;
  out.diskBlock = inode.mapDiskBlock === 0 ? 0 : inode.mapDiskBlock + skipped;
  out.blocks = Math.min(maxBlocks, inode.mapBlocks - skipped);
  out.unwritten = inode.mapUnwritten;
  return true;
}

/** Remembers a mapping. `diskBlock` 0 is a hole. */
export function remember(
  inode: Inode,
  fileBlock: number,
  diskBlock: number,
  blocks: number,
  unwritten: boolean,
): void {
  inode.mapFileBlock = fileBlock;
  inode.mapDiskBlock = diskBlock;
  inode.mapBlocks = blocks;
  inode.mapUnwritten = unwritten;
}
