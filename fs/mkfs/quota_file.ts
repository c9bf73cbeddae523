/**
 * The content of a new quota file: the usage of a few identifiers, no limits.
 *
 * @module
 */

import {
  encodeQuotaDataHeader,
  encodeQuotaEntry,
  encodeQuotaHeader,
  QUOTA_BLOCK_BYTES,
  QUOTA_ENTRIES_PER_BLOCK,
  QUOTA_ROOT_BLOCK,
  QUOTA_TREE_DEPTH,
  quotaEntryOffset,
  quotaTreeBlock,
  quotaTreeSlot,
  setQuotaTreeBlock,
} from "../layout/quota.ts";

/** What an identifier uses. */
export interface Usage {
  readonly spaceBytes: number;
  readonly inodes: number;
}

const GRACE_SECONDS = 7 * 24 * 60 * 60;

/** Builds the file. @param magic which kind of quota, of `QuotaMagic`. */
export function quotaFile(magic: number, usage: ReadonlyMap<number, Usage>): Uint8Array {
  const blocks: DataView[] = [];
  const newBlock = (): number => blocks.push(new DataView(new ArrayBuffer(QUOTA_BLOCK_BYTES))) - 1;
  newBlock();
  newBlock();
  let dataBlock = 0;
  let entries = 0;
  for (const id of [...usage.keys()].sort((a, b) => a - b)) {
    let block = QUOTA_ROOT_BLOCK;
    for (let level = 0; level < QUOTA_TREE_DEPTH - 1; level++) {
      block = child(blocks, newBlock, block, quotaTreeSlot(id, level));
    }
    if (dataBlock === 0 || entries === QUOTA_ENTRIES_PER_BLOCK) {
      dataBlock = newBlock();
      entries = 0;
    }
    const parent = view(blocks, block);
    setQuotaTreeBlock(parent, quotaTreeSlot(id, QUOTA_TREE_DEPTH - 1), dataBlock);
    const used = usage.get(id) ?? { spaceBytes: 0, inodes: 0 };
    encodeQuotaEntry(view(blocks, dataBlock), quotaEntryOffset(entries++), {
      id,
      inodeHardLimit: 0,
      inodeSoftLimit: 0,
      inodes: used.inodes,
      blockHardLimit: 0,
      blockSoftLimit: 0,
      spaceBytes: used.spaceBytes,
      blockTime: 0,
      inodeTime: 0,
    });
    encodeQuotaDataHeader(view(blocks, dataBlock), { nextFree: 0, previousFree: 0, entries });
  }
  encodeQuotaHeader(view(blocks, 0), magic, {
    blockGrace: GRACE_SECONDS,
    inodeGrace: GRACE_SECONDS,
    flags: 0,
    blocks: blocks.length,
    freeBlock: 0,
    freeEntryBlock: entries < QUOTA_ENTRIES_PER_BLOCK ? dataBlock : 0,
  });
  const file = new Uint8Array(blocks.length * QUOTA_BLOCK_BYTES);
  blocks.forEach((block, index) => {
    file.set(new Uint8Array(block.buffer), index * QUOTA_BLOCK_BYTES);
  });
  return file;
}

function view(blocks: readonly DataView[], block: number): DataView {
  const found = blocks[block];
  if (found === undefined) throw new RangeError(`quota block ${block}`);
  return found;
}

/** The block below a slot, made if there is none. */
function child(
  blocks: readonly DataView[],
  newBlock: () => number,
  block: number,
  slot: number,
): number {
  const existing = quotaTreeBlock(view(blocks, block), slot);
  if (existing !== 0) return existing;
  const made = newBlock();
  setQuotaTreeBlock(view(blocks, block), slot, made);
  return made;
}
