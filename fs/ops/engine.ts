/**
 * The engine: a volume with the layers on top of it, and what all operations share.
 *
 * @module
 */

import { Allocator, NEEDS_COMMIT } from "../alloc/allocator.ts";
import { EDQUOT, EIO, ENOSPC } from "../errno.ts";
import { Corrupt, FsError } from "../errors.ts";
import type { BlockDevice } from "../device/device.ts";
import type { Handle } from "../journal/transaction.ts";
import { Compat, Incompat, RoCompat } from "../layout/features.ts";
import { InodeFlag } from "../layout/inode.ts";
import { ENCODING_STRICT } from "../layout/casefold.ts";
import { GOOD_OLD_INODE_BYTES, ROOT_INODE } from "../layout/superblock.ts";
import type { Inode } from "../volume/inode.ts";
import type { Volume } from "../volume/volume.ts";
import { type Quota, QUOTA_CREDITS } from "../quota/quota.ts";
import type { Snapshots, WhenFull } from "../snapshot/snapshots.ts";
import type { MultiMountGuard } from "./multi_mount.ts";
import { freeContent } from "./delete_inode.ts";
import { deleteSnapshot } from "./delete_snapshot.ts";
import { OrphanList } from "./orphan_list.ts";
import { overheadBlocks } from "./overhead.ts";

/** Who asks for an operation. */
export interface Credentials {
  readonly uid: number;
  readonly gid: number;
}

/** The superuser: the library's default. */
export const SUPERUSER: Credentials = { uid: 0, gid: 0 };

/** When reading changes the access time. */
export type AccessTimePolicy = "noatime" | "relatime" | "strictatime";

/**
 * File content and the journal: durable before the transaction that makes it visible (ordered), whenever the
 * host gets to it (writeback), or within the transaction (journal).
 */
export type DataMode = "ordered" | "writeback" | "journal";

/** How operations behave; from mount options. */
export interface EngineOptions {
  readonly accessTime: AccessTimePolicy;
  /** Reading a directory does not change its access time. */
  readonly noDirectoryAccessTime: boolean;
  /** A change of times alone stays in memory until something else writes the inode. */
  readonly lazyTime: boolean;
  /** Every change is durable when the operation returns. */
  readonly sync: boolean;
  /** Changes of directories are durable when the operation returns. */
  readonly directorySync: boolean;
  /** Tell the device of blocks that were freed, after each commit. */
  readonly discard: boolean;
  /** What a journal does about file content; "ordered" when left out. */
  readonly dataMode?: DataMode;
  /** What a full disk does to snapshots; "drop" (the oldest goes) when left out. */
  readonly snapshotFull?: WhenFull;
  /** Random 32-bit numbers, for inode generations. */
  readonly random: () => number;
}

/** Blocks that one ordinary operation may change: inode tables, bitmaps, descriptors, directory and map blocks. */
const DEFAULT_CREDITS = 64;
/** How many lazy times may wait in memory. */
const MAX_LAZY_TIMES = 1024;

/** An opened file system on which operations work. Operations are functions in this folder. */
export class Engine {
  readonly alloc: Allocator;
  readonly orphans: OrphanList;
  /** Whether someone still uses an inode whose last name goes: then it lives on as an orphan. */
  inUse: (inode: Inode) => boolean = (inode) => inode.users > 0;
  /** What users, groups and projects use, on file systems that count it. */
  quota: Quota | null = null;
  /** Where the journal is when it is not inside. */
  journalDevice: BlockDevice | null = null;
  /** Holds the file system for this host, with the feature mmp. */
  guard: MultiMountGuard | null = null;
  /** Snapshots of the whole file system; null when there were none so far. */
  snapshots: Snapshots | null = null;
  /** The directory of what belongs to kfs, which is not shown; 0 for none. */
  hiddenInode = 0;
  #reclaiming = false;
  /** Operations that changed something, or tried to, so far. */
  changes = 0;
  /** Inodes whose access time changed in memory alone (lazytime). */
  readonly lazyTimes = new Set<Inode>();
  /** Seconds and nanoseconds of the running operation; see `readClock`. */
  now = 0;
  nowNsec = 0;
  /** Blocks that the format itself takes. */
  readonly overheadBlocks: number;
  readonly hasFileTypes: boolean;
  readonly #hasNanoseconds: boolean;
  readonly hasInlineData: boolean;
  readonly hasExtents: boolean;
  readonly hasDirectoryNlink: boolean;
  readonly hasDirectoryIndex: boolean;
  /** Directories may disregard case. */
  readonly hasCasefold: boolean;
  /** Those that do take only names that are valid UTF-8. */
  readonly hasStrictNames: boolean;
  readonly hasProjects: boolean;

