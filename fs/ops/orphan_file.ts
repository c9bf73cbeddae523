/**
 * The orphan file: a fixed file whose blocks hold inode numbers of orphans (kernel documentation:
 * filesystems/ext4/orphan, "Orphan file"). RO_COMPAT_ORPHAN_PRESENT is set while there are any.
 *
 * What it holds is known in memory, so a block is written anew without being read. But none is written that was not
 * found to be an orphan file's before: a damaged image may have anything there.
 *
 * @module
 */

import type { Sealer } from "../device/cache.ts";
import { Corrupt } from "../errors.ts";
import type { Handle } from "../journal/transaction.ts";
import { Compat, RoCompat } from "../layout/features.ts";
import { InodeFlag } from "../layout/inode.ts";
import {
  orphanInode,
  orphansPerBlock,
  setOrphanBlockChecksum,
  setOrphanInode,
  validateOrphanBlock,
  writeEmptyOrphanBlock,
} from "../layout/orphan_file.ts";
import { blockOf } from "../map/map.ts";
import type { Inode } from "../volume/inode.ts";
import type { Engine } from "./engine.ts";

/** More blocks than mke2fs ever gives the file. */
const MAX_BLOCKS = 4096;

const sealer: Sealer = {
  seal(buffer, seed) {
    setOrphanBlockChecksum(buffer.bytes, buffer.view, buffer.block, seed);
  },
};

/** Slots for orphans on disk. */
export class OrphanFile {
  readonly #inode: Inode;
  readonly #slotsInBlock: number;
  readonly #blockCount: number;
  /** Disk blocks that were looked at and may be written, from the file's first on. */
  readonly #blocks: number[] = [];
  /** No further block can be looked at. */
  #closed = false;
  readonly #slotOf = new Map<Inode, number>();
  /** Inode numbers by slot, of each block. */
  readonly #held: Map<number, number>[] = [];
  /** Slots below `#next` that are free. */
  readonly #free: number[] = [];
  #next = 0;
  readonly #dirtyBlocks = new Set<number>();

  private constructor(readonly engine: Engine, inode: Inode) {
    const { blockBytes } = engine.volume.geometry;
    this.#inode = inode;
    this.#slotsInBlock = orphansPerBlock(blockBytes);
    this.#blockCount = Math.floor(inode.size / blockBytes);
  }

  /**
   * The file system's orphan file, with the inodes that an earlier mount left in it; null when it has none, or no
   * journal, without which the file is not used.
   * @throws Corrupt, DeviceError
   */
  static open(engine: Engine): OrphanFile | null {
    const { superblock, inodes, geometry, journal } = engine.volume;
    if (!superblock.hasCompat(Compat.ORPHAN_FILE) || superblock.orphanFileInode === 0) return null;
    if (journal === null && !superblock.hasRoCompat(RoCompat.ORPHAN_PRESENT)) return null;
    const inode = inodes.load(superblock.orphanFileInode);
    const bad = (field: string): Corrupt => new Corrupt("orphan file", `inode ${inode.ino}`, field);
    if (!inode.isRegular || inode.has(InodeFlag.INLINE_DATA)) throw bad("i_mode or i_flags");
    if (inode.size / geometry.blockBytes > MAX_BLOCKS) throw bad(`i_size ${inode.size}`);
    // It stays in memory, as the list of its orphans does.
    inode.pins++;
    const file = new OrphanFile(engine, inode);
    if (superblock.hasRoCompat(RoCompat.ORPHAN_PRESENT)) file.#readAll();
    return file;
  }

