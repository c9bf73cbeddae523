/**
 * The list of bad blocks: they are in use by nobody else.
 *
 * @module
 */

import { DIRECT_BLOCKS, I_BLOCK_SLOTS } from "../layout/indirect.ts";
import type { CheckContext } from "./context.ts";
import type { RawInode } from "./raw_inode.ts";

/** Claims the blocks of the bad blocks inode. */
export function claimBadBlocks(check: CheckContext, raw: RawInode): void {
  const bitmaps = new Set<number>();
  for (let slot = 0; slot < I_BLOCK_SLOTS; slot++) {
    const block = raw.block(slot);
    if (block === 0) continue;
    if (bitmaps.size === 0) {
      for (const bitmap of check.groups.blockBitmap) bitmaps.add(bitmap);
      for (const bitmap of check.groups.inodeBitmap) bitmaps.add(bitmap);
    }
    claim(check, bitmaps, block, Math.max(0, slot - DIRECT_BLOCKS + 1));
  }
}

/** @param levels of indirect blocks: 0 for a bad block itself. */
function claim(
  check: CheckContext,
  bitmaps: ReadonlySet<number>,
  block: number,
  levels: number,
): void {
  const { findings, reader } = check;
  if (!check.inRange(block)) {
    findings.add("bad_blocks_block", { block });
    return;
  }
  const cluster = check.cluster(block);
  if (check.usedClusters.has(cluster)) {
    // Bad blocks in inode tables and in backups are borne; not in bitmaps and the primary copies.
    const { superblockBlock, descriptorBlocks } = check.geometry;
    const isPrimary = block <= superblockBlock + descriptorBlocks;
    if (levels > 0 || isPrimary || bitmaps.has(block)) {
      findings.add("bad_blocks_metadata", { block });
    }
    return;
  }
  check.usedClusters.set(cluster);
  if (levels === 0) return;
  const bytes = reader.buffer();
  if (!reader.read(block, bytes)) return;
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < bytes.length; at += 4) {
    const child = view.getUint32(at, true);
    if (child !== 0) claim(check, bitmaps, child, levels - 1);
  }
}