  constructor(readonly volume: Volume, readonly options: EngineOptions) {
    this.alloc = new Allocator(volume);
    if (options.discard) {
      const { blockBytes } = volume.geometry;
      this.alloc.onFreed = (diskBlock, blocks) =>
        void volume.device.discard(diskBlock * blockBytes, blocks * blockBytes);
    }
    this.orphans = new OrphanList(this);
    volume.start();
    this.overheadBlocks = overheadBlocks(volume);
    const { superblock } = volume;
    this.#hasNanoseconds = superblock.inodeBytes > GOOD_OLD_INODE_BYTES;
    this.hasFileTypes = superblock.hasIncompat(Incompat.FILETYPE);
    this.hasInlineData = superblock.hasIncompat(Incompat.INLINE_DATA);
    this.hasExtents = superblock.hasIncompat(Incompat.EXTENTS);
    this.hasDirectoryNlink = superblock.hasRoCompat(RoCompat.DIR_NLINK);
    this.hasDirectoryIndex = superblock.hasCompat(Compat.DIR_INDEX);
    this.hasCasefold = superblock.hasIncompat(Incompat.CASEFOLD);
    this.hasStrictNames = this.hasCasefold && (superblock.encodingFlags & ENCODING_STRICT) !== 0;
    this.hasProjects = superblock.hasRoCompat(RoCompat.PROJECT);
  }

  /** Sets `now` and `nowNsec`. */
  readClock(): void {
    const { clock } = this.volume.options;
    clock.read();
    this.now = clock.seconds;
    // Inodes of 128 bytes hold seconds only.
    this.nowNsec = this.#hasNanoseconds ? clock.nanoseconds : 0;
  }

  /**
   * The inode of a living node.
   * @throws FsError ESTALE; Corrupt, also for a file of the file system's own (journal, quotas, …): no name leads there.
   */
  inode(ino: number): Inode {
    const { superblock } = this.volume;
    const isReserved = ino < superblock.firstInode && ino !== ROOT_INODE;
    const isOwn = ino === superblock.orphanFileInode || ino === superblock.projectQuotaInode;
    if (isReserved || (isOwn && ino !== 0)) {
      throw new Corrupt("inode number", String(ino), "a name leads to the file system's own file");
    }
    return this.volume.inodes.get(ino);
  }

  /**
   * Does one change under a transaction handle. When only space whose freeing is not committed yet is
   * left, commits and tries once more.
   * @param work returns 0 or more, a negated errno, or NEEDS_COMMIT having changed nothing.
   * @throws what `work` throws; FsError EROFS.
   */
  change(work: (handle: Handle) => number, credits = DEFAULT_CREDITS): number {
    this.changes++;
    this.readClock();
    if (this.alloc.heldBack > 0 && !this.#mayChange()) return -ENOSPC;
    this.alloc.lackedSpace = false;
    const result = this.#attemptTwice(work, credits);
    const noRoom = result === -ENOSPC || result === -EDQUOT;
    return noRoom ? this.#withRoom(result, work, credits) : result;
  }

  /** Attempts a change again as long as room can be made for it. */
  #withRoom(failure: number, work: (handle: Handle) => number, credits: number): number {
    let result = this.#reclaim() ? this.#attemptTwice(work, credits) : failure;
    while (result === -ENOSPC && this.alloc.lackedSpace && this.#dropSnapshot()) {
      this.alloc.lackedSpace = false;
      result = this.#attemptTwice(work, credits);
    }
    return result;
  }

  /** Whether there is room to keep what a change changes for the newest snapshot; one is dropped for it if need be. */
  #mayChange(): boolean {
    const { alloc, snapshots, volume } = this;
    if (snapshots === null || snapshots.busy) return true;
    const lacks = (): boolean =>
      alloc.heldBack > 0 && alloc.unhiddenClusters < snapshots.keeper.transactionNeed;
    if (!lacks()) return true;
    volume.commit(false);
    while (lacks()) if (!this.#dropSnapshot()) return false;
    return true;
  }

