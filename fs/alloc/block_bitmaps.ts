/**
 * Block bitmaps of the groups: read, verified or, for a group that was never used (BLOCK_UNINIT), made up.
 *
 * The checksum (bg_block_bitmap_csum) covers clusters_per_group / 8 bytes, crc32c from the file system's seed; with
 * 32-byte descriptors only 16 bits of it are stored. Kernel documentation: filesystems/ext4/bitmaps.
 *
 * @module
 */

import type { Buffer } from "../device/cache.ts";
import { Corrupt } from "../errors.ts";
import type { Handle } from "../journal/transaction.ts";
import { crc32c } from "../layout/crc32c.ts";
import { BG_BLOCK_UNINIT } from "../layout/group_desc.ts";
import type { Volume } from "../volume/volume.ts";
import { countFree, setBits } from "./bitmap.ts";
import type { SystemZones } from "./system_zones.ts";

/** `Buffer.verifiedAs` of block bitmaps. */
const VERIFIED_BLOCK_BITMAP = 5;

/** Access to the block bitmaps. */
export class BlockBitmaps {
  readonly #none: Int32Array;

  constructor(readonly volume: Volume, readonly zones: SystemZones) {
    this.#none = new Int32Array(volume.geometry.blockBytes / 4);
  }

  /** Whether the group's bitmap exists only by rule. */
  isUninit(group: number): boolean {
    const { groups, superblock } = this.volume;
    return superblock.hasGroupChecksums &&
      ((groups.flags[group] as number) & BG_BLOCK_UNINIT) !== 0;
  }

  /**
   * The group's bitmap, good to search.
   * @throws Corrupt "block bitmap" when the checksum or the count of free clusters does not fit; DeviceError.
   */
  load(group: number): Buffer {
    const { cache, groups } = this.volume;
    const block = groups.blockBitmap[group] as number;
    const cached = cache.peek(block);
    if (cached !== undefined && cached.verifiedAs === VERIFIED_BLOCK_BITMAP) {
      cached.referenced = true;
      return cached;
    }
    if (this.isUninit(group)) return this.#makeUp(group, block);
    const buffer = cache.get(block);
    this.#verify(group, buffer);
    buffer.verifiedAs = VERIFIED_BLOCK_BITMAP;
    return buffer;
  }

  /** The group's bitmap, to be changed by the caller now: stored from this transaction on. */
  change(handle: Handle, group: number): Buffer {
    const { groups } = this.volume;
    const buffer = this.load(group);
    if (this.isUninit(group)) {
      groups.flags[group] = (groups.flags[group] as number) & ~BG_BLOCK_UNINIT;
      const free = countFree(buffer.view, this.#none, this.volume.geometry.groupClusters(group));
      groups.addFreeClusters(group, free - (groups.freeClusters[group] as number));
    }
    handle.dirty(buffer);
    groups.touchBlockBitmap(group);
    return buffer;
  }

  #verify(group: number, buffer: Buffer): void {
    const { geometry, groups, superblock } = this.volume;
    const bad = (field: string): Corrupt => new Corrupt("block bitmap", `group ${group}`, field);
    if (superblock.hasMetadataChecksums) {
      const mask = geometry.descriptorBytes >= 64 ? 0xffffffff : 0xffff;
      const crc = crc32c(superblock.checksumSeed, buffer.bytes, 0, groups.blockBitmapBytes);
      if (((crc ^ (groups.blockBitmapChecksum[group] as number)) & mask) !== 0) {
        throw bad("bg_block_bitmap_csum does not match");
      }
    }
    const free = countFree(buffer.view, this.#none, geometry.groupClusters(group));
    const told = groups.freeClusters[group] as number;
    if (free !== told) throw bad(`${free} clusters are free, bg_free_blocks_count says ${told}`);
  }

  /** The bitmap of an unused group: its fixed metadata, and the bits past its end. */
  #makeUp(group: number, block: number): Buffer {
    const { geometry, cache } = this.volume;
    const buffer = cache.fresh(block);
    const first = geometry.groupFirstBlock(group);
    this.zones.within(first, first + geometry.groupBlocks(group), (start, blocks) => {
      const bit = geometry.bitOfBlock(start);
      setBits(buffer.view, bit, geometry.bitOfBlock(start + blocks - 1) - bit + 1);
    });
    const clusters = geometry.groupClusters(group);
    setBits(buffer.view, clusters, 8 * geometry.blockBytes - clusters);
    buffer.verifiedAs = VERIFIED_BLOCK_BITMAP;
    return buffer;
  }
}
