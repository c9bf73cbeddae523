/**
 * Orphans: inodes without a name that are still in use, or whose truncation is under way. A crash
 * leaves them on disk, on the list that starts at s_last_orphan and goes on through i_dtime, or in
 * the orphan file (kernel documentation: filesystems/ext4/orphan, "Orphan file" and "Linked list").
 *
 * The list is kept in memory and stored when a transaction is sealed, so an inode that comes and goes
 * between two commits costs nothing.
 *
 * @module
 */

import { Corrupt } from "../errors.ts";
import type { Handle, Participant } from "../journal/transaction.ts";
import type { Inode } from "../volume/inode.ts";
import type { Engine } from "./engine.ts";

/** The orphans of a mounted file system, oldest first. */
export class OrphanList implements Participant {
  readonly #inodes = new Set<Inode>();
  #changed = false;

  constructor(readonly engine: Engine) {
    engine.volume.transactions.register(this);
  }

  get size(): number {
    return this.#inodes.size;
  }

  /** Puts the inode on the list; it stays in memory until it is removed. */
  add(inode: Inode): void {
    if (inode.orphan) return;
    inode.orphan = true;
    inode.pins++;
    this.#inodes.add(inode);
    this.#changed = true;
  }

  /** Takes the inode off the list. The caller dirties it (`dtime` is changed). */
  remove(inode: Inode): void {
    if (!inode.orphan) return;
    inode.orphan = false;
    inode.pins--;
    inode.dtime = 0;
    this.#inodes.delete(inode);
    this.#changed = true;
  }

  /** The orphans now, oldest first. */
  values(): Inode[] {
    return [...this.#inodes];
  }

  beforeSeal(handle: Handle): void {
    if (!this.#changed) return;
    this.#changed = false;
    const { volume } = this.engine;
    let next = 0;
    for (const inode of this.#inodes) {
      if (inode.dtime !== next) {
        inode.dtime = next;
        volume.dirtyInode(handle, inode);
      }
      next = inode.ino;
    }
    if (volume.superblock.lastOrphan !== next) {
      volume.superblock.lastOrphan = next;
      volume.touchSuperblock();
    }
  }
}

/**
 * Reads the list that an earlier mount left on disk.
 * @returns the inodes, in the order of the list.
 * @throws Corrupt for a number out of range or a cycle.
 */
export function storedOrphans(engine: Engine): Inode[] {
  const { superblock, inodes } = engine.volume;
  const found = new Set<Inode>();
  let ino = superblock.lastOrphan;
  while (ino !== 0) {
    if (ino < superblock.firstInode && ino !== 2) {
      throw new Corrupt("orphan list", `after ${found.size} inodes`, `inode ${ino} is reserved`);
    }
    const inode = inodes.load(ino);
    if (found.has(inode)) throw new Corrupt("orphan list", `inode ${ino}`, "the list has a cycle");
    found.add(inode);
    ino = inode.dtime;
  }
  return [...found];
}
