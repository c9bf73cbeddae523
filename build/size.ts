/**
 * How large an image has to be for a tree: the tree is put into a file system of which nothing is
 * written, and what it takes is counted.
 *
 * @module
 */

import { ENOSPC } from "../fs/errno.ts";
import { FsError } from "../fs/errors.ts";
import { Incompat } from "../fs/layout/features.ts";
import { bulkFill } from "../fs/mkfs/bulk_sink.ts";
import { format, type FormatResult, planFormat } from "../fs/mkfs/format.ts";
import { FormatError } from "../fs/mkfs/format_error.ts";
import type { FormatOptions } from "../fs/mkfs/options.ts";
import { populate } from "../fs/mkfs/populate.ts";
import { usageOfSize } from "../fs/mkfs/profile.ts";
import type { Tree, TreeNode } from "./tree.ts";
import { sourceOf } from "./tree_nodes.ts";
import { VoidDevice } from "./void_device.ts";

/** Room to be left for what comes later: in bytes, or in percent of what the content takes. */
export type Headroom = { readonly bytes: number } | { readonly percent: number };

/** How the size is chosen. */
export interface SizeRequest {
  /** As small as possible: no more inodes and blocks than the tree needs. */
  readonly minimize: boolean;
  readonly headroom: Headroom;
  readonly copyXattrs: boolean;
}

/** Left when nothing else was asked for. */
export const DEFAULT_HEADROOM: Headroom = { percent: 10 };

const MEBIBYTE = 1 << 20;
/** Sizes are multiples of it, so that loop devices and large sectors take the whole image. */
const SIZE_UNIT = 4096;
const LEAST_BYTES = 256 * 1024;
const MAX_ROUNDS = 64;
/** Inodes that an empty file system uses, and a few. */
const OWN_INODES = 16;

/**
 * Chooses the size, the number of inodes and, by the size, the usage type.
 * @returns the options to make the image with, `sizeBytes` among them.
 * @throws FormatError for options with which it cannot be made at any size.
 */
export function chooseSize(
  tree: Tree,
  options: FormatOptions,
  request: SizeRequest,
): FormatOptions & { readonly sizeBytes: number } {
  const base: FormatOptions = { ...options, storage: "zeros" };
  const needs = measure(tree, base, request);
  const withUsage = { ...base, usage: needs.usage };
  const { headroom } = request;
  const contentBytes = needs.blocks * needs.blockBytes;
  const free = "bytes" in headroom ? headroom.bytes : contentBytes * headroom.percent / 100;
  const inodes = request.minimize
    ? needs.inodes
    : Math.ceil(needs.inodes * (1 + ("percent" in headroom ? headroom.percent : 10) / 100));
  let sizeBytes = LEAST_BYTES;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const sized = withInodes({ ...withUsage, sizeBytes }, inodes, request.minimize);
    const empty = emptySystem(sized);
    const left = empty === undefined ? -sizeBytes / 8 : empty.freeBytes - contentBytes - free -
      (request.minimize ? 0 : empty.reservedBytes);
    if (left < 0) {
      sizeBytes = roundUp(sizeBytes - left, request.minimize);
      continue;
    }
    const surely = !request.minimize && left > contentBytes / 100;
    const fits = surely || unusedBytes(tree, sized, request) !== undefined;
    if (fits) {
      const storage = options.storage ?? "device";
      if (!request.minimize) return { ...sized, storage };
      const withSize = (bytes: number) =>
        withInodes({ ...withUsage, sizeBytes: bytes }, inodes, true);
      return { ...leastThatFits(tree, withSize, sizeBytes, request), storage };
    }
    sizeBytes = roundUp(sizeBytes + Math.max(SIZE_UNIT, sizeBytes / 1024), request.minimize);
  }
  throw new FormatError("sizeBytes", "no size was found that holds everything");
}

type Sized = FormatOptions & { readonly sizeBytes: number };

/** From a size that fits to the smallest one, by halves of what is left unused. */
function leastThatFits(
  tree: Tree,
  withSize: (bytes: number) => Sized,
  fittingBytes: number,
  request: SizeRequest,
): Sized {
  let best = withSize(fittingBytes);
  const unused = unusedBytes(tree, best, request) ?? 0;
  // Beyond that the metadata would have to shrink, too.
  let tooSmall = fittingBytes - Math.ceil(unused / SIZE_UNIT + 1) * SIZE_UNIT;
  let next = roundUp(fittingBytes - unused, true);
  while (best.sizeBytes - tooSmall > SIZE_UNIT) {
    const sized = withSize(
      next < best.sizeBytes && next > tooSmall ? next : best.sizeBytes - SIZE_UNIT,
    );
    const left = unusedBytes(tree, sized, request);
    if (left === undefined) tooSmall = sized.sizeBytes;
    else best = sized;
    next = roundUp((best.sizeBytes + tooSmall) / 2, true);
  }
  return best;
}

function roundUp(bytes: number, minimize: boolean): number {
  const unit = minimize ? SIZE_UNIT : MEBIBYTE;
  return Math.ceil(bytes / unit) * unit;
}

/** More inodes than the size suggests when the tree has many; only those needed to minimize. */
function withInodes(
  options: FormatOptions & { readonly sizeBytes: number },
  inodes: number,
  minimize: boolean,
): FormatOptions & { readonly sizeBytes: number } {
  if (options.inodes !== undefined || options.inodeRatioBytes !== undefined) return options;
  if (!minimize && inodesOf(options).inodes >= inodes) return options;
  const asked = { ...options, inodes };
  const { inodes: made, groups } = inodesOf(asked);
  // The number in each group is rounded, perhaps down.
  return made >= inodes ? asked : { ...options, inodes: inodes + 8 * groups };
}

