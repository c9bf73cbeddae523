/**
 * Inode bitmaps of the groups: read, verified or, for a group none of whose inodes was ever used (INODE_UNINIT), made up.
 *
 * The checksum (bg_inode_bitmap_csum) covers inodes_per_group / 8 bytes, crc32c from the file system's seed; with
 * 32-byte descriptors only 16 bits of it are stored. Kernel documentation: filesystems/ext4/bitmaps.
 *
 * @module
 */

import type { Buffer } from "../device/cache.ts";
import { Corrupt } from "../errors.ts";
import type { Handle } from "../journal/transaction.ts";
import { crc32c } from "../layout/crc32c.ts";
import { BG_INODE_UNINIT } from "../layout/group_desc.ts";
import type { Volume } from "../volume/volume.ts";
import { setBits } from "./bitmap.ts";

/** `Buffer.verifiedAs` of inode bitmaps. */
const VERIFIED_INODE_BITMAP = 6;

/** Access to the inode bitmaps. */
export class InodeBitmaps {
  constructor(readonly volume: Volume) {}

  /** Whether the group's bitmap exists only by rule: all its inodes are free. */
  isUninit(group: number): boolean {
    const { groups, superblock } = this.volume;
    return superblock.hasGroupChecksums &&
      ((groups.flags[group] as number) & BG_INODE_UNINIT) !== 0;
  }

  /**
   * The group's bitmap, good to search.
   * @throws Corrupt "inode bitmap" when the checksum does not fit; DeviceError.
   */
  load(group: number): Buffer {
    const { cache, groups } = this.volume;
    const block = groups.inodeBitmap[group] as number;
    const cached = cache.peek(block);
    if (cached !== undefined && cached.verifiedAs === VERIFIED_INODE_BITMAP) {
      cached.referenced = true;
      return cached;
    }
    if (this.isUninit(group)) return this.#makeUp(block);
    const buffer = cache.get(block);
    this.#verify(group, buffer);
    buffer.verifiedAs = VERIFIED_INODE_BITMAP;
    return buffer;
  }

  /** The group's bitmap, to be changed by the caller now: stored from this transaction on. */
  change(handle: Handle, group: number): Buffer {
    const { groups } = this.volume;
    const buffer = this.load(group);
    groups.flags[group] = (groups.flags[group] as number) & ~BG_INODE_UNINIT;
    handle.dirty(buffer);
    groups.touchInodeBitmap(group);
    return buffer;
  }

  #verify(group: number, buffer: Buffer): void {
    const { geometry, groups, superblock } = this.volume;
    if (!superblock.hasMetadataChecksums) return;
    const mask = geometry.descriptorBytes >= 64 ? 0xffffffff : 0xffff;
    const crc = crc32c(superblock.checksumSeed, buffer.bytes, 0, groups.inodeBitmapBytes);
    if (((crc ^ (groups.inodeBitmapChecksum[group] as number)) & mask) !== 0) {
      throw new Corrupt("inode bitmap", `group ${group}`, "bg_inode_bitmap_csum does not match");
    }
  }

  /** The bitmap of a group without a used inode: the bits past its end are set. */
  #makeUp(block: number): Buffer {
    const { geometry, cache } = this.volume;
    const buffer = cache.fresh(block);
    setBits(
      buffer.view,
      geometry.inodesPerGroup,
      8 * geometry.blockBytes - geometry.inodesPerGroup,
    );
    buffer.verifiedAs = VERIFIED_INODE_BITMAP;
    return buffer;
  }
}
