/**
 * Takes inode numbers into use and gives them back: inode bitmap, descriptor counts, and the part of the inode table
 * that was never written (bg_itable_unused).
 *
 * @module
 */

import { ENOSPC } from "../errno.ts";
import { Corrupt } from "../errors.ts";
import type { Handle } from "../journal/transaction.ts";
import { BG_INODE_ZEROED } from "../layout/group_desc.ts";
import { S_IFDIR, S_IFMT } from "../layout/inode.ts";
import type { Inode } from "../volume/inode.ts";
import type { Volume } from "../volume/volume.ts";
import { clearBits, nextFree, setBits, testBit } from "./bitmap.ts";
import { InodeChooser } from "./choose_inode.ts";
import { InodeBitmaps } from "./inode_bitmaps.ts";

/** Allocates and frees inode numbers. */
export class InodeAllocator {
  readonly #bitmaps: InodeBitmaps;
  readonly #chooser: InodeChooser;
  /** No inode of the group below this index is free. */
  readonly #firstFree: Uint32Array;
  readonly #nothing: Int32Array;

  constructor(readonly volume: Volume) {
    const { geometry, groups } = volume;
    this.#bitmaps = new InodeBitmaps(volume);
    this.#chooser = new InodeChooser(geometry, groups);
    this.#firstFree = new Uint32Array(geometry.groupCount);
    this.#nothing = new Int32Array(geometry.blockBytes / 4);
  }

  /**
   * Takes a free inode number for a node of `mode` in `parent`. What its place in the table holds is not looked at:
   * make the inode with `InodeTable.fresh`.
   *
   * @returns the number, or -ENOSPC.
   */
  allocate(handle: Handle, parent: Inode, mode: number): number {
    const isDirectory = (mode & S_IFMT) === S_IFDIR;
    while (true) {
      const group = this.#chooser.choose(parent, isDirectory);
      if (group < 0) return -ENOSPC;
      try {
        return this.#take(handle, group, isDirectory);
      } catch (error) {
        if (!(error instanceof Corrupt)) throw error;
        // The group is left alone from now on; another one will do.
        this.#chooser.setFree(group, false);
        this.volume.fail(error, `inode allocation in group ${group}`);
      }
    }
  }

  /** @throws Corrupt when the number is reserved or not in use. */
  free(handle: Handle, ino: number, isDirectory: boolean): void {
    const { geometry, groups, superblock } = this.volume;
    const bad = (field: string): Corrupt => new Corrupt("inode number", String(ino), field);
    if (ino < superblock.firstInode || ino > geometry.inodesCount) throw bad("cannot be freed");
    const group = geometry.groupOfInode(ino);
    const index = (ino - 1) % geometry.inodesPerGroup;
    if (!testBit(this.#bitmaps.load(group).view, index)) throw bad("freed, but not in use");
    if ((groups.freeInodes[group] as number) >= geometry.inodesPerGroup) {
      throw bad("freed, but bg_free_inodes_count is at its most");
    }
    clearBits(this.#bitmaps.change(handle, group).view, index, 1);
    groups.addFreeInodes(group, 1);
    if (isDirectory && (groups.usedDirectories[group] as number) > 0) {
      groups.addDirectories(group, -1);
    }
    if (index < (this.#firstFree[group] as number)) this.#firstFree[group] = index;
    this.#chooser.setFree(group, true);
  }

  /**
   * Whether the number is in use according to its bitmap.
   * @throws Corrupt, DeviceError
   */
  isUsed(ino: number): boolean {
    const { geometry } = this.volume;
    const group = geometry.groupOfInode(ino);
    return testBit(this.#bitmaps.load(group).view, (ino - 1) % geometry.inodesPerGroup);
  }

  /** Takes this very number, which must be free, into use: what a log says of it. @throws Corrupt, DeviceError */
  claim(handle: Handle, ino: number, isDirectory: boolean): void {
    const { geometry, groups } = this.volume;
    if (this.isUsed(ino)) throw new Corrupt("inode number", String(ino), "claimed, but in use");
    const group = geometry.groupOfInode(ino);
    const index = (ino - 1) % geometry.inodesPerGroup;
    if ((groups.freeInodes[group] as number) === 0) {
      throw new Corrupt("inode bitmap", `group ${group}`, "bg_free_inodes_count is too low");
    }
    this.#prepareTable(handle, group, index);
    setBits(this.#bitmaps.change(handle, group).view, index, 1);
    groups.addFreeInodes(group, -1);
    if (isDirectory) groups.addDirectories(group, 1);
    if ((groups.freeInodes[group] as number) === 0) this.#chooser.setFree(group, false);
  }

  #take(handle: Handle, group: number, isDirectory: boolean): number {
    const { geometry, groups, superblock } = this.volume;
    const { view } = this.#bitmaps.load(group);
    const reserved = group === 0 ? superblock.firstInode - 1 : 0;
    const from = Math.max(reserved, this.#firstFree[group] as number);
    const index = nextFree(view, this.#nothing, from, geometry.inodesPerGroup);
    if (index >= geometry.inodesPerGroup) {
      throw new Corrupt("inode bitmap", `group ${group}`, "no inode is free, as counted");
    }
    this.#prepareTable(handle, group, index);
    setBits(this.#bitmaps.change(handle, group).view, index, 1);
    this.#firstFree[group] = index + 1;
    groups.addFreeInodes(group, -1);
    if (isDirectory) groups.addDirectories(group, 1);
    if ((groups.freeInodes[group] as number) === 0) this.#chooser.setFree(group, false);
    return group * geometry.inodesPerGroup + index + 1;
  }

  /**
   * Moves the border of the table's unused part behind inode `index`. Blocks that come into use are zeroed, unless
   * the table is known to be zeros: they may hold anything.
   */
  #prepareTable(handle: Handle, group: number, index: number): void {
    const { geometry, groups, superblock, cache } = this.volume;
    if (!superblock.hasGroupChecksums) return;
    const { inodesPerGroup, inodesPerBlock } = geometry;
    const used = this.#bitmaps.isUninit(group)
      ? 0
      : inodesPerGroup - (groups.unusedInodes[group] as number);
    if (index < used) return;
    if (((groups.flags[group] as number) & BG_INODE_ZEROED) === 0) {
      const table = groups.inodeTable[group] as number;
      const end = Math.floor(index / inodesPerBlock) + 1;
      for (let i = Math.ceil(used / inodesPerBlock); i < end; i++) {
        handle.dirty(cache.fresh(table + i));
      }
    }
    groups.unusedInodes[group] = inodesPerGroup - (index + 1);
    groups.touch(group);
  }
}
