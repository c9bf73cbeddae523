/**
 * The inode table: loads inodes, keeps a bounded number of them, writes changed ones back when a
 * transaction is sealed.
 *
 * As with buffers: an `Inode` that is neither dirty nor pinned may be replaced by another object
 * between operations, never within one.
 *
 * @module
 */

import type { BufferCache, CacheCounters } from "../device/cache.ts";
import { ClockRing } from "../device/clock_ring.ts";
import { ESTALE } from "../errno.ts";
import { Corrupt, FsError } from "../errors.ts";
import type { Handle, Participant } from "../journal/transaction.ts";
import type { InodeFormat } from "../layout/inode.ts";
import { RoCompat } from "../layout/features.ts";
import type { Geometry } from "./geometry.ts";
import type { GroupTable } from "./group_table.ts";
import { Inode } from "./inode.ts";

/** Inodes whose bytes are allocated together. */
const INODES_IN_SLAB = 64;
/** Evicted inodes kept for reuse. */
const MAX_SPARE = 256;

/** Whether the inode must stay in memory. */
function isHeld(inode: Inode): boolean {
  return inode.dirty || inode.pins > 0 || inode.users > 0 || inode.preallocation !== null;
}

/** Inodes by number. */
export class InodeTable implements Participant {
  readonly format: InodeFormat;
  readonly counters: CacheCounters = { hits: 0, misses: 0 };
  readonly #inodes = new Map<number, Inode>();
  readonly #ring = new ClockRing<Inode>();
  readonly #spare: Inode[] = [];
  #dirtyInodes: Inode[] = [];
  readonly #dirtyBlocks = new Set<number>();
  #slab = new Uint8Array(0);
  #slabUsed = 0;

  /** @param limit how many clean, unpinned inodes to keep after `trim`. */
  constructor(
    readonly cache: BufferCache,
    readonly geometry: Geometry,
    readonly groups: GroupTable,
    readonly limit: number,
  ) {
    const { superblock } = geometry;
    this.format = {
      inodeBytes: geometry.inodeBytes,
      blockBytes: geometry.blockBytes,
      checksumSeed: superblock.hasMetadataChecksums ? superblock.checksumSeed : undefined,
      hugeFile: superblock.hasRoCompat(RoCompat.HUGE_FILE),
    };
  }

  /**
   * The inode, whatever its state (it may be free or deleted).
   * @throws Corrupt for a number out of range or a bad inode; DeviceError.
   */
  load(ino: number): Inode {
    const cached = this.#inodes.get(ino);
    if (cached !== undefined) {
      cached.referenced = true;
      this.counters.hits++;
      return cached;
    }
    this.counters.misses++;
    const inode = this.#make(ino);
    const block = this.blockOf(ino);
    inode.decode(this.cache.get(block).bytes, this.offsetOf(ino));
    if (!this.geometry.blocksInRange(inode.fileAcl, 1) && inode.fileAcl !== 0) {
      throw new Corrupt("inode", `inode ${ino}`, `i_file_acl ${inode.fileAcl}`);
    }
    inode.updateChecksumSeed();
    this.#keep(inode);
    return inode;
  }

  /**
   * The inode of a living file, directory or other node.
   * @throws FsError ESTALE when it is free.
   */
  get(ino: number): Inode {
    const inode = this.load(ino);
    if (inode.mode === 0 || (inode.links === 0 && !inode.orphan)) {
      throw new FsError(ESTALE, `inode ${ino} is not in use`);
    }
    return inode;
  }

  /** The inode if it is in memory. */
  peek(ino: number): Inode | undefined {
    return this.#inodes.get(ino);
  }

  /** A blank inode object for a number that was just allocated; nothing is read. */
  fresh(ino: number): Inode {
    const old = this.#inodes.get(ino);
    if (old !== undefined) {
      const { dirty } = old;
      old.reset(ino);
      old.dirty = dirty;
      return old;
    }
    const inode = this.#make(ino);
    this.#keep(inode);
    return inode;
  }

  /** Marks the inode as changed under `handle`. */
  dirty(handle: Handle, inode: Inode): void {
    if (!handle.isOpen) throw new Error("inode changed outside an operation");
    if (inode.dirty) return;
    inode.dirty = true;
    this.#dirtyInodes.push(inode);
    this.#dirtyBlocks.add(this.blockOf(inode.ino));
  }

  beforeSeal(handle: Handle): void {
    for (const inode of this.#dirtyInodes) {
      const buffer = this.cache.get(this.blockOf(inode.ino));
      inode.encode(buffer.bytes, this.offsetOf(inode.ino));
      handle.dirty(buffer);
      inode.dirty = false;
    }
    this.#dirtyInodes = [];
    this.#dirtyBlocks.clear();
  }

  /** Table blocks that changed inodes lie in. */
  get pendingBlocks(): number {
    return this.#dirtyBlocks.size;
  }

  /** How many are in memory. */
  get size(): number {
    return this.#inodes.size;
  }

  /** How many inodes wait for the next commit. */
  get dirtyCount(): number {
    return this.#dirtyInodes.length;
  }

  /** Drops inodes down to the limit. Only between operations. */
  trim(): void {
    this.#ring.trim(this.limit, isHeld, this.#evict);
  }

  readonly #evict = (inode: Inode): void => {
    this.#inodes.delete(inode.ino);
    if (this.#spare.length < MAX_SPARE) this.#spare.push(inode);
  };

  #keep(inode: Inode): void {
    this.#inodes.set(inode.ino, inode);
    this.#ring.add(inode);
  }

  /** A blank inode, one that was evicted if possible; their bytes come out of larger pieces. */
  #make(ino: number): Inode {
    const spare = this.#spare.pop();
    if (spare !== undefined) {
      spare.reset(ino);
      return spare;
    }
    const { inodeBytes } = this.geometry;
    if (this.#slabUsed === this.#slab.length) {
      this.#slab = new Uint8Array(INODES_IN_SLAB * inodeBytes);
      this.#slabUsed = 0;
    }
    const raw = this.#slab.subarray(this.#slabUsed, this.#slabUsed + inodeBytes);
    this.#slabUsed += inodeBytes;
    return new Inode(ino, this.format, raw);
  }

  /** Every inode in memory. */
  values(): IterableIterator<Inode> {
    return this.#inodes.values();
  }

  /** Disk block that holds the inode. @throws Corrupt */
  blockOf(ino: number): number {
    const { geometry } = this;
    if (ino < 1 || ino > geometry.inodesCount || !Number.isInteger(ino)) {
      throw new Corrupt("inode number", String(ino), `out of range 1 to ${geometry.inodesCount}`);
    }
    const index = (ino - 1) % geometry.inodesPerGroup;
    const table = this.groups.inodeTable[geometry.groupOfInode(ino)] ?? 0;
    return table + Math.floor(index / geometry.inodesPerBlock);
  }

  /** Byte offset of the inode in its block. */
  offsetOf(ino: number): number {
    const { inodesPerGroup, inodesPerBlock, inodeBytes } = this.geometry;
    return (((ino - 1) % inodesPerGroup) % inodesPerBlock) * inodeBytes;
  }
}
