/**
 * Group descriptors with and without checksums, and what they allow: bitmaps and inode tables that are not there yet.
 *
 * @module
 */

import { EINVAL } from "../errno.ts";
import { Unsupported } from "../errors.ts";
import type { Editor } from "../edit/editor.ts";
import { BG_BLOCK_UNINIT, BG_INODE_UNINIT, BG_INODE_ZEROED } from "../layout/group_desc.ts";
import { Incompat, RoCompat } from "../layout/features.ts";
import type { FeatureWork } from "./features.ts";
import { reseal } from "./reseal.ts";

/** Sets uninit_bg. With metadata_csum it has no meaning. */
export function setGroupChecksums({ editor }: FeatureWork): void {
  if (editor.superblock.hasMetadataChecksums) {
    throw new Unsupported(EINVAL, "uninit_bg and metadata_csum exclude each other");
  }
  editor.groups.touchAll();
}

/** Clears uninit_bg: everything that was left out is written. */
export function clearGroupChecksums({ editor }: FeatureWork): void {
  makeWhole(editor);
}

/** Clears metadata_csum; descriptors keep a checksum, of uninit_bg. */
export function clearChecksums({ editor, progress, options }: FeatureWork): void {
  const { superblock } = editor;
  const none = (options.features ?? []).some((text) => /^[\^-](uninit_bg|gdt_csum)$/.test(text));
  if (none) makeWhole(editor);
  reseal(editor, () => {
    superblock.featureRoCompat = (superblock.featureRoCompat & ~RoCompat.METADATA_CSUM) >>> 0;
    superblock.featureIncompat = (superblock.featureIncompat & ~Incompat.CSUM_SEED) >>> 0;
    superblock.checksumSeedRaw = 0;
    superblock.checksum = 0;
    if (!none) superblock.featureRoCompat |= RoCompat.GDT_CSUM;
  }, progress);
}

/** Writes bitmaps that exist by rule only, and zeros where inode tables were never written. */
function makeWhole(editor: Editor): void {
  const { geometry, groups, device } = editor;
  for (let group = 0; group < geometry.groupCount; group++) {
    const descriptor = groups.get(group);
    groups.changeBlockBitmap(group);
    groups.changeInodeBitmap(group);
    const { unusedInodes, inodeTable } = descriptor;
    const used = Math.ceil((geometry.inodesPerGroup - unusedInodes) / geometry.inodesPerBlock);
    const rest = geometry.inodeTableBlocks - used;
    if (rest > 0 && (descriptor.flags & BG_INODE_ZEROED) === 0) {
      device.zero((inodeTable + used) * geometry.blockBytes, rest * geometry.blockBytes);
    }
    descriptor.unusedInodes = 0;
    descriptor.flags &= ~(BG_BLOCK_UNINIT | BG_INODE_UNINIT | BG_INODE_ZEROED);
    groups.touch(group);
  }
}
