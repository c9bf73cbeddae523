/**
 * Orphans: inodes without a name that are still in use, or whose truncation is under way. A crash
 * leaves them on disk, in the orphan file, or on the list that starts at s_last_orphan and goes on
 * through i_dtime when there is no file or no room in it (kernel documentation: filesystems/ext4/orphan).
 *
 * They are kept in memory and stored when a transaction is sealed, so an inode that comes and goes
 * between two commits costs nothing.
 *
 * @module
 */

import { Corrupt } from "../errors.ts";
import type { Handle, Participant } from "../journal/transaction.ts";
import type { Inode } from "../volume/inode.ts";
import type { Engine } from "./engine.ts";
import type { OrphanFile } from "./orphan_file.ts";

/** The orphans of a mounted file system, oldest first. */
export class OrphanList implements Participant {
  readonly #inodes = new Set<Inode>();
  /** Not stored yet. */
  readonly #coming = new Set<Inode>();
  /** Those of the list on disk: all that are in no file. */
  readonly #listed = new Set<Inode>();
  #file: OrphanFile | null = null;
  #listChanged = false;
  #changed = false;

  constructor(readonly engine: Engine) {
    engine.volume.transactions.register(this);
  }

  get size(): number {
    return this.#inodes.size;
  }

  /** From now on orphans go into the file as long as it has room. Those in it already become orphans here. */
  useFile(file: OrphanFile): void {
    this.#file = file;
    for (const inode of file.values()) this.#insert(inode);
    this.#changed = true;
  }

  /** Takes over a list that an earlier mount left on disk; whatever it leads to, it is stored anew. */
  useList(newestFirst: readonly Inode[]): void {
    for (const inode of [...newestFirst].reverse()) {
      if (inode.orphan) continue;
      this.#insert(inode);
      this.#listed.add(inode);
    }
    this.#changed = this.#listChanged = true;
  }

  /** Makes the inode an orphan; it stays in memory until it is removed. */
  add(inode: Inode): void {
    if (inode.orphan) return;
    this.#insert(inode);
    this.#coming.add(inode);
    this.#file?.makeRoom(this.#coming.size);
    this.#changed = true;
  }

  /** The inode is none any more. The caller dirties it (`dtime` is changed). */
  remove(inode: Inode): void {
    if (!inode.orphan) return;
    inode.orphan = false;
    inode.pins--;
    inode.dtime = 0;
    this.#inodes.delete(inode);
    this.#coming.delete(inode);
    this.#file?.remove(inode);
    if (this.#listed.delete(inode)) this.#listChanged = true;
    this.#changed = true;
  }

  /** The orphans now, oldest first. */
  values(): Inode[] {
    return [...this.#inodes];
  }

  get pendingBlocks(): number {
    return this.#changed ? 1 + (this.#file?.pendingBlocks(this.#coming.size) ?? 0) : 0;
  }

  beforeSeal(handle: Handle): void {
    if (!this.#changed) return;
    this.#changed = false;
    for (const inode of this.#coming) {
      if (this.#file?.put(inode) === true) this.#chain(handle, inode, 0);
      else {
        this.#listed.add(inode);
        this.#listChanged = true;
      }
    }
    this.#coming.clear();
    this.#file?.store(handle);
    if (this.#listChanged) this.#storeList(handle);
  }

  #insert(inode: Inode): void {
    if (inode.orphan) return;
    inode.orphan = true;
    inode.pins++;
    this.#inodes.add(inode);
  }

  #storeList(handle: Handle): void {
    this.#listChanged = false;
    const { volume } = this.engine;
    let next = 0;
    for (const inode of this.#listed) {
      this.#chain(handle, inode, next);
      next = inode.ino;
    }
    if (volume.superblock.lastOrphan !== next) {
      volume.superblock.lastOrphan = next;
      volume.touchSuperblock();
    }
  }

  /** @param next the inode after it on the list; 0 for none, or when it is in the file. */
  #chain(handle: Handle, inode: Inode, next: number): void {
    if (inode.dtime === next) return;
    inode.dtime = next;
    this.engine.volume.dirtyInode(handle, inode);
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
