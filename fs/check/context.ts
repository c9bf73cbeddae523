/**
 * What the passes of a check share.
 *
 * @module
 */

import type { BlockDevice } from "../device/device.ts";
import { Compat, Incompat, RoCompat } from "../layout/features.ts";
import type { Superblock } from "../layout/superblock.ts";
import type { Geometry } from "../volume/geometry.ts";
import { type BlockReader, Cancelled } from "./block_reader.ts";
import { DirectoryList } from "./directory_list.ts";
import type { Findings } from "./findings.ts";
import type { GroupColumns } from "./group_columns.ts";
import { PagedNumbers } from "./paged_numbers.ts";
import { QuotaSums } from "./quota_sums.ts";
import { SparseBits } from "./sparse_bits.ts";

/** What the caller set; see `CheckOptions`. */
export interface ContextOptions {
  /** Seconds since 1970, for times that lie in the future. */
  readonly now: number;
  readonly allowOrphans: boolean;
  /** Where the journal is that the file system has outside. */
  readonly journalDevice: BlockDevice | undefined;
  readonly shouldStop: () => boolean;
  readonly progress: (step: string, done: number, total: number) => void;
}

/** The features that the passes ask for most, looked up once. */
export interface Features {
  readonly extents: boolean;
  readonly inlineData: boolean;
  readonly casefold: boolean;
  readonly largeDir: boolean;
  readonly hugeFile: boolean;
  readonly is64bit: boolean;
  readonly filetype: boolean;
  readonly xattrs: boolean;
  readonly dirIndex: boolean;
  readonly sharedBlocks: boolean;
  readonly metadataChecksums: boolean;
  readonly groupChecksums: boolean;
}

function featuresOf(superblock: Superblock): Features {
  return {
    extents: superblock.hasIncompat(Incompat.EXTENTS),
    inlineData: superblock.hasIncompat(Incompat.INLINE_DATA),
    casefold: superblock.hasIncompat(Incompat.CASEFOLD),
    largeDir: superblock.hasIncompat(Incompat.LARGEDIR),
    hugeFile: superblock.hasRoCompat(RoCompat.HUGE_FILE),
    is64bit: superblock.has64bit,
    filetype: superblock.hasIncompat(Incompat.FILETYPE),
    xattrs: superblock.hasCompat(Compat.EXT_ATTR),
    dirIndex: superblock.hasCompat(Compat.DIR_INDEX),
    sharedBlocks: superblock.hasRoCompat(RoCompat.SHARED_BLOCKS),
    metadataChecksums: superblock.hasMetadataChecksums,
    groupChecksums: superblock.hasGroupChecksums,
  };
}

/** One check in progress. */
export class CheckContext {
  readonly superblock: Superblock;
  readonly features: Features;
  /** Seed of metadata checksums; undefined without metadata_csum. */
  readonly seed: number | undefined;
  /** Clusters in use, counted from the first data block's. */
  readonly usedClusters = new SparseBits();
  /** Blocks of the file system's own metadata: superblocks, descriptors, bitmaps, inode tables. */
  readonly systemBlocks = new SparseBits();
  /** The clusters of metadata of groups that are BLOCK_UNINIT, as `usedClusters` counts. */
  readonly uninitClusters = new SparseBits();
  readonly usedInodes = new SparseBits();
  readonly directoryInodes = new SparseBits();
  readonly regularInodes = new SparseBits();
  /** Inodes with a mode that is none. */
  readonly modelessInodes = new SparseBits();
  readonly casefoldedInodes = new SparseBits();
  /** Inodes with IMAGIC, whose links are not counted. */
  readonly imagicInodes = new SparseBits();
  readonly eaInodes = new SparseBits();
  /** Inodes that wait for deletion, and are as if they were gone but for their blocks. */
  readonly orphans = new Set<number>();
  /** Inodes that wait to be truncated to their size. */
  readonly truncating = new Set<number>();
  /** i_links_count by inode. */
  readonly storedLinks = new PagedNumbers();
  /** Entries that name an inode. */
  readonly countedLinks = new PagedNumbers();
  /** References of attributes to EA inodes. */
  readonly eaReferences = new PagedNumbers();
  /** Id of the encryption policy by inode; 0 is none. */
  readonly policies = new PagedNumbers();
  readonly directories = new DirectoryList();
  readonly quota: QuotaSums;
  /** Blocks of inode tables that overlap other metadata. */
  overlappingTableBlocks = 0;
  /** Blocks of extents that were claimed before, at least in part. */
  overlappingBlocks = 0;
  largeFiles = 0;
  largeDirectories = 0;
  files = 0;

  constructor(
    readonly reader: BlockReader,
    readonly geometry: Geometry,
    readonly groups: GroupColumns,
    readonly findings: Findings,
    readonly options: ContextOptions,
  ) {
    this.superblock = geometry.superblock;
    this.features = featuresOf(this.superblock);
    this.seed = this.superblock.hasMetadataChecksums ? this.superblock.checksumSeed : undefined;
    this.quota = new QuotaSums(this.superblock);
  }

  /** Number of a block's cluster in `usedClusters`. */
  cluster(block: number): number {
    const { clusterBlocks, firstDataBlock } = this.geometry;
    return Math.floor(block / clusterBlocks) - Math.floor(firstDataBlock / clusterBlocks);
  }

  /** Whether a block number can be one of a file's. */
  inRange(block: number): boolean {
    return block >= this.geometry.firstDataBlock && block < this.geometry.blocksCount;
  }

  isReservedQuota(ino: number): boolean {
    return ino === 3 || ino === 4 || (ino !== 0 && ino === this.superblock.projectQuotaInode);
  }

  /** @throws Cancelled when the caller wants to stop. */
  step(name: string, done: number, total: number): void {
    if (this.options.shouldStop()) throw new Cancelled("cancelled");
    this.options.progress(name, done, total);
  }
}
