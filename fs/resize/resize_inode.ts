/**
 * The resize inode (number 7): a double indirect block names the blocks kept behind the descriptor table for more
 * descriptors, and each of those the blocks kept behind the table's copies. Kernel documentation:
 * filesystems/ext4/special_inodes.
 *
 * @module
 */

import type { Editor } from "../edit/editor.ts";
import { viewOf } from "../edit/blocks.ts";
import { Corrupt } from "../errors.ts";
import { Compat } from "../layout/features.ts";
import { DOUBLE_INDIRECT_SLOT, I_BLOCK_SLOTS } from "../layout/indirect.ts";
import { I_BLOCK_OFFSET } from "../layout/inode.ts";
import { groupHasSuperblock, RESIZE_INODE } from "../layout/superblock.ts";

const SLOT_OFFSET = I_BLOCK_OFFSET + 4 * DOUBLE_INDIRECT_SLOT;

/** The double indirect block; 0 without the feature. @throws Corrupt */
export function resizeMapBlock(editor: Editor): number {
  if (!editor.superblock.hasCompat(Compat.RESIZE_INODE)) return 0;
  const block = editor.readInode(RESIZE_INODE).view.getUint32(SLOT_OFFSET, true);
  if (!editor.geometry.blocksInRange(block, 1)) {
    throw new Corrupt("resize inode", "i_block[13]", `block ${block}`);
  }
  return block;
}

/** Writes the whole map anew, for the superblock as it is, with its double indirect block at `mapBlock`. */
export function writeResizeInode(editor: Editor, mapBlock: number): void {
  const { geometry, superblock, blocks } = editor;
  const { blockBytes, descriptorBlocks } = geometry;
  const pointers = blockBytes / 4;
  const backups: number[] = [];
  for (let group = 1; group < geometry.groupCount; group++) {
    if (groupHasSuperblock(superblock, group)) backups.push(group);
  }
  const map = blocks.fresh(mapBlock);
  const reserved = superblock.reservedGdtBlocks;
  for (let i = 0; i < reserved; i++) {
    const primary = geometry.superblockBlock + 1 + descriptorBlocks + i;
    viewOf(map).setUint32(((descriptorBlocks + i) % pointers) * 4, primary, true);
    const copies = viewOf(blocks.fresh(primary));
    backups.slice(0, pointers).forEach((group, index) => {
      copies.setUint32(4 * index, primary + group * geometry.blocksPerGroup, true);
    });
  }
  const inode = editor.readInode(RESIZE_INODE);
  inode.view.setUint32(SLOT_OFFSET, mapBlock, true);
  const owned = 1 + reserved * (1 + Math.min(backups.length, pointers));
  inode.sectors = owned * geometry.clusterBlocks * (blockBytes / 512);
  inode.size = (pointers * pointers + pointers + 12) * blockBytes;
  inode.links = 1;
  editor.writeInode(inode);
}

/** Takes the resize inode away: there is nothing reserved any more. */
export function removeResizeInode(editor: Editor): void {
  const block = resizeMapBlock(editor);
  if (block === 0) return;
  const inode = editor.readInode(RESIZE_INODE);
  for (let slot = 0; slot < I_BLOCK_SLOTS; slot++) {
    inode.view.setUint32(I_BLOCK_OFFSET + 4 * slot, 0, true);
  }
  inode.sectors = 0;
  inode.size = 0;
  editor.writeInode(inode);
  editor.mark(block, 1, false);
  editor.superblock.featureCompat &= ~Compat.RESIZE_INODE;
}