  /** The disk is full: drops the oldest snapshot, or tells that they stand in the way. @returns whether one was dropped */
  #dropSnapshot(): boolean {
    const { snapshots, volume } = this;
    const oldest = snapshots?.chain.entries[0];
    if (snapshots === null || oldest === undefined || snapshots.busy || snapshots.keepAll) {
      return false;
    }
    if (this.options.snapshotFull === "refuse") {
      if (!snapshots.toldFull) {
        volume.options.report("full: snapshots hold blocks; changes are refused");
      }
      snapshots.toldFull = true;
      return false;
    }
    volume.options.report(`full: the oldest snapshot, ${oldest.name}, is dropped`);
    deleteSnapshot(this, oldest);
    volume.commit(false);
    return true;
  }

  #attemptTwice(work: (handle: Handle) => number, credits: number): number {
    const result = this.#attempt(work, credits);
    if (result !== NEEDS_COMMIT) return result;
    this.volume.commit(false);
    const again = this.#attempt(work, credits);
    return again === NEEDS_COMMIT ? -ENOSPC : again;
  }

  /**
   * Frees the content of files without a name that nobody has open. The kernel tells late that it has forgotten
   * such a file, and whoever removed one to make room writes at once.
   * @returns whether there was any.
   */
  #reclaim(): boolean {
    if (this.#reclaiming || this.orphans.size === 0) return false;
    this.#reclaiming = true;
    try {
      let any = false;
      for (const inode of this.orphans.values()) {
        const idle = inode.links === 0 && inode.users === 0 && inode.isRegular;
        if (!idle || inode.sectors === 0) continue;
        freeContent(this, inode);
        any = true;
      }
      return any;
    } finally {
      this.#reclaiming = false;
    }
  }

  /** As `change`, for operations on names: durable when the options or `dirsync` flags ask for it. */
  changeNames(durable: boolean, work: (handle: Handle) => number): number {
    const result = this.change(work);
    const { sync, directorySync } = this.options;
    if (result >= 0 && (durable || sync || directorySync)) this.volume.commit(true);
    return result;
  }

  /** As `change`, for operations on one inode: durable when the options or its flag ask for it. */
  changeInode(inode: Inode, work: (handle: Handle) => number, credits = DEFAULT_CREDITS): number {
    const result = this.change(work, credits);
    if (result >= 0 && (this.options.sync || inode.has(InodeFlag.SYNC))) this.volume.commit(true);
    return result;
  }

  dirty(handle: Handle, inode: Inode): void {
    this.volume.inodes.dirty(handle, inode);
  }

  /** Sets the change time, and the modification time with `modified`, and dirties the inode. */
  stamp(handle: Handle, inode: Inode, modified: boolean): void {
    inode.ctime = this.now;
    inode.ctimeNsec = this.nowNsec;
    if (modified) {
      inode.mtime = this.now;
      inode.mtimeNsec = this.nowNsec;
    }
    this.volume.inodes.dirty(handle, inode);
  }

  /** Makes the access times that only memory knows part of the running transaction. */
  storeLazyTimes(): void {
    if (this.lazyTimes.size === 0) return;
    this.change((handle) => {
      for (const inode of this.lazyTimes) {
        this.dirty(handle, inode);
        inode.pins--;
      }
      this.lazyTimes.clear();
      return 0;
    });
  }

  /** Remembers an inode whose access time changed in memory alone. */
  addLazyTime(inode: Inode): void {
    if (this.lazyTimes.has(inode)) return;
    inode.pins++;
    this.lazyTimes.add(inode);
    if (this.lazyTimes.size >= MAX_LAZY_TIMES) this.storeLazyTimes();
  }

  /** Writes out everything, the lazy times included. @param durable wait for stable storage. */
  sync(durable: boolean): void {
    this.storeLazyTimes();
    this.volume.commit(durable);
  }

  /** Between operations: keeps memory bounded. */
  trim(): void {
    this.volume.inodes.trim();
    this.volume.cache.trim();
  }

  /** The negated errno for an error that an operation threw; records damage of the image. */
  errnoOf(error: unknown, operation: string): number {
    this.volume.fail(error, operation);
    if (error instanceof FsError) return -error.errno;
    if (error instanceof Error && "errno" in error && typeof error.errno === "number") {
      return -error.errno;
    }
    this.volume.options.report(
      `${operation}: ${error instanceof Error ? error.stack ?? error.message : error}`,
    );
    return -EIO;
  }

  #attempt(work: (handle: Handle) => number, credits: number): number {
    const handle = this.volume.begin(this.quota === null ? credits : credits + QUOTA_CREDITS);
    try {
      return work(handle);
    } finally {
      handle.end();
    }
  }
}

/** The error for an inode whose fields contradict each other. */
export function corruptInode(inode: Inode, field: string): Corrupt {
  return new Corrupt("inode", `inode ${inode.ino}`, field);
}
