/**
 * The allocator: clusters for files and metadata, and inode numbers.
 *
 * A `-ENOSPC` or `-EDQUOT` is an answer, not an error. When only clusters that the running transaction freed could satisfy a
 * request, the answer is `NEEDS_COMMIT`: commit, and ask once more.
 *
 * @module
 */

import { EDQUOT, ENOSPC } from "../errno.ts";
import { Corrupt } from "../errors.ts";
import type { Handle, Participant } from "../journal/transaction.ts";
import type { Inode } from "../volume/inode.ts";
import { chargeSectors } from "../volume/usage.ts";
import type { Volume } from "../volume/volume.ts";
import { Account } from "./account.ts";
import { eachRun, nextFree, nextUsed, setWords } from "./bitmap.ts";
import { BlockBitmaps } from "./block_bitmaps.ts";
import type { BlockKeeper } from "./block_keeper.ts";
import { BlockChooser } from "./choose_block.ts";
import { HiddenSpace } from "./hidden_space.ts";
import { InodeAllocator } from "./inode_allocator.ts";
import { Preallocations } from "./preallocation.ts";
import type { PendingGroup } from "./pending_frees.ts";
import { SystemZones } from "./system_zones.ts";

/** Answer instead of -ENOSPC: a commit would make room. */
export const NEEDS_COMMIT = -0x20000000;

/** What is asked of `Allocator.allocate`. Made once by the caller and reused. */
export interface AllocationGoal {
  /** The disk block to begin at if possible; 0: near the inode. */
  diskBlock: number;
  /** File block that the first block is for; 0 for metadata. */
  fileBlock: number;
  /** Blocks wanted, at least 1. */
  blocks: number;
  metadata: boolean;
  /** May use the blocks reserved for the superuser. */
  privileged: boolean;
  /** The file grows: reserve what follows for it. */
  append: boolean;
  /** The inode gives back as many at once: no limit is asked. */
  exchange?: boolean;
}

/** Told of freed runs once their transaction is stored, e.g. to discard them. */
export type FreedListener = (diskBlock: number, blocks: number) => void;

/** Allocates and frees. */
export class Allocator implements Participant {
  /** Where the last successful `allocate` put its blocks. */
  readonly found = { diskBlock: 0, blocks: 0 };
  readonly zones: SystemZones;
  readonly inodes: InodeAllocator;
  onFreed: FreedListener | null = null;
  /** Takes over blocks that are not to be freed; null when all are. */
  keeper: BlockKeeper | null = null;
  /** Free clusters that `allocate` leaves alone. */
  heldBack = 0;
  /** The last `allocate` that answered -ENOSPC did so for want of free clusters. Set to false by who asks. */
  lackedSpace = false;
  /** When `free` is asked for just these blocks, the inode is discharged and they stay in use: another file's. */
  readonly detached = { diskBlock: 0, blocks: 0 };
  /** What the layer of directories keeps with the volume. */
  directories: object | null = null;

  readonly #bitmaps: BlockBitmaps;
  readonly #hidden: HiddenSpace;
  readonly #chooser: BlockChooser;
  readonly #account: Account;
  readonly #windows: Preallocations;
  /** Freed by transactions that are being stored, the oldest first: hidden until that is done. */
  readonly #sealed: Map<number, PendingGroup>[] = [];

  /** Registers itself with the volume's transactions; to be made before `volume.start()`. */
  constructor(readonly volume: Volume) {
    const { geometry, groups } = volume;
    this.zones = new SystemZones(geometry, groups);
    this.#bitmaps = new BlockBitmaps(volume, this.zones);
    this.#hidden = new HiddenSpace(geometry.blockBytes / 4);
    const report = (group: number, error: unknown): void =>
      volume.fail(error, `allocation in group ${group}`);
    this.#chooser = new BlockChooser(geometry, this.#bitmaps, this.#hidden, report);
    this.#account = new Account(volume, this.#bitmaps, this.zones);
    this.#windows = new Preallocations(geometry, this.#hidden, this.#chooser);
    this.inodes = new InodeAllocator(volume);
    volume.transactions.register(this);
  }

