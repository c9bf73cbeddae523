/**
 * What a file system is made from. The names are those of `FormatOptions`; the letters of mke2fs stand
 * in the comments.
 *
 * @module
 */

import type { BlockDevice } from "../device/device.ts";
import type { Maker } from "./maker.ts";
import type { InodeTables } from "./write_out.ts";

/** The generation of the format, which chooses the default features (-t). */
export type FileSystemType = "ext2" | "ext3" | "ext4";

/** What a quota file counts. */
export type QuotaType = "user" | "group" | "project";

/** What is known of the storage before formatting. */
export type Storage =
  /** It reads as zeros everywhere, such as a new sparse file: zeros need not be written. */
  | "zeros"
  /** An image file: `zero` on the whole of it is cheap and gives its space back. */
  | "sparse"
  /** A block device: `discard` is a hint, zeros have to be written. */
  | "device";

/** A size or a place, in blocks of the file system or in bytes. */
export type Amount = { readonly blocks: number } | { readonly bytes: number };

/** An amount as a whole number of blocks. */
export function inBlocks(amount: Amount, blockBytes: number): number {
  return Math.floor("blocks" in amount ? amount.blocks : amount.bytes / blockBytes);
}

/** An external journal (-J device=). */
export interface ExternalJournal {
  /** The device that was formatted with the feature journal_dev. */
  readonly device: BlockDevice;
  /** Its device number as the superblock stores it (st_rdev, 32 bits). */
  readonly deviceNumber: number;
}

/** How the journal is made (-J). */
export interface JournalOptions {
  /** Size in bytes; by default chosen from the size of the file system. */
  readonly sizeBytes?: number;
  /** Size of the fast commit area in bytes. */
  readonly fastCommitBytes?: number;
  /** Where to put it, counted from the start of the file system. */
  readonly location?: Amount;
  readonly external?: ExternalJournal;
}

/** How far a long step has come. */
export type Progress = (step: string, done: number, total: number) => void;

/** Puts files into a file system in the making. */
export type Fill = (maker: Maker, tables: InodeTables) => void;

/** Everything that can be chosen. All of it is optional. */
export interface FormatOptions {
  /** -t. Default ext4. */
  readonly type?: FileSystemType;
  /** -T: usage types (small, floppy, big, huge, news, largefile, largefile4, default). Default: by size. */
  readonly usage?: readonly string[];
  /** Size of the file system in bytes. Default: all of the device. */
  readonly sizeBytes?: number;
  /** -b: block size, 1024 to 65536. */
  readonly blockBytes?: number;
  /** -b -N: the block size is chosen, but not smaller than this. */
  readonly minimumBlockBytes?: number;
  /** Logical sector size of the storage: blocks cannot be smaller. */
  readonly sectorBytes?: number;
  /** What the storage likes to read and write at once, for the RAID parameters that are not given. */
  readonly minimumIoBytes?: number;
  readonly optimalIoBytes?: number;
  /** -C: cluster size, with the feature bigalloc. */
  readonly clusterBytes?: number;
  /** -I: inode size, 128 to the block size. */
  readonly inodeBytes?: number;
  /** -i: bytes of the file system for each inode. */
  readonly inodeRatioBytes?: number;
  /** -N: number of inodes. */
  readonly inodes?: number;
  /** -O: features to set (`name`), to clear (`^name`), or `none`, applied in order. */
  readonly features?: readonly string[];
  /** -L: up to 16 bytes. */
  readonly label?: string;
  /** -M: directory where the file system was last mounted, up to 64 bytes. */
  readonly lastMounted?: string;
  /** -U: 16 bytes. Default: random. */
  readonly uuid?: Uint8Array;
  /** -E hash_seed: 16 bytes. Default: random. */
  readonly hashSeed?: Uint8Array;
  /** -e. Default continue. */
  readonly errors?: "continue" | "remount-ro" | "panic";
  /** -m: percentage reserved for root, 0 to 50. Default 5. */
  readonly reservedPercent?: number;
  /** -r: 0 makes an original-revision file system, without features. Default 1. */
  readonly revision?: 0 | 1;
  /** -o: s_creator_os. Default 0, Linux. */
  readonly creatorOs?: number;
  /** -g: blocks (with bigalloc: clusters) of a group, a multiple of 8. */
  readonly blocksPerGroup?: number;
  /** -G: groups whose metadata lie together, a power of two. */
  readonly groupsPerFlex?: number;
  /** -j, -J. True or an object asks for a journal whatever the type. */
  readonly journal?: boolean | JournalOptions;
  /** -E stride: blocks. */
  readonly raidStride?: number;
  /** -E stripe_width: blocks. */
  readonly raidStripeWidth?: number;
  /** -E resize: the size that online growth should be able to reach. */
  readonly resize?: Amount;
  /** -E lazy_itable_init. Default true. */
  readonly lazyInodeTables?: boolean;
  /** -E lazy_journal_init. Default false. */
  readonly lazyJournal?: boolean;
  /** -E assume_storage_prezeroed. */
  readonly assumeZeroed?: boolean;
  /** What the storage holds now. Default device. */
  readonly storage?: Storage;
  /** -E discard, nodiscard. Default true. */
  readonly discard?: boolean;
  /** -E num_backup_sb, with the feature sparse_super2. Default 2. */
  readonly backupSuperblocks?: number;
  /** -E packed_meta_blocks: all bitmaps and inode tables at the start. */
  readonly packedMetadata?: boolean;
  /** -E root_owner. */
  readonly rootUid?: number;
  readonly rootGid?: number;
  /** -E root_perms: permission bits of the root directory. Default 0755. */
  readonly rootPermissions?: number;
  /** -E root_selinux: value of the root directory's attribute security.selinux. */
  readonly rootSelinux?: string;
  /** -E quotatype, with the feature quota. Default user and group. */
  readonly quotaTypes?: readonly QuotaType[];
  /** -E encoding: utf8 or utf8-12.1; sets the feature casefold. */
  readonly encoding?: string;
  /** -E encoding_flags=strict. */
  readonly strictEncoding?: boolean;
  /** -E desc_size: bytes of a group descriptor, with the feature 64bit. Default 64. */
  readonly descriptorBytes?: number;
  /** -E orphan_file_size, with the feature orphan_file. */
  readonly orphanFileSize?: Amount;
  /** -E mmp_update_interval: seconds, 0 for the default of 5. */
  readonly mmpIntervalSeconds?: number;
  /** -E test_fs. */
  readonly testFileSystem?: boolean;
  /** -l, -c: blocks that cannot be used. */
  readonly badBlocks?: readonly number[];
  /** -S: write superblocks and group descriptors only. */
  readonly superblockOnly?: boolean;
  /** Names recorded in the block of multiple mount protection. */
  readonly nodeName?: string;
  readonly deviceName?: string;
  /** Seconds since 1970 that all timestamps get. Default: the time now. */
  readonly clock?: () => number;
  /** Fills bytes with random values: UUID and hash seed. Default: the runtime's generator. */
  readonly random?: (target: Uint8Array) => void;
  readonly progress?: Progress;
  /** Fills the file system while it is made: what `bulkFill` gives. */
  readonly fill?: Fill;
}
