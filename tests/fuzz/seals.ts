/**
 * Makes checksums right again after a mutation, so that it gets past their verification.
 *
 * Everything is taken from the image as it is now: a mutated UUID or generation changes the seeds. Where mutated fields
 * say that the checksum lies outside its structure, nothing is done.
 *
 * @module
 */

import { crc32c, crc32cNumber } from "../../fs/layout/crc32c.ts";
import { setDirentBlockChecksum } from "../../fs/layout/dirent.ts";
import {
  EXTENT_TAIL_BYTES,
  extentEntryOffset,
  extentMax,
  setExtentBlockChecksum,
} from "../../fs/layout/extent.ts";
import { RoCompat } from "../../fs/layout/features.ts";
import { type GroupChecksum, groupDescriptorChecksum } from "../../fs/layout/group_desc.ts";
import {
  HTREE_ENTRY_BYTES,
  HTREE_TAIL_BYTES,
  htreeCount,
  htreeLimit,
  setHtreeBlockChecksum,
} from "../../fs/layout/htree.ts";
import { setJournalTail } from "../../fs/layout/journal.ts";
import type { JournalFormat } from "../../fs/layout/journal.ts";
import { JOURNAL_SUPERBLOCK_BYTES, JournalSuperblock } from "../../fs/layout/journal_superblock.ts";
import { setOrphanBlockChecksum } from "../../fs/layout/orphan_file.ts";
import { Superblock, SUPERBLOCK_BYTES, SUPERBLOCK_OFFSET } from "../../fs/layout/superblock.ts";
import { setXattrBlockChecksum } from "../../fs/layout/xattr.ts";
import type { Geometry } from "../../fs/volume/geometry.ts";
import type { OverlayDevice } from "./overlay_device.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Sealing on one mutated image. Offsets and sizes are the base image's. */
export class Seals {
  /** @param geometry the base image's. */
  constructor(readonly device: OverlayDevice, readonly geometry: Geometry) {}

