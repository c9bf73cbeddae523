/** The blocks of a base image's inode: those that map, and those that are mapped. @module */

import {
  entryFileBlock,
  extentBlocks,
  extentDepth,
  extentDiskBlock,
  extentEntries,
  extentEntryOffset,
  indexChildBlock,
} from "../../fs/layout/extent.ts";
import { I_BLOCK_OFFSET, InodeFlag } from "../../fs/layout/inode.ts";

/** Where an inode's blocks are. */
export interface InodeBlocks {
  readonly extentNodes: number[];
  readonly indirect: number[];
  /** Disk blocks by file block. */
  readonly data: Map<number, number>;
}

/** Follows the map of the inode in `inode`. @param block gives the bytes of a disk block. */
export function inodeBlocks(inode: DataView, block: (diskBlock: number) => DataView): InodeBlocks {
  const found: InodeBlocks = { extentNodes: [], indirect: [], data: new Map() };
  const root = new DataView(inode.buffer, inode.byteOffset + I_BLOCK_OFFSET, 60);
  const flags = inode.getUint32(0x20, true);
  if ((flags & InodeFlag.INLINE_DATA) !== 0) return found;
  if ((flags & InodeFlag.EXTENTS) !== 0) followExtents(root, block, found);
  else followPointers(root, block, found);
  return found;
}

function followExtents(
  node: DataView,
  block: (diskBlock: number) => DataView,
  found: InodeBlocks,
): void {
  const depth = extentDepth(node, 0);
  for (let index = 0; index < extentEntries(node, 0); index++) {
    const entry = extentEntryOffset(0, index);
    if (depth > 0) {
      const child = indexChildBlock(node, entry);
      found.extentNodes.push(child);
      followExtents(block(child), block, found);
      continue;
    }
    for (let i = 0; i < extentBlocks(node, entry); i++) {
      found.data.set(entryFileBlock(node, entry) + i, extentDiskBlock(node, entry) + i);
    }
  }
}

function followPointers(
  root: DataView,
  block: (diskBlock: number) => DataView,
  found: InodeBlocks,
): void {
  let fileBlock = 0;
  const follow = (pointer: number, levels: number, pointers: number): void => {
    if (levels === 0) {
      if (pointer !== 0) found.data.set(fileBlock, pointer);
      fileBlock++;
      return;
    }
    if (pointer === 0) {
      fileBlock += pointers ** levels;
      return;
    }
    found.indirect.push(pointer);
    const view = block(pointer);
    for (let at = 0; at < view.byteLength; at += 4) {
      follow(view.getUint32(at, true), levels - 1, pointers);
    }
  };
  const pointers = block(0).byteLength / 4;
  for (let slot = 0; slot < 15; slot++) {
    follow(root.getUint32(slot * 4, true), Math.max(0, slot - 11), pointers);
  }
}
