/**
 * What can be changed about a file system.
 *
 * @module
 */

/** Which quotas are kept. */
export type QuotaName = "user" | "group" | "project";

/** How directory names are hashed in new directories. */
export type HashName = "legacy" | "half_md4" | "tea";

/** Changes; what is left out stays. Sizes of blocks are the file system's. */
export interface TuneOptions {
  /** Up to 16 bytes. */
  readonly label?: string;
  /** 16 bytes. */
  readonly uuid?: Uint8Array;
  /** Blocks for the superuser, as a number or in percent (0 to 50). */
  readonly reservedBlocks?: number;
  readonly reservedPercent?: number;
  /** Who may use them besides. */
  readonly reservedUid?: number;
  readonly reservedGid?: number;
  /** Mounts since the last check, and after how many to check (-1: never). */
  readonly mountCount?: number;
  readonly maxMountCount?: number;
  /** Time between checks, seconds; 0 for no matter how long. */
  readonly checkInterval?: number;
  /** When the last check was, seconds since 1970. */
  readonly lastChecked?: number;
  readonly errors?: "continue" | "remount-ro" | "panic";
  /** Default mount options to set and (with `^`) to clear: `acl`, `user_xattr`, `journal_data`, … */
  readonly defaultMountOptions?: readonly string[];
  /** Up to 64 bytes. */
  readonly lastMounted?: string;
  /** Mount options as text, up to 64 bytes. */
  readonly mountOptions?: string;
  /** Blocks that a RAID puts on a disk before the next, and in all its disks together. */
  readonly raidStride?: number;
  readonly raidStripeWidth?: number;
  readonly hash?: HashName;
  /** Whether the next boot has to check the file system. */
  readonly forceCheck?: boolean;
  readonly testFileSystem?: boolean;
  /** Seconds between two updates of the multiple mount protection block. */
  readonly mmpInterval?: number;
  /** Forget that another host, which is gone for certain, had the file system. */
  readonly clearMmp?: boolean;
  /** Features to set and (with `^`) to clear. */
  readonly features?: readonly string[];
  /** Quotas to keep and (with `^`) to give up. */
  readonly quotas?: readonly string[];
  /** Of a journal that is added. */
  readonly journalBytes?: number;
  /** Of an orphan file that is added. */
  readonly orphanFileBytes?: number;
  /** Names that are no valid UTF-8 are refused in directories with casefold. */
  readonly strictEncoding?: boolean;
}