/** How many inodes there would be; as many as asked for in what is too small to be a file system. */
function inodesOf(
  options: FormatOptions & { readonly sizeBytes: number },
): { readonly inodes: number; readonly groups: number } {
  try {
    const { superblock } = planFormat(options.sizeBytes, options);
    return { inodes: superblock.inodesCount, groups: superblock.groupCount };
  } catch {
    return { inodes: options.inodes ?? 0, groups: 1 };
  }
}

interface EmptySystem {
  readonly freeBytes: number;
  readonly reservedBytes: number;
}

/** What a file system of this size offers; undefined when it is too small to be one. */
function emptySystem(
  options: FormatOptions & { readonly sizeBytes: number },
): EmptySystem | undefined {
  try {
    const { superblock } = format(new VoidDevice(options.sizeBytes), quiet(options));
    const { blockBytes } = superblock;
    return {
      freeBytes: superblock.freeBlocksCount * blockBytes,
      reservedBytes: superblock.reservedBlocksCount * blockBytes,
    };
  } catch (error) {
    if (isTooSmall(error)) return undefined;
    throw error;
  }
}

/** Options whose refusal may end with the size. */
const GROWTH_HELPS: ReadonlySet<string> = new Set([
  "sizeBytes",
  "inodes",
  "inodeRatioBytes",
  "journal",
]);

function isTooSmall(error: unknown): boolean {
  if (error instanceof FormatError) return GROWTH_HELPS.has(error.option);
  return error instanceof FsError && error.errno === ENOSPC;
}

function quiet(options: FormatOptions): FormatOptions {
  const { progress: _progress, ...others } = options;
  return others;
}

interface Needs {
  /** Blocks that the tree takes beyond those of an empty file system. */
  readonly blocks: number;
  readonly blockBytes: number;
  readonly inodes: number;
  readonly usage: readonly string[];
}

function measure(tree: Tree, options: FormatOptions, request: SizeRequest): Needs {
  const sums = sumUp(tree, request.copyXattrs);
  const guess = sums.bytes + sums.nodes * 512;
  const usage = options.usage ?? [usageOfSize(guess * 1.1)];
  const sized = { ...options, usage };
  const unit = planFormat(2 ** 30, { ...sized, sizeBytes: 2 ** 30 }).superblock.clusterBytes;
  const roomy = 64 * MEBIBYTE + 2 * (sums.bytes + sums.nodes * (2 * unit + 1024));
  const inodes = options.inodes ?? 2 * sums.nodes + 1024;
  const sizeBytes = Math.ceil(roomy / MEBIBYTE) * MEBIBYTE;
  const trial = { ...sized, sizeBytes, inodes };
  const full = trialRun(tree, trial, request).superblock;
  const empty = format(new VoidDevice(sizeBytes), quiet(trial)).superblock;
  return {
    blocks: empty.freeBlocksCount - full.freeBlocksCount +
      Math.ceil(sums.outside / full.blockBytes),
    blockBytes: full.blockBytes,
    inodes: sums.nodes + OWN_INODES + sums.outsideInodes,
    usage,
  };
}

interface Sums {
  nodes: number;
  bytes: number;
  /** Of attributes that may need inodes of their own. */
  outside: number;
  outsideInodes: number;
}

const LARGE_XATTR_BYTES = 512;

function sumUp(tree: Tree, copyXattrs: boolean): Sums {
  const sums: Sums = { nodes: 0, bytes: 0, outside: 0, outsideInodes: 0 };
  const seen = new Set<TreeNode>();
  for (const { entry: { node } } of tree.walk()) {
    if (node.names > 1) {
      if (seen.has(node)) continue;
      seen.add(node);
    }
    sums.nodes++;
    const ranges = node.content?.ranges(node.size) ?? [];
    for (const { length } of ranges) sums.bytes += length;
    if (!copyXattrs) continue;
    for (const [, value] of node.xattrs) {
      if (value.length < LARGE_XATTR_BYTES) continue;
      sums.outside += value.length + SIZE_UNIT;
      sums.outsideInodes++;
    }
  }
  return sums;
}

/** Puts the tree into a file system that is not written. @throws FsError ENOSPC when it does not fit */
function trialRun(tree: Tree, options: FormatOptions, request: SizeRequest): FormatResult {
  const device = new VoidDevice(options.sizeBytes ?? 0);
  // Large attributes go to inodes of their own with the feature ea_inode: they are counted by size.
  const separate = planFormat(device.sizeBytes, options).superblock.hasIncompat(Incompat.EA_INODE);
  const copyXattrs = request.copyXattrs && !separate;
  const fill = bulkFill((sink) => {
    populate(sourceOf(tree.root), sink, { withoutContent: true, copyXattrs });
  });
  return format(device, { ...quiet(options), fill });
}

/** Bytes that stay free or out of use when everything is in; undefined when it does not fit. */
function unusedBytes(tree: Tree, options: Sized, request: SizeRequest): number | undefined {
  try {
    const { superblock } = trialRun(tree, options, request);
    const used = superblock.blocksCount - superblock.freeBlocksCount;
    return options.sizeBytes - used * superblock.blockBytes;
  } catch (error) {
    if (!isTooSmall(error)) throw error;
    return undefined;
  }
}
