/**
 * The inodes below the first ordinary one: bad blocks, and the one that holds blocks for the growth of
 * the group descriptors.
 *
 * @module
 */

import { Compat } from "../layout/features.ts";
import { pointersPerBlock, TRIPLE_INDIRECT_SLOT } from "../layout/indirect.ts";
import { I_BLOCK_OFFSET, InodeRecord, S_IFREG } from "../layout/inode.ts";
import { BAD_BLOCKS_INODE, RESIZE_INODE, ROOT_INODE } from "../layout/superblock.ts";
import type { Maker } from "./maker.ts";

/** Takes the reserved inode numbers, and makes the inode of bad blocks. */
export function reserveInodes(maker: Maker): void {
  const { space, superblock } = maker;
  for (let ino = 1; ino < superblock.firstInode; ino++) {
    if (!maker.inodes.has(ino)) maker.inodes.set(ino, blank(maker, ino));
    if (ino > ROOT_INODE) space.takeInode(ino, false);
  }
  space.takeInode(BAD_BLOCKS_INODE, false);
  const bad = blank(maker, BAD_BLOCKS_INODE);
  bad.atime = bad.mtime = bad.ctime = maker.now;
  maker.inodes.set(BAD_BLOCKS_INODE, bad);
  const blocks = [...new Set(maker.options.badBlocks ?? [])].sort((a, b) => a - b);
  if (blocks.length === 0) return;
  const map = maker.mapFile(bad, false);
  let goal = 0;
  blocks.forEach((block, fileBlock) => {
    goal = map.prepare(fileBlock, goal);
    map.append(block, 1);
  });
  map.finish();
  bad.sectors = (blocks.length * maker.superblock.clusterBytes) / 512;
  bad.size = blocks.length * maker.blockBytes;
}

function blank(maker: Maker, ino: number): InodeRecord {
  const inode = new InodeRecord(ino, maker.inodeFormat);
  inode.updateChecksumSeed();
  return inode;
}

/**
 * The resize inode: its double indirect block names the reserved descriptor blocks of group 0, and each
 * of these names its copies in the groups with backups.
 */
export function makeResizeInode(maker: Maker): void {
  const { space, superblock } = maker;
  if (!superblock.hasCompat(Compat.RESIZE_INODE)) return;
  const { geometry } = space;
  const reserved = superblock.reservedGdtBlocks;
  const first = geometry.superblockBlock + 1 + geometry.descriptorBlocks;
  const inode = maker.newInode(RESIZE_INODE, S_IFREG | 0o600);
  const doubleIndirect = space.allocate(first - 1 + reserved + 2 + geometry.inodeTableBlocks);
  inode.view.setUint32(I_BLOCK_OFFSET + 4 * (TRIPLE_INDIRECT_SLOT - 1), doubleIndirect, true);
  const pointers = pointersPerBlock(maker.blockBytes);
  inode.size = (pointers * pointers + pointers + 12) * maker.blockBytes;

  const distances = space.backupGroups.map((group) => group * geometry.blocksPerGroup);
  const table = maker.emptyBlock();
  const tableView = new DataView(table.buffer);
  const lists = new Uint8Array(reserved * maker.blockBytes);
  const listsView = new DataView(lists.buffer);
  for (let i = 0; i < reserved; i++) {
    const at = i * maker.blockBytes;
    distances.forEach((distance, index) => {
      listsView.setUint32(at + 4 * index, first + i + distance, true);
    });
    const slot = (geometry.descriptorBlocks + i) % pointers;
    tableView.setUint32(4 * slot, first + i, true);
  }
  if (reserved > 0) maker.writer.put(first, lists);
  maker.writer.put(doubleIndirect, table);
  maker.charge(inode, 1 + reserved * (1 + distances.length));
}
