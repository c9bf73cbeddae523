/**
 * A small reader for the tests of this folder: it holds a whole image in memory and finds inodes and blocks in it by
 * the structures that this folder decodes.
 *
 * @module
 */

import {
  entryFileBlock,
  extentBlocks,
  extentDepth,
  extentDiskBlock,
  extentEntries,
  extentEntryOffset,
  extentIsUnwritten,
  indexChildBlock,
} from "./extent.ts";
import { Incompat, RoCompat } from "./features.ts";
import { decodeGroupDescriptor, type GroupDescriptor } from "./group_desc.ts";
import { indirectPath } from "./indirect.ts";
import { I_BLOCK_OFFSET, InodeFlag, InodeRecord } from "./inode.ts";
import { decodeSuperblock, type Superblock, SUPERBLOCK_OFFSET } from "./superblock.ts";
import { fixtureImage, viewOf } from "./testing.ts";

/** An image and its superblock. */
export class TestVolume {
  readonly superblock: Superblock;
  readonly blockBytes: number;
  /** The seed of metadata checksums, undefined without metadata_csum. */
  readonly seed: number | undefined;

  constructor(readonly image: Uint8Array) {
    this.superblock = decodeSuperblock(
      image.subarray(SUPERBLOCK_OFFSET, SUPERBLOCK_OFFSET + 1024),
    );
    this.blockBytes = this.superblock.blockBytes;
    this.seed = this.superblock.hasMetadataChecksums ? this.superblock.checksumSeed : undefined;
  }

  static fixture(name: string): TestVolume {
    return new TestVolume(fixtureImage(name));
  }

  /** The bytes of a disk block, in place. */
  block(diskBlock: number): Uint8Array {
    return this.image.subarray(diskBlock * this.blockBytes, (diskBlock + 1) * this.blockBytes);
  }

  /** A group's descriptor (without meta_bg). */
  group(group: number): GroupDescriptor {
    return decodeGroupDescriptor(
      viewOf(this.image),
      this.descriptorOffset(group),
      this.superblock.descriptorBytes,
    );
  }

  descriptorOffset(group: number): number {
    const table = (this.superblock.firstDataBlock + 1) * this.blockBytes;
    return table + group * this.superblock.descriptorBytes;
  }

  /** Byte offset of an inode in the image. */
  inodeOffset(ino: number): number {
    const { inodesPerGroup, inodeBytes } = this.superblock;
    const { inodeTable } = this.group(Math.floor((ino - 1) / inodesPerGroup));
    return inodeTable * this.blockBytes + (ino - 1) % inodesPerGroup * inodeBytes;
  }

  inode(ino: number): InodeRecord {
    const record = new InodeRecord(ino, {
      inodeBytes: this.superblock.inodeBytes,
      blockBytes: this.blockBytes,
      checksumSeed: this.seed,
      hugeFile: this.superblock.hasRoCompat(RoCompat.HUGE_FILE),
    });
    record.decode(this.image, this.inodeOffset(ino));
    return record;
  }

  /** Bound of e_value_inum: the number of inodes, or 0 without ea_inode. */
  get xattrInodesCount(): number {
    return this.superblock.hasIncompat(Incompat.EA_INODE) ? this.superblock.inodesCount : 0;
  }

  /** Disk block of each allocated and written file block. */
  blocksOf(inode: InodeRecord): Map<number, number> {
    const blocks = new Map<number, number>();
    if (inode.has(InodeFlag.EXTENTS)) {
      this.#walkExtents(inode.raw.subarray(I_BLOCK_OFFSET, I_BLOCK_OFFSET + 60), blocks);
      return blocks;
    }
    const path = new Uint32Array(4);
    for (let fileBlock = 0; fileBlock * this.blockBytes < inode.size; fileBlock++) {
      const levels = indirectPath(fileBlock, this.blockBytes, path);
      let diskBlock = inode.view.getUint32(I_BLOCK_OFFSET + (path[0] ?? 0) * 4, true);
      for (let level = 1; level <= levels && diskBlock !== 0; level++) {
        diskBlock = viewOf(this.block(diskBlock)).getUint32((path[level] ?? 0) * 4, true);
      }
      if (diskBlock !== 0) blocks.set(fileBlock, diskBlock);
    }
    return blocks;
  }

  #walkExtents(node: Uint8Array, blocks: Map<number, number>): void {
    const view = viewOf(node);
    for (let index = 0; index < extentEntries(view, 0); index++) {
      const entry = extentEntryOffset(0, index);
      if (extentDepth(view, 0) > 0) {
        this.#walkExtents(this.block(indexChildBlock(view, entry)), blocks);
      } else if (!extentIsUnwritten(view, entry)) {
        for (let i = 0; i < extentBlocks(view, entry); i++) {
          blocks.set(entryFileBlock(view, entry) + i, extentDiskBlock(view, entry) + i);
        }
      }
    }
  }

  /** A file's content, holes as zeros. */
  content(inode: InodeRecord): Uint8Array {
    const content = new Uint8Array(inode.size);
    for (const [fileBlock, diskBlock] of this.blocksOf(inode)) {
      const start = fileBlock * this.blockBytes;
      if (start >= inode.size) continue;
      content.set(this.block(diskBlock).subarray(0, inode.size - start), start);
    }
    return content;
  }
}

/** What manifest.json of a golden image says of a path. */
export interface ManifestEntry {
  readonly path: string;
  readonly type: string;
  readonly inode: number;
  readonly mode: string;
  readonly uid: number;
  readonly gid: number;
  readonly links: number;
  readonly size: number;
  readonly sectors: number;
  /** Seconds and nine digits of nanoseconds, as stat prints them. */
  readonly atime: string;
  readonly mtime: string;
  readonly sha256?: string;
  readonly target?: string;
  /** Major and minor number. */
  readonly device?: readonly [number, number];
  readonly xattrs?: Readonly<Record<string, { bytes: number; sha256: string }>>;
  /** Of a directory with too many names to list them. */
  readonly names?: { count: number; sha256: string };
}

/** The entries of a golden image's manifest by path. */
export function manifestEntries(name: string): Map<string, ManifestEntry> {
  const path = new URL(`../../fixtures/${name}/manifest.json`, import.meta.url);
  const { entries } = JSON.parse(Deno.readTextFileSync(path)) as { entries: ManifestEntry[] };
  return new Map(entries.map((entry) => [entry.path, entry]));
}

/** The manifest's entry of a path that must be there. */
export function manifestEntry(name: string, path: string): ManifestEntry {
  const entry = manifestEntries(name).get(path);
  if (entry === undefined) throw new Error(`${name}: no ${path} in the manifest`);
  return entry;
}
