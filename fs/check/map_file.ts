/**
 * Where the blocks of a small hidden file lie, without checking more than is needed to be safe.
 *
 * @module
 */

import {
  entryFileBlock,
  extentBlocks,
  extentDepth,
  extentDiskBlock,
  extentEntries,
  extentEntryOffset,
  indexChildBlock,
} from "../layout/extent.ts";
import { DIRECT_BLOCKS, I_BLOCK_SLOTS } from "../layout/indirect.ts";
import { I_BLOCK_BYTES, I_BLOCK_OFFSET, InodeFlag } from "../layout/inode.ts";
import type { BlockReader } from "./block_reader.ts";
import { extentHeaderIsGood } from "./extent_tree.ts";
import type { RawInode } from "./raw_inode.ts";

const MAX_DEPTH = 5;

/** Disk block of each of the first `count` file blocks; 0 where nothing is mapped. */
export function diskBlocksOf(reader: BlockReader, raw: RawInode, count: number): Float64Array {
  const blocks = new Float64Array(Math.max(0, count));
  if (raw.has(InodeFlag.INLINE_DATA)) return blocks;
  if (raw.has(InodeFlag.EXTENTS)) {
    const root = raw.offset + I_BLOCK_OFFSET;
    if (extentHeaderIsGood(raw.view, root, I_BLOCK_BYTES)) {
      fromExtents(reader, raw.view, root, blocks, 0, new Set());
    }
    return blocks;
  }
  let fileBlock = 0;
  const pointers = reader.blockBytes / 4;
  const seen = new Set<number>();
  for (let slot = 0; slot < I_BLOCK_SLOTS && fileBlock < blocks.length; slot++) {
    const levels = Math.max(0, slot - DIRECT_BLOCKS + 1);
    fromMap(reader, raw.block(slot), levels, fileBlock, blocks, seen);
    fileBlock += pointers ** levels;
  }
  return blocks;
}

/** @param seen blocks of the tree that were read: none is read twice. */
function fromExtents(
  reader: BlockReader,
  view: DataView,
  node: number,
  blocks: Float64Array,
  level: number,
  seen: Set<number>,
): void {
  const isLeaf = extentDepth(view, node) === 0;
  for (let index = 0; index < extentEntries(view, node); index++) {
    const entry = extentEntryOffset(node, index);
    if (isLeaf) {
      const first = entryFileBlock(view, entry);
      const disk = extentDiskBlock(view, entry);
      const end = Math.min(blocks.length, first + extentBlocks(view, entry));
      for (let block = first; block < end; block++) blocks[block] = disk + block - first;
      continue;
    }
    const child = indexChildBlock(view, entry);
    if (level >= MAX_DEPTH || seen.has(child) || child >= reader.deviceBlocks) continue;
    seen.add(child);
    const bytes = reader.buffer();
    if (!reader.read(child, bytes)) continue;
    const below = new DataView(bytes.buffer);
    if (!extentHeaderIsGood(below, 0, bytes.length)) continue;
    if (extentDepth(below, 0) !== extentDepth(view, node) - 1) continue;
    fromExtents(reader, below, 0, blocks, level + 1, seen);
  }
}

function fromMap(
  reader: BlockReader,
  block: number,
  levels: number,
  fileBlock: number,
  blocks: Float64Array,
  seen: Set<number>,
): void {
  if (block === 0 || fileBlock >= blocks.length) return;
  if (levels === 0) {
    blocks[fileBlock] = block;
    return;
  }
  if (seen.has(block) || block >= reader.deviceBlocks) return;
  seen.add(block);
  const bytes = reader.buffer();
  if (!reader.read(block, bytes)) return;
  const view = new DataView(bytes.buffer);
  const pointers = bytes.length / 4;
  const below = pointers ** (levels - 1);
  for (let index = 0; index < pointers && fileBlock + index * below < blocks.length; index++) {
    const child = view.getUint32(index * 4, true);
    fromMap(reader, child, levels - 1, fileBlock + index * below, blocks, seen);
  }
}
