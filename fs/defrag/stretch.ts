/**
 * How a file lies on the device: stretches without holes, and the pieces that each of them is in.
 *
 * @module
 */

import type { Allocator } from "../alloc/allocator.ts";
import { InodeFlag } from "../layout/inode.ts";
import { lookup, maxFileBlocks, newMapping } from "../map/map.ts";
import type { MappedRun } from "../map/replace.ts";
import type { Inode } from "../volume/inode.ts";

const mapping = newMapping();

/** Part of a file in which every cluster is mapped. */
export interface Stretch {
  /** File blocks; with clusters of several blocks, multiples of the cluster. */
  readonly first: number;
  readonly end: number;
  /** All that is mapped, in order. */
  readonly runs: readonly MappedRun[];
}

/** Where one thing lies on the device and all its neighbours follow. */
export interface Fragment {
  readonly first: number;
  readonly end: number;
  /** The disk block of `first`. */
  readonly diskBlock: number;
}

/**
 * The next stretch at or after a file block, or the beginning of it.
 * @param from a multiple of the cluster.
 * @param maxBlocks, maxRuns how much of it is told at most; at least one run and one cluster.
 * @throws Corrupt, DeviceError
 */
export function readStretch(
  alloc: Allocator,
  inode: Inode,
  from: number,
  maxBlocks: number,
  maxRuns: number,
): Stretch | undefined {
  const { clusterBlocks, blockBytes } = alloc.volume.geometry;
  // Blocks may be allocated beyond the end, but not in block maps.
  const limit = inode.has(InodeFlag.EXTENTS)
    ? maxFileBlocks(alloc, inode)
    : Math.min(maxFileBlocks(alloc, inode), Math.ceil(inode.size / blockBytes));
  const runs: MappedRun[] = [];
  let first = from;
  let end = from;
  for (let at = from; at < limit; at += mapping.blocks) {
    // A mapping of a cluster may begin anywhere in it: what was taken is told whole.
    const full = runs.length >= maxRuns || at - first >= maxBlocks;
    if (runs.length > 0 && ((full && at % clusterBlocks === 0) || at >= end + clusterBlocks)) break;
    const most = runs.length === 0 ? limit - at : Math.min(limit, first + maxBlocks) - at;
    lookup(alloc, inode, at, Math.max(most, clusterBlocks - at % clusterBlocks), mapping);
    const { diskBlock, unwritten } = mapping;
    if (diskBlock === 0) continue;
    if (runs.length === 0) first = at - at % clusterBlocks;
    // The first run was looked up before it was known where the stretch begins.
    const blocks = Math.min(mapping.blocks, Math.max(maxBlocks - (at - first), 1));
    mapping.blocks = clusterBlocks === 1
      ? blocks
      : Math.min(mapping.blocks, roundUp(at + blocks, clusterBlocks) - at);
    runs.push({ fileBlock: at, diskBlock, blocks: mapping.blocks, unwritten });
    end = roundUp(at + mapping.blocks, clusterBlocks);
  }
  return runs.length === 0 ? undefined : { first, end: Math.min(end, limit), runs };
}

function roundUp(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit;
}

/** The pieces that a stretch is in on the device. */
export function fragmentsOf({ first, runs }: Stretch, clusterBlocks: number): Fragment[] {
  const fragments: { first: number; end: number; diskBlock: number }[] = [];
  for (const { fileBlock, diskBlock, blocks } of runs) {
    const last = fragments.at(-1);
    const end = roundUp(fileBlock + blocks, clusterBlocks);
    if (last !== undefined && last.diskBlock - last.first === diskBlock - fileBlock) last.end = end;
    else {
      const start = last === undefined ? first : fileBlock - fileBlock % clusterBlocks;
      fragments.push({ first: start, end, diskBlock: diskBlock - (fileBlock - start) });
    }
  }
  return fragments;
}

/** How a file is fragmented. */
export interface Fragmentation {
  /** Extents: neighbours in the file that are neighbours on the device are one. */
  extents: number;
  /** Extents if each part between two holes lay in one piece. */
  ideal: number;
  /** Blocks allocated for content. */
  blocks: number;
}

/** Counts the extents of a file. @throws Corrupt, DeviceError */
export function measure(alloc: Allocator, inode: Inode): Fragmentation {
  const counted = { extents: 0, ideal: 0, blocks: 0 };
  let last: MappedRun | undefined;
  for (let at = 0;;) {
    const stretch = readStretch(alloc, inode, at, MEASURED_BLOCKS, MEASURED_RUNS);
    if (stretch === undefined) return counted;
    for (const run of stretch.runs) {
      const follows = last !== undefined && last.unwritten === run.unwritten &&
        last.fileBlock + last.blocks === run.fileBlock;
      if (!follows) counted.ideal++;
      if (!follows || last === undefined || last.diskBlock + last.blocks !== run.diskBlock) {
        counted.extents++;
      }
      counted.blocks += run.blocks;
      last = run;
    }
    at = stretch.end;
  }
}

const MEASURED_BLOCKS = 1 << 20;
const MEASURED_RUNS = 4096;
