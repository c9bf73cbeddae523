/**
 * The resize inode, which holds the blocks kept for growing the group descriptors.
 *
 * @module
 */

import { Compat, Incompat } from "../layout/features.ts";
import { DOUBLE_INDIRECT_SLOT, I_BLOCK_SLOTS } from "../layout/indirect.ts";
import { RESIZE_INODE } from "../layout/superblock.ts";
import type { CheckContext } from "./context.ts";
import type { InodeReader } from "./inode_reader.ts";
import type { RawInode } from "./raw_inode.ts";
import { backupGroups } from "./superblock_rules.ts";

/** Checks the resize inode's map, or that it is blank without the feature. */
export function checkResizeInode(check: CheckContext, inodes: InodeReader): void {
  const { superblock, findings } = check;
  const has = superblock.hasCompat(Compat.RESIZE_INODE);
  if (has && superblock.hasIncompat(Incompat.META_BG)) findings.add("resize_inode_meta_bg", {});
  if (!has && superblock.reservedGdtBlocks !== 0) {
    findings.add("reserved_gdt_blocks", {}, superblock.reservedGdtBlocks, 0);
  }
  const raw = inodes.read(RESIZE_INODE);
  if (raw === undefined) return;
  if (!has) {
    for (let slot = 0; slot < I_BLOCK_SLOTS; slot++) {
      if (raw.block(slot) === 0) continue;
      findings.add("resize_inode_unused", { inode: RESIZE_INODE });
      return;
    }
    return;
  }
  const problem = inodeProblem(check, raw) ?? mapProblem(check, raw.block(DOUBLE_INDIRECT_SLOT));
  if (problem !== undefined) {
    findings.add("resize_inode", { inode: RESIZE_INODE }, undefined, undefined, problem);
  }
}

function inodeProblem(check: CheckContext, raw: RawInode): string | undefined {
  for (let slot = 0; slot < I_BLOCK_SLOTS; slot++) {
    if (slot !== DOUBLE_INDIRECT_SLOT && raw.block(slot) !== 0) return `i_block[${slot}] is set`;
  }
  if (!check.inRange(raw.block(DOUBLE_INDIRECT_SLOT)) || raw.block(DOUBLE_INDIRECT_SLOT) === 0) {
    return "no double indirect block";
  }
  if (raw.links === 0) return "i_links_count is 0";
  return (raw.mode & 0o100000) === 0 ? "i_mode is no regular file's" : undefined;
}

/** The double indirect block names the reserved blocks, and each of those its copies in backups. */
function mapProblem(check: CheckContext, doubleBlock: number): string | undefined {
  const { superblock, geometry, reader } = check;
  const double = reader.buffer();
  const single = reader.buffer();
  if (!reader.read(doubleBlock, double)) return "the double indirect block cannot be read";
  const doubleView = new DataView(double.buffer);
  const singleView = new DataView(single.buffer);
  const pointers = geometry.blockBytes / 4;
  let slot = geometry.descriptorBlocks;
  let block = geometry.superblockBlock + 1 + geometry.descriptorBlocks;
  const count = Math.floor(superblock.reservedGdtBlocks / 4);
  for (let i = 0; i < count; i++, slot++, block++) {
    const found = doubleView.getUint32((slot % pointers) * 4, true);
    if (found !== block) return `slot ${slot % pointers} names ${found}, not ${block}`;
    if (!reader.read(block, single)) return `block ${block} cannot be read`;
    let index = 0;
    for (const group of backupGroups(superblock, geometry.groupCount)) {
      const expected = block + group * geometry.blocksPerGroup;
      if (index >= pointers) break;
      if (singleView.getUint32(index * 4, true) !== expected >>> 0) {
        return `block ${block} does not name ${expected}`;
      }
      index++;
    }
  }
  return undefined;
}
