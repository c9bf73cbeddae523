/**
 * The file system in the making: what the steps of formatting share.
 *
 * @module
 */

import type { BlockDevice } from "../device/device.ts";
import { Incompat, RoCompat } from "../layout/features.ts";
import { InodeFlag, type InodeFormat, InodeRecord } from "../layout/inode.ts";
import type { Superblock } from "../layout/superblock.ts";
import { BlockWriter } from "./block_writer.ts";
import { type FileBlocks, mapFile } from "./file_blocks.ts";
import type { FormatOptions } from "./options.ts";
import type { Parameters } from "./parameters.ts";
import type { Usage } from "./quota_file.ts";
import { Space } from "./space.ts";

const EXTRA_INODE_BYTES = 32;

/** A directory and where it lies. */
export interface MadeDirectory {
  readonly inode: InodeRecord;
  /** Disk blocks in file order. */
  readonly blocks: readonly number[];
}

/** Superblock, space, inodes and blocks of a file system that is being made. */
export class Maker {
  readonly superblock: Superblock;
  readonly options: FormatOptions;
  readonly space: Space;
  readonly writer: BlockWriter;
  /** Inodes to be written, by number. */
  readonly inodes = new Map<number, InodeRecord>();
  readonly inodeFormat: InodeFormat;
  /** Seed of metadata checksums, or undefined without metadata_csum. */
  readonly seed: number | undefined;
  /** All free blocks read as zeros: none of them has to be written to say so. */
  readonly zeroed: boolean;
  /** The directories that every file system has, once they are made. */
  root: MadeDirectory;
  lostFound: MadeDirectory;
  /** What is used by user, group and project, with the feature quota. */
  readonly usage: readonly Map<number, Usage>[] = [new Map(), new Map(), new Map()];
  readonly #countsUsage: boolean;
  /** Clusters in use by metadata of fixed place and the journal (s_overhead_clusters). */
  overheadClusters = 0;

  constructor(
    readonly parameters: Parameters,
    superblock: Superblock,
    device: BlockDevice,
    readonly now: number,
    zeroed: boolean,
  ) {
    this.superblock = superblock;
    this.options = parameters.options;
    this.space = new Space(superblock);
    this.writer = new BlockWriter(device, superblock.blockBytes);
    this.seed = superblock.hasMetadataChecksums ? superblock.checksumSeed : undefined;
    this.inodeFormat = {
      inodeBytes: superblock.inodeBytes,
      blockBytes: superblock.blockBytes,
      checksumSeed: this.seed,
      hugeFile: superblock.hasRoCompat(RoCompat.HUGE_FILE),
    };
    this.zeroed = zeroed;
    this.#countsUsage = superblock.hasRoCompat(RoCompat.QUOTA);
    const none = { inode: new InodeRecord(0, this.inodeFormat), blocks: [] };
    this.root = this.lostFound = none;
  }

  get blockBytes(): number {
    return this.superblock.blockBytes;
  }
  get usesExtents(): boolean {
    return this.superblock.hasIncompat(Incompat.EXTENTS);
  }

  /** A block of zeros. */
  emptyBlock(): Uint8Array {
    return new Uint8Array(this.blockBytes);
  }

  /** Counts an inode that users can see. */
  countUsage(inode: InodeRecord): void {
    if (!this.#countsUsage) return;
    [inode.uid, inode.gid, inode.projectId].forEach((id, kind) => {
      const sums = this.usage[kind];
      const old = sums?.get(id) ?? { spaceBytes: 0, inodes: 0 };
      const spaceBytes = old.spaceBytes + inode.sectors * 512;
      sums?.set(id, { spaceBytes, inodes: old.inodes + 1 });
    });
  }

  /** An inode with one link and all times set to now, to be written with the others. */
  newInode(ino: number, mode: number): InodeRecord {
    const inode = this.blankInode(ino, mode);
    this.inodes.set(ino, inode);
    return inode;
  }

  /** As `newInode`, for the caller to write. @param used a record that is not needed any more. */
  blankInode(ino: number, mode: number, used?: InodeRecord): InodeRecord {
    const inode = used ?? new InodeRecord(ino, this.inodeFormat);
    used?.reset(ino);
    inode.mode = mode;
    inode.links = 1;
    inode.atime =
      inode.ctime =
      inode.mtime =
      inode.crtime =
        this.now;
    if (this.inodeFormat.inodeBytes > 128) inode.extraBytes = EXTRA_INODE_BYTES;
    inode.updateChecksumSeed();
    return inode;
  }

  /** Starts the map of a new file: extents if the file system has them. */
  mapFile(inode: InodeRecord, useExtents = this.usesExtents): FileBlocks {
    if (useExtents) inode.setFlag(InodeFlag.EXTENTS, true);
    return mapFile(this, inode);
  }

  /** Counts clusters as belonging to an inode. */
  charge(inode: InodeRecord, clusters: number): void {
    inode.sectors += (clusters * this.superblock.clusterBytes) / 512;
  }
}