  get #superblock(): Superblock {
    return new Superblock(this.device.bytes(SUPERBLOCK_OFFSET, SUPERBLOCK_BYTES));
  }

  get #seed(): number | undefined {
    const superblock = this.#superblock;
    return superblock.hasMetadataChecksums ? superblock.checksumSeed : undefined;
  }

  superblock(offsetBytes: number): void {
    this.#change(offsetBytes, SUPERBLOCK_BYTES, (bytes) => new Superblock(bytes).setChecksum());
  }

  descriptor(group: number): void {
    const { descriptorBytes } = this.geometry;
    const method = this.#groupMethod();
    this.#change(this.descriptorOffset(group), descriptorBytes, (_bytes, view) => {
      const crc = groupDescriptorChecksum(view, 0, descriptorBytes, group, method);
      view.setUint16(0x1e, crc, true);
    });
  }

  /** The checksum of a bitmap lies in its group's descriptor. */
  bitmap(group: number, diskBlock: number, coveredBytes: number, lowField: number): void {
    const seed = this.#seed;
    const { descriptorBytes, blockBytes } = this.geometry;
    if (seed !== undefined) {
      const crc = crc32c(seed, this.device.bytes(diskBlock * blockBytes, coveredBytes));
      this.#change(this.descriptorOffset(group), descriptorBytes, (_, view) => {
        view.setUint16(lowField, crc & 0xffff, true);
        if (descriptorBytes >= 64) view.setUint16(lowField + 0x20, crc >>> 16, true);
      });
    }
    this.descriptor(group);
  }

  inode(ino: number, offsetBytes: number): void {
    const seed = this.#inodeSeed(ino, offsetBytes);
    if (seed === undefined) return;
    this.#change(offsetBytes, this.geometry.inodeBytes, (bytes, view) => {
      const wide = bytes.length > 128 && view.getUint16(0x80, true) >= 4;
      view.setUint16(0x7c, 0, true);
      if (wide) view.setUint16(0x82, 0, true);
      const crc = crc32c(seed, bytes);
      view.setUint16(0x7c, crc & 0xffff, true);
      if (wide) view.setUint16(0x82, crc >>> 16, true);
    });
  }

  extentNode(diskBlock: number, ino: number, inodeOffset: number): void {
    const seed = this.#inodeSeed(ino, inodeOffset);
    if (seed === undefined) return;
    this.#block(diskBlock, (bytes, view) => {
      const end = extentEntryOffset(0, extentMax(view, 0)) + EXTENT_TAIL_BYTES;
      if (end <= bytes.length) setExtentBlockChecksum(bytes, view, seed);
    });
  }

  directoryBlock(diskBlock: number, ino: number, inodeOffset: number): void {
    const seed = this.#inodeSeed(ino, inodeOffset);
    if (seed !== undefined) {
      this.#block(diskBlock, (bytes, view) => setDirentBlockChecksum(bytes, view, seed));
    }
  }

  htreeBlock(diskBlock: number, entries: number, ino: number, inodeOffset: number): void {
    const seed = this.#inodeSeed(ino, inodeOffset);
    if (seed === undefined) return;
    this.#block(diskBlock, (bytes, view) => {
      const limit = htreeLimit(view, entries);
      const end = entries + limit * HTREE_ENTRY_BYTES + HTREE_TAIL_BYTES;
      if (end > bytes.length || htreeCount(view, entries) > limit) return;
      setHtreeBlockChecksum(bytes, view, entries, seed);
    });
  }

  xattrBlock(diskBlock: number): void {
    const seed = this.#seed;
    if (seed === undefined) return;
    this.#block(diskBlock, (bytes, view) => setXattrBlockChecksum(bytes, view, diskBlock, seed));
  }

  orphanBlock(diskBlock: number, ino: number, inodeOffset: number): void {
    const seed = this.#inodeSeed(ino, inodeOffset);
    if (seed === undefined) return;
    this.#block(diskBlock, (bytes, view) => setOrphanBlockChecksum(bytes, view, diskBlock, seed));
  }

  mmpBlock(diskBlock: number): void {
    const seed = this.#seed;
    if (seed === undefined) return;
    this.#change(diskBlock * this.geometry.blockBytes, 1024, (bytes, view) => {
      view.setUint32(0x3fc, crc32c(seed, bytes, 0, 0x3fc), true);
    });
  }

  journalSuperblock(diskBlock: number): void {
    const offset = diskBlock * this.geometry.blockBytes;
    this.#change(offset, JOURNAL_SUPERBLOCK_BYTES, (bytes) => {
      new JournalSuperblock(bytes).setChecksum();
    });
  }

  /** A descriptor or revoke block. */
  journalTail(diskBlock: number, format: JournalFormat): void {
    this.#block(diskBlock, (bytes, view) => setJournalTail(bytes, view, format));
  }

  journalCommit(diskBlock: number, format: JournalFormat): void {
    if (format.checksums === 0) return;
    this.#block(diskBlock, (bytes, view) => {
      view.setUint32(0x10, 0);
      view.setUint32(0x10, crc32c(format.seed, bytes));
    });
  }

  /** A copy in the journal: its checksum lies in a tag of the descriptor block. */
  journalCopy(
    copyBlock: number,
    descriptorBlock: number,
    tag: number,
    format: JournalFormat,
  ): void {
    const { blockBytes } = this.geometry;
    const copy = this.device.bytes(copyBlock * blockBytes, blockBytes);
    this.#block(descriptorBlock, (_, view) => {
      const sequence = new Uint8Array(4);
      new DataView(sequence.buffer).setUint32(0, view.getUint32(8));
      const crc = crc32c(crc32c(format.seed, sequence), copy);
      if (format.checksums === 3) view.setUint32(tag + 12, crc);
      else if (format.checksums === 2) view.setUint16(tag + 4, crc & 0xffff);
    });
    this.journalTail(descriptorBlock, format);
  }

  descriptorOffset(group: number): number {
    const { geometry } = this;
    const block = geometry.descriptorBlock(Math.floor(group / geometry.descriptorsPerBlock));
    const within = (group % geometry.descriptorsPerBlock) * geometry.descriptorBytes;
    return block * geometry.blockBytes + within;
  }

  #groupMethod(): GroupChecksum {
    const superblock = this.#superblock;
    const { uuid } = superblock;
    if (superblock.hasMetadataChecksums) return { kind: "crc32c", seed: superblock.checksumSeed };
    return superblock.hasRoCompat(RoCompat.GDT_CSUM) ? { kind: "crc16", uuid } : { kind: "none" };
  }

  #inodeSeed(ino: number, offsetBytes: number): number | undefined {
    const seed = this.#seed;
    if (seed === undefined) return undefined;
    const generation = new DataView(this.device.bytes(offsetBytes + 0x64, 4).buffer);
    return crc32cNumber(crc32cNumber(seed, ino), generation.getUint32(0, true));
  }

  #block(diskBlock: number, change: (bytes: Bytes, view: DataView) => void): void {
    const { blockBytes } = this.geometry;
    this.#change(diskBlock * blockBytes, blockBytes, change);
  }

  #change(
    offsetBytes: number,
    lengthBytes: number,
    change: (bytes: Bytes, view: DataView) => void,
  ): void {
    const bytes = this.device.bytes(offsetBytes, lengthBytes);
    change(bytes, new DataView(bytes.buffer));
    this.device.write(bytes, offsetBytes);
  }
}
