/**
 * Choosing where to allocate: near a goal, in one run if there is one. Chooses only; taking what was chosen is the
 * accounting's part.
 *
 * @module
 */

import type { Geometry } from "../volume/geometry.ts";
import { findRun, nextFree, nextUsed, type Run } from "./bitmap.ts";
import type { BlockBitmaps } from "./block_bitmaps.ts";
import type { HiddenSpace } from "./hidden_space.ts";
import { GroupMaxima } from "./group_maxima.ts";

/** A run at the goal itself is taken if it has so many clusters, although more are needed. */
const ENOUGH_AT_GOAL = 16;
/** Bitmaps searched in vain before the longest run seen so far is good enough. */
const PATIENCE = 32;

/** A run of clusters within a group. */
export interface GroupRun {
  group: number;
  bit: number;
  clusters: number;
}

/** Told when a group's bitmap cannot be used; the group is passed over from then on. */
export type BadGroupReport = (group: number, error: unknown) => void;

/** Searches the groups' bitmaps. */
export class BlockChooser {
  /** The run chosen by `choose`. */
  readonly chosen: GroupRun = { group: 0, bit: 0, clusters: 0 };
  readonly #index: GroupMaxima;
  /** No free cluster of the group lies below this bit. */
  readonly #firstFree: Uint32Array;
  readonly #run: Run = { start: 0, length: 0 };
  readonly #bad = new Set<number>();
  #scans = 0;
  /** Clusters that are free according to descriptors of groups that cannot be used. */
  unusable = 0;

  constructor(
    readonly geometry: Geometry,
    readonly bitmaps: BlockBitmaps,
    readonly hidden: HiddenSpace,
    readonly report: BadGroupReport,
  ) {
    this.#index = new GroupMaxima(() => bitmaps.volume.groups.freeClusters);
    this.#firstFree = new Uint32Array(geometry.groupCount);
  }

  /**
   * Finds a run of `wanted` clusters, or else the longest that is found without too much effort. It may be longer
   * than wanted.
   *
   * @param group where to look first.
   * @param bit the cluster of that group to begin at, or -1 for any.
   * @param needed at most `wanted`: so many at `bit` will do.
   * @returns whether anything was found; it is in `chosen`.
   */
  choose(group: number, bit: number, wanted: number, needed: number): boolean {
    const { chosen } = this;
    chosen.clusters = 0;
    this.#scans = 0;
    if (bit >= 0 && this.#atGoal(group, bit, wanted, needed)) return true;
    let length = Math.min(wanted, this.geometry.clustersPerGroup);
    while (true) {
      length = Math.min(length, this.#index.largest);
      if (chosen.clusters >= length) return chosen.clusters > 0;
      if (this.#search(group, bit, length)) return true;
    }
  }

  /** Free clusters came into sight in the group, the first of them at `bit`. */
  revealed(group: number, bit: number): void {
    if (this.#bad.has(group)) return;
    this.#index.setBound(group, this.bitmaps.volume.groups.freeClusters[group] as number);
    if (bit < (this.#firstFree[group] as number)) this.#firstFree[group] = bit;
  }

  /** Clusters went out of sight: allocated or hidden. */
  taken(group: number, bit: number, clusters: number): void {
    if (this.#firstFree[group] === bit) this.#firstFree[group] = bit + clusters;
  }

  /** The run that begins at the goal, if it is free and long enough; otherwise it is kept as the best so far. */
  #atGoal(group: number, bit: number, wanted: number, needed: number): boolean {
    if (this.#index.bound(group) === 0 || bit >= this.geometry.groupClusters(group)) return false;
    const view = this.#view(group);
    if (view === undefined) return false;
    const limit = Math.min(this.geometry.groupClusters(group), bit + wanted);
    const clusters = nextUsed(view, this.hidden.of(group), bit, limit) - bit;
    this.#better(group, bit, clusters);
    return clusters >= Math.min(needed, ENOUGH_AT_GOAL);
  }

  /** Looks for `length` clusters in every group that may have them, from `group` on and round. */
  #search(group: number, bit: number, length: number): boolean {
    const { chosen } = this;
    let from = group;
    let wrapped = false;
    while (true) {
      const next = this.#index.next(from, length);
      if (next < 0 || (wrapped && next >= group)) {
        if (wrapped) return false;
        wrapped = true;
        from = 0;
        continue;
      }
      if (this.#scan(next, next === group ? bit : -1, length)) return true;
      if (this.#scans >= PATIENCE && chosen.clusters > 0) return true;
      from = next + 1;
      if (from >= this.geometry.groupCount) {
        if (wrapped) return false;
        wrapped = true;
        from = 0;
      }
    }
  }

  /** Searches one group. In vain, it leaves the group's bound exact. */
  #scan(group: number, bit: number, length: number): boolean {
    const view = this.#view(group);
    if (view === undefined) return false;
    this.#scans++;
    const end = this.geometry.groupClusters(group);
    const hidden = this.hidden.of(group);
    const run = this.#run;
    const first = nextFree(view, hidden, this.#firstFree[group] as number, end);
    this.#firstFree[group] = first;
    if (bit > first && findRun(view, hidden, bit, end, length, run)) {
      return this.#better(group, run.start, run.length);
    }
    if (findRun(view, hidden, first, end, length, run)) {
      return this.#better(group, run.start, run.length);
    }
    this.#index.setBound(group, run.length);
    this.#better(group, run.start, run.length);
    return false;
  }

  /** Keeps the run if it is the longest so far. @returns true */
  #better(group: number, bit: number, clusters: number): true {
    const { chosen } = this;
    if (clusters > chosen.clusters) {
      chosen.group = group;
      chosen.bit = bit;
      chosen.clusters = clusters;
    }
    return true;
  }

  /** The group's bitmap, or undefined for a group that cannot be used. */
  #view(group: number): DataView | undefined {
    if (this.#bad.has(group)) return undefined;
    try {
      return this.bitmaps.load(group).view;
    } catch (error) {
      this.#bad.add(group);
      this.unusable += this.bitmaps.volume.groups.freeClusters[group] as number;
      this.#index.setBound(group, 0);
      this.report(group, error);
      return undefined;
    }
  }
}