  /**
   * Allocates one run near a goal and puts it into `found`: whole clusters, of which the blocks wanted are told. With
   * clusters of several blocks, the run lies as deep in its first cluster as `goal.fileBlock` lies in its own.
   * Charges and dirties the inode.
   *
   * @returns blocks allocated, 1 to `goal.blocks`; -ENOSPC; -EDQUOT; NEEDS_COMMIT.
   * @throws Corrupt, DeviceError
   */
  allocate(handle: Handle, inode: Inode, goal: AllocationGoal): number {
    const { clusterBlocks, clusterBits } = this.volume.geometry;
    let free = this.#permitted(goal.privileged);
    if (free <= 0) return this.#noSpace();
    if (this.heldBack > 0) {
      free = Math.min(free, this.unhiddenClusters - this.heldBack);
      if (free <= 0) return NEEDS_COMMIT;
    }
    const offset = goal.metadata ? 0 : goal.fileBlock & (clusterBlocks - 1);
    const last = offset + goal.blocks + clusterBlocks - 1;
    let wanted = Math.min(Math.floor(last / clusterBlocks), free);
    if (this.volume.usage !== null && goal.exchange !== true) {
      const room = this.volume.usage.room(inode);
      wanted = Math.min(wanted, Math.floor(room / this.#account.sectorsPerCluster));
      if (wanted <= 0) return -EDQUOT;
    }
    const appends = goal.append && !goal.metadata;
    let clusters = 0;
    if (appends) clusters = this.#fromWindow(inode, goal.fileBlock - offset, wanted);
    if (clusters === 0) clusters = this.#choose(inode, goal, offset, wanted);
    if (clusters < 0) return clusters;
    const { group, bit } = this.#chooser.chosen;
    this.#account.take(handle, inode, group, bit, clusters);
    this.#chooser.taken(group, bit, clusters);
    if (appends) this.#reserve(inode, goal.fileBlock - offset, wanted, clusters);
    const { found } = this;
    found.diskBlock = this.volume.geometry.groupFirstBlock(group) + (bit << clusterBits) + offset;
    found.blocks = Math.min(goal.blocks, clusters * clusterBlocks - offset);
    return found.blocks;
  }

  /**
   * Gives back, within the same operation, what `allocate` gave: usable again at once. Buffers made for it must not
   * have been dirtied.
   */
  undo(handle: Handle, inode: Inode, diskBlock: number, blocks: number): void {
    const { geometry } = this.volume;
    const group = geometry.groupOfBlock(diskBlock);
    const bit = geometry.bitOfBlock(diskBlock);
    const clusters = geometry.bitOfBlock(diskBlock + blocks - 1) - bit + 1;
    this.#account.untake(handle, inode, group, bit, clusters);
    this.#chooser.revealed(group, bit);
  }

  /**
   * Checks that a range can be freed.
   * @throws Corrupt when it is out of range, fixed metadata, or not in use.
   */
  checkFree(diskBlock: number, blocks: number): void {
    this.#account.check(diskBlock, blocks);
    this.keeper?.check(diskBlock, blocks);
  }

  /**
   * Frees whole clusters (a range that begins or ends within one frees it whole). They are counted as free at once and
   * used again after the commit. Discharges and dirties the inode, if one is given. What the keeper wants goes to it.
   *
   * @param metadata buffers of the blocks are dropped, and the journal is told; so too for content that may
   *   have been journaled.
   * @throws Corrupt before anything is changed, as `checkFree`; DeviceError.
   */
  free(
    handle: Handle,
    inode: Inode | null,
    diskBlock: number,
    blocks: number,
    metadata: boolean,
  ): void {
    this.checkFree(diskBlock, blocks);
    const { keeper, detached } = this;
    if (detached.blocks === blocks && detached.diskBlock === diskBlock && inode !== null) {
      return this.#discharge(handle, inode, blocks);
    }
    if (keeper === null) return this.#free(handle, inode, diskBlock, blocks, metadata);
    if (inode !== null && keeper.owns(inode)) {
      keeper.forget(diskBlock, blocks);
      return this.#free(handle, inode, diskBlock, blocks, metadata);
    }
    for (let at = diskBlock, end = diskBlock + blocks; at < end;) {
      const run = keeper.run(at, end - at);
      if (run < 0) this.#free(handle, inode, at, -run, metadata);
      else {
        keeper.take(at, run);
        if (inode !== null) this.#discharge(handle, inode, run);
        if (metadata || this.volume.contentInLog) this.volume.cache.forget(at, run);
      }
      at += Math.abs(run);
    }
  }

  #discharge(handle: Handle, inode: Inode, blocks: number): void {
    chargeSectors(this.volume, handle, inode, -blocks * this.#account.sectorsPerCluster);
  }

  #free(
    handle: Handle,
    inode: Inode | null,
    diskBlock: number,
    blocks: number,
    metadata: boolean,
  ): void {
    this.#account.free(handle, inode, diskBlock, blocks);
    if (metadata || this.volume.contentInLog) handle.forget(diskBlock, blocks);
  }

  /**
   * Takes these very blocks, which must be free, into use for an inode: what a log says of them. Whole clusters: a range
   * that begins or ends within one takes it whole. Charges and dirties the inode.
   * @throws Corrupt when they are not free; DeviceError.
   */
  claim(handle: Handle, inode: Inode, diskBlock: number, blocks: number): void {
    const { geometry } = this.volume;
    const bad = (field: string): Corrupt =>
      new Corrupt("block map", `blocks ${diskBlock} to ${diskBlock + blocks - 1}`, field);
    if (!geometry.blocksInRange(diskBlock, blocks)) throw bad("outside the file system");
    this.#eachGroup(diskBlock, blocks, (group, bit, count) => {
      const { view } = this.#bitmaps.load(group);
      const none = this.#hidden.of(-1);
      if (nextUsed(view, none, bit, bit + count) < bit + count) throw bad("claimed, but in use");
    });
    this.#eachGroup(diskBlock, blocks, (group, bit, count) => {
      this.#account.take(handle, inode, group, bit, count);
      this.#chooser.taken(group, bit, count);
    });
  }

  /** Gives back, within the same operation, what `claim` took. */
  unclaim(handle: Handle, inode: Inode, diskBlock: number, blocks: number): void {
    this.#eachGroup(diskBlock, blocks, (group, bit, clusters) => {
      this.#account.untake(handle, inode, group, bit, clusters);
      this.#chooser.revealed(group, bit);
    });
  }

  /** Keeps clusters, none of which is kept already, from being found by `allocate`: they are to be claimed. */
  keepBack(diskBlock: number, blocks: number): void {
    this.#eachGroup(
      diskBlock,
      blocks,
      (group, bit, count) => this.#hidden.hide(group, bit, count),
    );
  }

  #eachGroup(
    diskBlock: number,
    blocks: number,
    emit: (group: number, bit: number, clusters: number) => void,
  ): void {
    const { geometry } = this.volume;
    for (let block = diskBlock; block < diskBlock + blocks;) {
      const group = geometry.groupOfBlock(block);
      const end = geometry.groupFirstBlock(group) + geometry.blocksPerGroup;
      const next = Math.min(diskBlock + blocks, end);
      const bit = geometry.bitOfBlock(block);
      emit(group, bit, geometry.bitOfBlock(next - 1) - bit + 1);
      block = next;
    }
  }

  /** Gives the inode's reserved window back: when a file is closed, truncated or deleted. */
  discardPreallocation(inode: Inode): void {
    this.#windows.release(inode);
  }

  /** Gives all windows back: at unmount, or to see how much is free in one piece. */
  discardAllPreallocations(): void {
    this.#windows.releaseAll();
  }

  /** Blocks that no file and no metadata uses. */
  freeBlocks(): number {
    return this.volume.groups.totalFreeClusters * this.volume.geometry.clusterBlocks;
  }

  /** Blocks that can still be allocated; without `privileged`, less those reserved for the superuser. */
  available(privileged: boolean): number {
    return Math.max(0, this.#permitted(privileged)) * this.volume.geometry.clusterBlocks;
  }

  /** Whether any of `blocks` blocks from `diskBlock` on is fixed metadata or in the journal. */
  isSystemBlock(diskBlock: number, blocks: number): boolean {
    return this.zones.overlaps(diskBlock, blocks);
  }

  /** @returns an inode number, or -ENOSPC. See `InodeAllocator.allocate`. */
  allocateInode(handle: Handle, parent: Inode, mode: number): number {
    return this.inodes.allocate(handle, parent, mode);
  }

  /** Frees an inode number; its window is given back. @throws Corrupt when it is not in use. */
  freeInode(handle: Handle, ino: number, isDirectory: boolean): void {
    const inode = this.volume.inodes.peek(ino);
    if (inode !== undefined) this.#windows.release(inode);
    this.inodes.free(handle, ino, isDirectory);
  }

  /**
   * Calls `emit` with the free runs of a group that can be used now, of at least `minimumBlocks` blocks.
   * @throws Corrupt, DeviceError
   */
  forEachFreeRun(
    group: number,
    minimumBlocks: number,
    emit: (diskBlock: number, blocks: number) => void,
  ): void {
    const { geometry } = this.volume;
    const { view } = this.#bitmaps.load(group);
    const hidden = this.#hidden.of(group);
    const end = geometry.groupClusters(group);
    const first = geometry.groupFirstBlock(group);
    for (let bit = nextFree(view, hidden, 0, end); bit < end;) {
      const stop = nextUsed(view, hidden, bit, end);
      const blocks = Math.min(
        (stop - bit) * geometry.clusterBlocks,
        geometry.groupBlocks(group) - bit * geometry.clusterBlocks,
      );
      if (blocks >= minimumBlocks) emit(first + bit * geometry.clusterBlocks, blocks);
      bit = nextFree(view, hidden, stop, end);
    }
  }

  beforeSeal(handle: Handle): void {
    const { pending } = this.#account;
    this.#account.seal(handle);
    for (const [group, { words, count }] of pending.groups) {
      this.#hidden.hideMask(group, words, count);
    }
    this.#sealed.push(pending.take());
  }

  afterCommit(): void {
    const stored = this.#sealed.shift();
    if (stored === undefined) return;
    for (const [group, { words, count }] of stored) {
      this.#hidden.revealMask(group, words, count);
      this.#chooser.revealed(group, words.findIndex((word) => word !== 0) << 5);
      if (this.onFreed !== null) this.#tellFreed(group, words, this.onFreed);
    }
  }

  /**
   * While a transaction is sealed: frees clusters of a group that its keeper had taken, after all. They are used again
   * after the commit. @param words a bitmap of them.
   */
  freeSealed(handle: Handle, group: number, words: Int32Array): void {
    const { geometry } = this.volume;
    const sealed = this.#sealed.at(-1);
    if (sealed === undefined) throw new Error("no transaction is sealed");
    const first = geometry.groupFirstBlock(group);
    let entry = sealed.get(group);
    if (entry === undefined) {
      entry = { words: new Int32Array(words.length), count: 0 };
      sealed.set(group, entry);
    }
    const { words: freed } = entry;
    eachRun(words, geometry.groupClusters(group), (bit, count) => {
      this.#account.untake(handle, null, group, bit, count);
      this.#hidden.hide(group, bit, count);
      setWords(freed, bit, count);
      handle.forget(first + bit * geometry.clusterBlocks, count * geometry.clusterBlocks);
      entry.count += count;
    });
  }

  /** Clusters that a caller may take. */
  #permitted(privileged: boolean): number {
    const { groups, superblock, geometry } = this.volume;
    const reserved = privileged
      ? 0
      : Math.floor(superblock.reservedBlocksCount / geometry.clusterBlocks);
    return groups.totalFreeClusters - this.#chooser.unusable - Math.max(reserved, this.heldBack);
  }

  /** Draws from the file's window into `chosen`. @returns clusters, 0 for none */
  #fromWindow(inode: Inode, fileBlock: number, wanted: number): number {
    if (inode.preallocation === null) return 0;
    const { geometry } = this.volume;
    const taken = this.found;
    const blocks = this.#windows.draw(inode, fileBlock, wanted * geometry.clusterBlocks, taken);
    if (blocks === 0) return 0;
    const { chosen } = this.#chooser;
    chosen.group = geometry.groupOfBlock(taken.diskBlock);
    chosen.bit = geometry.bitOfBlock(taken.diskBlock);
    chosen.clusters = blocks / geometry.clusterBlocks;
    return chosen.clusters;
  }

  /** Searches for `wanted` clusters. @returns clusters found, in `chosen`; -ENOSPC; NEEDS_COMMIT */
  #choose(inode: Inode, goal: AllocationGoal, offset: number, wanted: number): number {
    const { geometry, groups } = this.volume;
    const near = goal.diskBlock - offset;
    const exact = near > geometry.firstDataBlock && near < geometry.blocksCount;
    const group = exact ? geometry.groupOfBlock(near) : geometry.groupOfInode(inode.ino);
    const bit = exact ? geometry.bitOfBlock(near) : -1;
    let length = wanted;
    if (goal.append && !goal.metadata) {
      const free = groups.totalFreeClusters - this.#windows.reservedBlocks / geometry.clusterBlocks;
      length += this.#windows.windowBlocks(goal.fileBlock, goal.blocks, free) >>>
        geometry.clusterBits;
    }
    const { chosen } = this.#chooser;
    if (this.#chooser.choose(group, bit, length, wanted)) return Math.min(wanted, chosen.clusters);
    if (this.#windows.count > 0) {
      this.#windows.releaseAll();
      if (this.#chooser.choose(group, bit, wanted, wanted)) {
        return Math.min(wanted, chosen.clusters);
      }
    }
    const comes = this.#account.pending.total > 0 || this.#sealed.some((freed) => freed.size > 0);
    return comes ? NEEDS_COMMIT : this.#noSpace();
  }

  #noSpace(): number {
    this.lackedSpace = true;
    return -ENOSPC;
  }

  /** Free clusters, without those that can be used only after a commit. */
  get unhiddenClusters(): number {
    let waiting = this.#account.pending.total;
    for (const groups of this.#sealed) for (const { count } of groups.values()) waiting += count;
    return this.volume.groups.totalFreeClusters - this.#chooser.unusable - waiting;
  }

  /** Reserves what was chosen beyond the clusters that were taken. */
  #reserve(inode: Inode, fileBlock: number, wanted: number, clusters: number): void {
    const { geometry, groups } = this.volume;
    const { chosen } = this.#chooser;
    if (chosen.clusters <= clusters || clusters < wanted) return;
    const free = groups.totalFreeClusters - this.#windows.reservedBlocks / geometry.clusterBlocks;
    const blocks = this.#windows.windowBlocks(fileBlock, clusters * geometry.clusterBlocks, free);
    const rest = Math.min(chosen.clusters - clusters, blocks >>> geometry.clusterBits);
    if (rest <= 0) return;
    const bit = chosen.bit + clusters;
    this.#windows.reserve(
      inode,
      fileBlock + clusters * geometry.clusterBlocks,
      geometry.groupFirstBlock(chosen.group) + bit * geometry.clusterBlocks,
      rest * geometry.clusterBlocks,
    );
  }

  /** Tells `listener` of the runs of set bits. */
  #tellFreed(group: number, words: Int32Array, listener: FreedListener): void {
    const { geometry } = this.volume;
    const first = geometry.groupFirstBlock(group);
    eachRun(words, geometry.groupClusters(group), (bit, count) => {
      const start = first + bit * geometry.clusterBlocks;
      listener(start, Math.min(count * geometry.clusterBlocks, geometry.blocksCount - start));
    });
  }
}