  /** The inodes in it. */
  values(): Inode[] {
    return [...this.#slotOf.keys()];
  }

  has(inode: Inode): boolean {
    return this.#slotOf.has(inode);
  }

  /** Blocks that `store` changes when so many inodes come in, at most. */
  pendingBlocks(coming: number): number {
    return Math.min(this.#blockCount, this.#dirtyBlocks.size + coming);
  }

  /**
   * Looks at further blocks until so many inodes have room. What goes wrong is reported, and ends the file there: the
   * operation that needs a slot is under way.
   */
  makeRoom(inodes: number): void {
    while (!this.#closed && this.#room < inodes) {
      try {
        this.#openBlock();
      } catch (error) {
        this.#closed = true;
        this.engine.volume.fail(error, "orphan file");
      }
    }
  }

  /** Gives the inode a slot. @returns false when there is none: room must be made before. */
  put(inode: Inode): boolean {
    if (this.#room === 0) return false;
    const slot = this.#free.pop() ?? this.#next++;
    this.#slotOf.set(inode, slot);
    this.#setSlot(slot, inode.ino);
    return true;
  }

  /** Frees the inode's slot, if it has one. */
  remove(inode: Inode): void {
    const slot = this.#slotOf.get(inode);
    if (slot === undefined) return;
    this.#slotOf.delete(inode);
    this.#free.push(slot);
    this.#setSlot(slot, 0);
  }

  /** Puts what changed into the transaction. */
  store(handle: Handle): void {
    const { volume } = this.engine;
    const { superblock, cache } = volume;
    const sealed = superblock.hasMetadataChecksums ? sealer : null;
    for (const index of this.#dirtyBlocks) {
      const buffer = cache.fresh(this.#blocks[index] ?? 0);
      writeEmptyOrphanBlock(buffer.bytes, buffer.view);
      for (const [slot, ino] of this.#held[index] ?? []) setOrphanInode(buffer.view, slot, ino);
      handle.dirty(buffer, sealed, this.#inode.checksumSeed);
    }
    this.#dirtyBlocks.clear();
    const isPresent = this.#slotOf.size > 0;
    if (superblock.hasRoCompat(RoCompat.ORPHAN_PRESENT) === isPresent) return;
    superblock.featureRoCompat ^= RoCompat.ORPHAN_PRESENT;
    volume.touchSuperblock();
  }

  get #room(): number {
    return this.#free.length + this.#blocks.length * this.#slotsInBlock - this.#next;
  }

  #setSlot(slot: number, ino: number): void {
    const index = Math.floor(slot / this.#slotsInBlock);
    const held = this.#held[index];
    const at = slot % this.#slotsInBlock;
    if (ino === 0) held?.delete(at);
    else held?.set(at, ino);
    this.#dirtyBlocks.add(index);
  }

  /** Looks at the next block. @throws Corrupt when it is no orphan file's; DeviceError. */
  #openBlock(): DataView | null {
    const index = this.#blocks.length;
    if (index >= this.#blockCount) {
      this.#closed = true;
      return null;
    }
    const { geometry, cache, superblock } = this.engine.volume;
    const block = blockOf(this.engine.alloc, this.#inode, index);
    if (block === 0) {
      throw new Corrupt("orphan file", `inode ${this.#inode.ino}`, `block ${index} is a hole`);
    }
    const { bytes, view } = cache.get(block);
    const seed = superblock.hasMetadataChecksums ? this.#inode.checksumSeed : undefined;
    validateOrphanBlock(bytes, view, block, geometry.inodesCount, seed);
    this.#blocks.push(block);
    this.#held.push(new Map());
    return view;
  }

  /** Takes over what an earlier mount left. */
  #readAll(): void {
    const { inodes, superblock } = this.engine.volume;
    for (let view = this.#openBlock(); view !== null; view = this.#openBlock()) {
      const index = this.#blocks.length - 1;
      const first = index * this.#slotsInBlock;
      for (let at = 0; at < this.#slotsInBlock; at++) {
        const ino = orphanInode(view, at);
        if (ino !== 0 && ino < superblock.firstInode) {
          throw new Corrupt("orphan file", `block ${index}`, `inode ${ino} is reserved`);
        }
        const inode = ino === 0 ? undefined : inodes.load(ino);
        if (inode === undefined || this.#slotOf.has(inode)) {
          // A number that is there twice goes with the next change.
          if (inode !== undefined) this.#dirtyBlocks.add(index);
          this.#free.push(first + at);
          continue;
        }
        this.#slotOf.set(inode, first + at);
        this.#held[index]?.set(at, ino);
      }
    }
    this.#next = this.#blocks.length * this.#slotsInBlock;
    // The lowest first.
    this.#free.reverse();
  }
}
