/**
 * Backup group descriptors, against the primary ones: where bitmaps and tables lie. What changes with use (counts,
 * flags, checksums) is old in backups.
 *
 * @module
 */

import { Incompat } from "../layout/features.ts";
import { decodeGroupDescriptor } from "../layout/group_desc.ts";
import type { CheckContext } from "./context.ts";

/** Blocks of backup descriptors that are read, of all groups together. */
const MAX_BLOCKS = 1 << 16;

/** Compares backups as long as not too many were read. */
export class BackupGroups {
  readonly #check: CheckContext;
  #blocksRead = 0;

  constructor(check: CheckContext) {
    this.#check = check;
  }

  /** Compares the descriptors behind the backup superblock of a group. */
  check(group: number): void {
    const { superblock, geometry, reader, findings } = this.#check;
    const metaGroups = superblock.hasIncompat(Incompat.META_BG);
    const count = metaGroups
      ? Math.min(superblock.firstMetaBlockGroup, geometry.descriptorBlocks)
      : geometry.descriptorBlocks;
    const first = geometry.groupFirstBlock(group) + 1;
    const bytes = reader.buffer();
    for (let index = 0; index < count && this.#blocksRead < MAX_BLOCKS; index++) {
      const block = first + index;
      this.#blocksRead++;
      if (block >= reader.deviceBlocks || !reader.read(block, bytes)) return;
      const described = this.#differing(new DataView(bytes.buffer), index);
      if (described === undefined) continue;
      findings.add("backup_groups", { group, block }, undefined, undefined, described);
      return;
    }
  }

  /** The first group that the block describes otherwise. */
  #differing(view: DataView, index: number): string | undefined {
    const { geometry, groups } = this.#check;
    const { descriptorsPerBlock, descriptorBytes } = geometry;
    const first = index * descriptorsPerBlock;
    const end = Math.min(groups.count, first + descriptorsPerBlock);
    for (let group = first; group < end; group++) {
      const offset = (group - first) * descriptorBytes;
      const { blockBitmap, inodeBitmap, inodeTable } = decodeGroupDescriptor(
        view,
        offset,
        descriptorBytes,
      );
      const isSame = blockBitmap === groups.blockBitmap[group] &&
        inodeBitmap === groups.inodeBitmap[group] && inodeTable === groups.inodeTable[group];
      if (!isSame) return `what they say of group ${group}`;
    }
    return undefined;
  }
}
