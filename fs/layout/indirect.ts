/**
 * The block map of files without extents: i_block has 12 direct block numbers and the numbers of a single, a double
 * and a triple indirect block. An indirect block is an array of 32-bit block numbers; 0 is a hole, of all that would
 * hang below it. Indirect blocks have no checksum.
 *
 * Kernel documentation: Documentation/filesystems/ext4/ifork.rst, "Direct/Indirect Block Addressing".
 *
 * @module
 */

export const DIRECT_BLOCKS = 12;
/** Slots of i_block that name the root of an indirect tree. */
export const SINGLE_INDIRECT_SLOT = 12;
export const DOUBLE_INDIRECT_SLOT = 13;
export const TRIPLE_INDIRECT_SLOT = 14;
export const I_BLOCK_SLOTS = 15;

/** Block numbers in an indirect block. */
export function pointersPerBlock(blockBytes: number): number {
  return blockBytes / 4;
}

/** File blocks that the map can address: the first that it cannot. At most 2^32 - 1, as with extents. */
export function maxMappedBlocks(blockBytes: number): number {
  const pointers = pointersPerBlock(blockBytes);
  return Math.min(DIRECT_BLOCKS + pointers + pointers ** 2 + pointers ** 3, 0xffffffff);
}

/**
 * Finds the way to a file block: `path[0]` becomes the slot of i_block, `path[1]` the slot in the indirect block named
 * there, and so on.
 *
 * @param path at least 4 numbers, written to.
 * @returns the indirect blocks on the way: 0 to 3; or -1 if the map cannot address the file block.
 */
export function indirectPath(fileBlock: number, blockBytes: number, path: Uint32Array): number {
  const pointers = pointersPerBlock(blockBytes);
  if (fileBlock < DIRECT_BLOCKS) {
    path[0] = fileBlock;
    return 0;
  }
  let rest = fileBlock - DIRECT_BLOCKS;
  if (rest < pointers) {
    path[0] = SINGLE_INDIRECT_SLOT;
    path[1] = rest;
    return 1;
  }
  rest -= pointers;
  if (rest < pointers * pointers) {
    path[0] = DOUBLE_INDIRECT_SLOT;
    path[1] = Math.floor(rest / pointers);
    path[2] = rest % pointers;
    return 2;
  }
  rest -= pointers * pointers;
  if (rest >= pointers * pointers * pointers) return -1;
  path[0] = TRIPLE_INDIRECT_SLOT;
  path[1] = Math.floor(rest / (pointers * pointers));
  path[2] = Math.floor(rest / pointers) % pointers;
  path[3] = rest % pointers;
  return 3;
}

/** File blocks below one slot of an indirect block with `levels` levels of indirect blocks under it (0: a data block). */
export function blocksBelowSlot(levels: number, blockBytes: number): number {
  return pointersPerBlock(blockBytes) ** levels;
}

/** First file block that hangs below slot `slot` of i_block. */
export function firstBlockOfSlot(slot: number, blockBytes: number): number {
  const pointers = pointersPerBlock(blockBytes);
  if (slot <= SINGLE_INDIRECT_SLOT) return slot;
  if (slot === DOUBLE_INDIRECT_SLOT) return DIRECT_BLOCKS + pointers;
  return DIRECT_BLOCKS + pointers + pointers * pointers;
}
