/**
 * Bringing the pieces of a file together, a slice at a time: between two slices anything may happen to the file.
 *
 * A slice is one operation (`move.ts`). Pieces are moved only where that leaves fewer of them: a plan begins
 * with a run of free space that takes at least two whole pieces, or continues the piece before.
 *
 * @module
 */

import { type AllocationGoal, NEEDS_COMMIT } from "../alloc/allocator.ts";
import { ESTALE } from "../errno.ts";
import { FsError } from "../errors.ts";
import { InodeFlag } from "../layout/inode.ts";
import type { Handle } from "../journal/transaction.ts";
import { mapCredits } from "../map/map.ts";
import type { Engine } from "../ops/engine.ts";
import { journalsContent } from "../ops/store_content.ts";
import type { Inode } from "../volume/inode.ts";
import { moveStretch } from "./move.ts";
import { type Fragment, fragmentsOf, readStretch, type Stretch } from "./stretch.ts";

/** How far a plan looks ahead. */
const PLAN_BLOCKS = 1 << 16;
const PLAN_RUNS = 256;
/** Bytes and runs of one slice at most: what others may have to wait for. */
export const SLICE_BYTES = 4 << 20;
const SLICE_RUNS = 32;
/** Blocks that a slice changes beside the file's map. */
const CREDITS = 64;
/** What has to be free beyond what snapshots hold back: so many slices, and so many blocks. */
const ROOM_SLICES = 4;
const ROOM_BLOCKS = 1024;

/** Whether a file has content that can be moved. */
export function canMove(engine: Engine, inode: Inode): boolean {
  if (!inode.isRegular || inode.links === 0 || inode.has(InodeFlag.INLINE_DATA)) return false;
  return inode.ino >= engine.volume.superblock.firstInode && !inode.has(InodeFlag.EA_INODE);
}

