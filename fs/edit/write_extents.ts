/**
 * Writing an inode's extent tree anew.
 *
 * @module
 */

import {
  extentCapacity,
  extentEntryOffset,
  INODE_EXTENT_ENTRIES,
  MAX_UNWRITTEN_BLOCKS,
  MAX_WRITTEN_BLOCKS,
  setExtentBlockChecksum,
  writeExtent,
  writeExtentHeader,
  writeExtentIndex,
} from "../layout/extent.ts";
import { I_BLOCK_BYTES, I_BLOCK_OFFSET, type InodeRecord } from "../layout/inode.ts";
import { viewOf } from "./blocks.ts";
import type { Editor } from "./editor.ts";
import type { FileRun } from "./file_map.ts";

/** An entry of the level above: a node and the first file block below it. */
interface Child {
  readonly fileBlock: number;
  readonly block: number;
}

/** Runs in as few entries as possible. */
export function mergeRuns(runs: readonly FileRun[]): FileRun[] {
  const merged: FileRun[] = [];
  for (const run of runs) {
    const last = merged.at(-1);
    const most = run.unwritten ? MAX_UNWRITTEN_BLOCKS : MAX_WRITTEN_BLOCKS;
    const follows = last !== undefined && last.unwritten === run.unwritten &&
      last.fileBlock + last.blocks === run.fileBlock &&
      last.diskBlock + last.blocks === run.diskBlock && last.blocks + run.blocks <= most;
    if (!follows) merged.push(run);
    else merged[merged.length - 1] = { ...last, blocks: last.blocks + run.blocks };
  }
  return merged;
}

/**
 * Writes the tree of these runs (in order) into the inode and into nodes; the inode itself is not stored.
 * @param nodes blocks of the old tree that may be used again; others of it must be freed by the caller.
 * @returns how many nodes the tree has. Of `nodes` so many are left over as `nodes` is longer.
 * @throws Unsupported ENOSPC
 */
export function writeExtentTree(
  editor: Editor,
  inode: InodeRecord,
  runs: readonly FileRun[],
  nodes: number[],
): number {
  const { blockBytes } = editor.geometry;
  const capacity = extentCapacity(blockBytes);
  let count = 0;
  const nextNode = (): number => {
    count++;
    return nodes.shift() ?? editor.take(1).start;
  };
  const root = new DataView(
    inode.raw.buffer,
    inode.raw.byteOffset + I_BLOCK_OFFSET,
    I_BLOCK_BYTES,
  );
  if (runs.length <= INODE_EXTENT_ENTRIES) {
    writeLeaf(root, runs, INODE_EXTENT_ENTRIES);
    return 0;
  }
  const seal = (block: number): void => {
    const bytes = editor.blocks.change(block);
    if (editor.superblock.hasMetadataChecksums) {
      setExtentBlockChecksum(bytes, viewOf(bytes), inode.checksumSeed);
    }
  };
  let level: Child[] = [];
  for (let from = 0; from < runs.length; from += capacity) {
    const block = nextNode();
    const part = runs.slice(from, from + capacity);
    writeLeaf(viewOf(editor.blocks.fresh(block)), part, capacity);
    seal(block);
    level.push({ fileBlock: (part[0] as FileRun).fileBlock, block });
  }
  let depth = 1;
  for (; level.length > INODE_EXTENT_ENTRIES; depth++) {
    const above: Child[] = [];
    for (let from = 0; from < level.length; from += capacity) {
      const block = nextNode();
      const part = level.slice(from, from + capacity);
      writeIndex(viewOf(editor.blocks.fresh(block)), part, capacity, depth);
      seal(block);
      above.push({ fileBlock: (part[0] as Child).fileBlock, block });
    }
    level = above;
  }
  writeIndex(root, level, INODE_EXTENT_ENTRIES, depth);
  return count;
}

function writeLeaf(view: DataView, runs: readonly FileRun[], max: number): void {
  writeExtentHeader(view, 0, runs.length, max, 0);
  runs.forEach((run, index) => {
    const at = extentEntryOffset(0, index);
    writeExtent(view, at, run.fileBlock, run.blocks, run.diskBlock, run.unwritten);
  });
}

function writeIndex(view: DataView, children: readonly Child[], max: number, depth: number): void {
  writeExtentHeader(view, 0, children.length, max, depth);
  children.forEach(({ fileBlock, block }, index) => {
    writeExtentIndex(view, extentEntryOffset(0, index), fileBlock, block);
  });
}
