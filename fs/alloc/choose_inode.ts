/**
 * Choosing the group of a new inode after Orlov: directories at the top are spread over the disk, other directories
 * stay near their parent unless it is crowded there, and files stay with their parent.
 *
 * @module
 */

import { InodeFlag } from "../layout/inode.ts";
import { ROOT_INODE } from "../layout/superblock.ts";
import type { Geometry } from "../volume/geometry.ts";
import type { GroupTable } from "../volume/group_table.ts";
import type { Inode } from "../volume/inode.ts";
import { GroupMaxima } from "./group_maxima.ts";

/** Groups taken together at most, although the flexible groups may be larger. */
const LARGEST_FLEX = 64;
/** Flexible groups compared at most for one directory. */
const MOST_COMPARED = 1024;

/** What is free in a flexible group, summed up. */
interface FlexSum {
  freeInodes: number;
  freeClusters: number;
  directories: number;
}

/** Chooses groups for inodes. */
export class InodeChooser {
  /** 1 for a group that has free inodes, else 0. */
  readonly #free: GroupMaxima;
  readonly #flexGroups: number;
  readonly #flexCount: number;
  readonly #sum: FlexSum = { freeInodes: 0, freeClusters: 0, directories: 0 };
  /** The flexible group of the last directory at the top. */
  #lastTop = -1;

  constructor(readonly geometry: Geometry, readonly groups: GroupTable) {
    this.#free = new GroupMaxima(() => groups.freeInodes.map((free) => Math.min(free, 1)));
    this.#flexGroups = Math.min(geometry.groupsPerFlex, LARGEST_FLEX);
    this.#flexCount = Math.ceil(geometry.groupCount / this.#flexGroups);
  }

  /** Tells whether inodes of the group may be chosen from now on. */
  setFree(group: number, free: boolean): void {
    this.#free.setBound(group, free ? 1 : 0);
  }

  /** The group for a new inode in `parent`, or -1 when no inode is free. */
  choose(parent: Inode, isDirectory: boolean): number {
    if (this.#free.largest === 0) return -1;
    const near = this.geometry.groupOfInode(parent.ino);
    if (!isDirectory) return this.#forFile(near, parent.ino);
    const top = parent.ino === ROOT_INODE || parent.has(InodeFlag.TOPDIR);
    const flex = top ? this.#spread() : this.#close(Math.floor(near / this.#flexGroups));
    return this.#nextFree(flex < 0 ? near : flex * this.#flexGroups);
  }

  /** The parent's group, its flexible group, a quadratic hash, then whatever comes next. */
  #forFile(near: number, parent: number): number {
    if (this.#suits(near)) return near;
    const first = near - near % this.#flexGroups;
    const end = Math.min(first + this.#flexGroups, this.geometry.groupCount);
    const inFlex = this.#free.next(first, 1);
    if (inFlex >= 0 && inFlex < end) return inFlex;
    const { groupCount } = this.geometry;
    let group = (near + parent) % groupCount;
    for (let step = 1; step < groupCount; step *= 2) {
      group = (group + step) % groupCount;
      if (this.#suits(group)) return group;
    }
    return this.#nextFree(near);
  }

  /** Whether the group has room for a file: an inode and data. */
  #suits(group: number): boolean {
    return this.#free.bound(group) > 0 && (this.groups.freeClusters[group] as number) > 0;
  }

  /** The first group with a free inode from `group` on and round, or -1. */
  #nextFree(group: number): number {
    const next = this.#free.next(group, 1);
    return next >= 0 ? next : this.#free.next(0, 1);
  }

  /** The flexible group with the fewest directories among those with more than the average free; -1: none. */
  #spread(): number {
    const { groups } = this;
    const inodes = groups.totalFreeInodes / this.#flexCount;
    const clusters = groups.totalFreeClusters / this.#flexCount;
    let best = -1;
    let fewest = Infinity;
    const looks = Math.min(this.#flexCount, MOST_COMPARED);
    for (let i = 1; i <= looks; i++) {
      const flex = (this.#lastTop + i) % this.#flexCount;
      const sum = this.#add(flex);
      if (sum.freeInodes === 0 || sum.freeInodes < inodes || sum.freeClusters < clusters) continue;
      if (sum.directories >= fewest) continue;
      best = flex;
      fewest = sum.directories;
    }
    if (best >= 0) this.#lastTop = best;
    return best;
  }

  /** The first flexible group from the parent's on that is not crowded; -1: none. */
  #close(near: number): number {
    const { geometry, groups } = this;
    const count = this.#flexCount;
    const inodes = geometry.inodesPerGroup * this.#flexGroups;
    const clusters = geometry.clustersPerGroup * this.#flexGroups;
    const mostDirectories = groups.totalDirectories / count + inodes / 16;
    const leastInodes = Math.max(1, groups.totalFreeInodes / count - inodes / 4);
    const leastClusters = groups.totalFreeClusters / count - clusters / 4;
    const looks = Math.min(count, MOST_COMPARED);
    let roomy = -1;
    for (let i = 0; i < looks; i++) {
      const flex = (near + i) % count;
      const sum = this.#add(flex);
      if (sum.freeInodes === 0) continue;
      if (roomy < 0 && sum.freeInodes >= groups.totalFreeInodes / count) roomy = flex;
      if (sum.directories >= mostDirectories) continue;
      if (sum.freeInodes < leastInodes || sum.freeClusters < leastClusters) continue;
      return flex;
    }
    return roomy;
  }

  #add(flex: number): FlexSum {
    const { groups } = this;
    const sum = this.#sum;
    sum.freeInodes = 0;
    sum.freeClusters = 0;
    sum.directories = 0;
    const first = flex * this.#flexGroups;
    const end = Math.min(first + this.#flexGroups, this.geometry.groupCount);
    for (let group = first; group < end; group++) {
      if (this.#free.bound(group) === 0) continue;
      sum.freeInodes += groups.freeInodes[group] as number;
      sum.freeClusters += groups.freeClusters[group] as number;
      sum.directories += groups.usedDirectories[group] as number;
    }
    return sum;
  }
}