/** The work on one file. */
export class Defragmentation {
  /** Bytes moved so far. */
  movedBytes = 0;
  /** File block up to which the file was looked at; what lies behind may follow. */
  position = 0;
  done = false;
  readonly #generation: number;
  readonly #goal: AllocationGoal = {
    diskBlock: 0,
    fileBlock: 0,
    blocks: 0,
    metadata: false,
    privileged: true,
    append: false,
    exchange: true,
  };
  /** Up to here the pieces go on behind one another from `#follow` on. */
  #planEnd = 0;
  /** The disk block behind what lies before `position`; 0 when there is nothing. */
  #follow = 0;

  /**
   * @param ino must be in use.
   * @param sliceBytes of content that one slice moves at most.
   * @throws Corrupt, DeviceError, FsError ESTALE
   */
  constructor(readonly engine: Engine, readonly ino: number, readonly sliceBytes = SLICE_BYTES) {
    const inode = engine.inode(ino);
    this.#generation = inode.generation;
    this.done = !canMove(engine, inode);
    if (!this.done) engine.alloc.discardPreallocation(inode);
  }

  /**
   * Does a slice; sets `done` when there are no more, or the file is gone.
   * @throws Corrupt, DeviceError, FsError EROFS
   */
  step(): void {
    const inode = this.#inode();
    if (inode === undefined) {
      this.done = true;
      return;
    }
    if (!this.#hasRoom()) {
      this.done = true;
      return;
    }
    const { alloc } = this.engine;
    const planned = this.position < this.#planEnd;
    const most = planned ? this.#planEnd - this.position : PLAN_BLOCKS;
    const stretch = readStretch(alloc, inode, this.position, most, PLAN_RUNS);
    if (stretch === undefined) {
      this.done = true;
      return;
    }
    if (stretch.first !== this.position) this.#follow = 0;
    if (planned && this.#follow !== 0 && this.#goOn(inode, stretch)) return;
    this.#planEnd = 0;
    this.#begin(inode, stretch);
  }

  /** The file, if it is still the same one and can be moved. */
  #inode(): Inode | undefined {
    try {
      const inode = this.engine.inode(this.ino);
      const same = inode.generation === this.#generation && canMove(this.engine, inode);
      return same ? inode : undefined;
    } catch (error) {
      if (error instanceof FsError && error.errno === ESTALE) return undefined;
      throw error;
    }
  }

  /** Snapshots hold what is moved: they must not be dropped for want of space. */
  #hasRoom(): boolean {
    const { alloc, volume } = this.engine;
    if (alloc.keeper === null) return true;
    const { blockBytes } = volume.geometry;
    const wanted = ROOM_SLICES * Math.ceil(this.sliceBytes / blockBytes) + ROOM_BLOCKS;
    const lacks = (): boolean => alloc.unhiddenClusters - alloc.heldBack < wanted;
    if (lacks()) volume.commit(false);
    return !lacks();
  }

  /** The next slice of a plan. @returns false when its place is taken */
  #goOn(inode: Inode, stretch: Stretch): boolean {
    const slice = this.#slice(inode, stretch);
    return this.#change(inode, slice, (handle) => {
      const blocks = slice.end - slice.first;
      const result = this.#allocate(handle, inode, slice.first, blocks, this.#follow);
      if (result < 0) return result;
      const { found } = this.engine.alloc;
      if (found.diskBlock === this.#follow && found.blocks === blocks) {
        return this.#move(handle, inode, slice);
      }
      this.engine.alloc.undo(handle, inode, found.diskBlock, found.blocks);
      return 0;
    });
  }

  /** Looks for a better place for the beginning of a stretch. */
  #begin(inode: Inode, stretch: Stretch): void {
    const { clusterBlocks } = this.engine.volume.geometry;
    const fragments = fragmentsOf(stretch, clusterBlocks);
    const [head] = fragments;
    if (head === undefined) return;
    const slice = this.#slice(inode, stretch);
    const continues = head.diskBlock === this.#follow ||
      (this.#follow === 0 && fragments.length === 1);
    const moved = !continues && this.#change(inode, slice, (handle) => {
      const end = this.#place(handle, inode, stretch, fragments);
      if (end <= 0) return end;
      this.#planEnd = end;
      return this.#move(handle, inode, this.#slice(inode, upTo(stretch, end)));
    });
    if (!moved) this.#pass(head);
  }

  /** A piece stays where it is. */
  #pass({ end, diskBlock, first }: Fragment): void {
    this.#planEnd = 0;
    this.position = end;
    this.#follow = diskBlock + end - first;
  }

  /**
   * Allocates a run for the first pieces of a stretch, where that leaves fewer of them.
   * @returns the file block up to which whole pieces fit; 0: there is no such run, nothing is allocated;
   * NEEDS_COMMIT
   */
  #place(
    handle: Handle,
    inode: Inode,
    stretch: Stretch,
    fragments: readonly Fragment[],
  ): number {
    const { alloc } = this.engine;
    const wanted = this.#wanted(inode, stretch);
    for (const goal of this.#follow === 0 ? [0] : [this.#follow, 0]) {
      const blocks = this.#allocate(handle, inode, stretch.first, wanted, goal);
      if (blocks < 0) return blocks === NEEDS_COMMIT ? blocks : 0;
      const { diskBlock } = alloc.found;
      const fitting = fragments.filter(({ end }) => end <= stretch.first + blocks);
      const gain = fitting.length - (diskBlock === this.#follow ? 0 : 1);
      if (gain > 0) return fitting.at(-1)?.end ?? 0;
      alloc.undo(handle, inode, diskBlock, blocks);
    }
    return 0;
  }

  /** A plan may see a part of the stretch only: room for what follows is welcome. */
  #wanted(inode: Inode, { first, end }: Stretch): number {
    const { blockBytes, clusterBlocks } = this.engine.volume.geometry;
    const left = Math.ceil(inode.size / blockBytes) - first;
    const most = Math.min(left, PLAN_BLOCKS);
    return Math.max(end - first, most - most % clusterBlocks);
  }

  #allocate(
    handle: Handle,
    inode: Inode,
    fileBlock: number,
    blocks: number,
    diskBlock: number,
  ): number {
    this.#goal.diskBlock = diskBlock;
    this.#goal.fileBlock = fileBlock;
    this.#goal.blocks = blocks;
    return this.engine.alloc.allocate(handle, inode, this.#goal);
  }

  /** Moves a slice to the beginning of what was just allocated, and gives the rest back. */
  #move(handle: Handle, inode: Inode, slice: Stretch): number {
    const { alloc } = this.engine;
    const { diskBlock, blocks } = alloc.found;
    const length = slice.end - slice.first;
    if (blocks > length) alloc.undo(handle, inode, diskBlock + length, blocks - length);
    const result = moveStretch(this.engine, handle, inode, slice, diskBlock);
    if (result < 0) return result;
    this.position = slice.end;
    this.#follow = diskBlock + length;
    return length;
  }

  /** Runs an operation that moves a slice of at most this size. @returns whether it did */
  #change(inode: Inode, slice: Stretch, work: (handle: Handle) => number): boolean {
    const { engine } = this;
    const content = journalsContent(engine, inode) ? slice.end - slice.first : 0;
    const credits = CREDITS + mapCredits(inode, slice.runs.length + 1) + content;
    const blocks = engine.change(work, credits);
    if (blocks <= 0) return false;
    this.movedBytes += blocks * engine.volume.geometry.blockBytes;
    if (engine.options.sync) engine.volume.commit(true);
    return true;
  }

  /** As much of the beginning of a stretch as one operation may move. */
  #slice(inode: Inode, stretch: Stretch): Stretch {
    const { geometry: { blockBytes, clusterBlocks }, transactions } = this.engine.volume;
    const capacity = transactions.store.capacityBlocks;
    let blocks = this.sliceBytes / blockBytes;
    if (journalsContent(this.engine, inode)) blocks = Math.min(blocks, capacity >> 2);
    const most = stretch.first + Math.max(1, Math.floor(blocks / clusterBlocks)) * clusterBlocks;
    const runs = Math.max(1, Math.min(SLICE_RUNS, Math.floor((capacity - CREDITS) / 16)));
    const next = stretch.runs[runs];
    // Runs that share a cluster are moved together.
    const end = next === undefined
      ? stretch.end
      : Math.max(next.fileBlock - next.fileBlock % clusterBlocks, stretch.first + clusterBlocks);
    return upTo(stretch, Math.min(most, end));
  }
}

/** The part of a stretch before a file block. */
function upTo(stretch: Stretch, end: number): Stretch {
  if (end >= stretch.end) return stretch;
  const runs = stretch.runs.filter(({ fileBlock }) => fileBlock < end)
    .map((run) => ({ ...run, blocks: Math.min(run.blocks, end - run.fileBlock) }));
  return { first: stretch.first, end, runs };
}
