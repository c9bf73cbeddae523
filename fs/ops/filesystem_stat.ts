/** Space and counts of the whole file system. @module */

import { InodeFlag } from "../layout/inode.ts";
import type { Engine } from "./engine.ts";

/** Counts; blocks are of `blockBytes`. */
export interface FilesystemStat {
  readonly blockBytes: number;
  /** Blocks for files and directories: all blocks less the fixed metadata (as the kernel's default "minixdf off"). */
  readonly blocks: number;
  readonly blocksFree: number;
  /** Free blocks for callers without privilege. */
  readonly blocksAvailable: number;
  readonly inodes: number;
  readonly inodesFree: number;
}

/**
 * What statfs shows.
 * @param ino what is asked about: in a directory that hands its project on, the project's limits show (those that
 *   hold), as if it had a file system of its own.
 */
export function filesystemStat(engine: Engine, ino = 0): FilesystemStat {
  const { geometry, groups } = engine.volume;
  const stat = {
    blockBytes: geometry.blockBytes,
    blocks: geometry.blocksCount - engine.overheadBlocks,
    blocksFree: engine.alloc.freeBlocks(),
    blocksAvailable: engine.alloc.available(false),
    inodes: geometry.inodesCount,
    inodesFree: groups.totalFreeInodes,
  };
  const inode = engine.quota === null || ino === 0 ? null : engine.inode(ino);
  return inode !== null && inode.has(InodeFlag.PROJINHERIT)
    ? withinProject(engine, inode.projectId, stat)
    : stat;
}

function withinProject(engine: Engine, project: number, stat: FilesystemStat): FilesystemStat {
  const accounts = engine.quota?.accounts("project");
  if (accounts === undefined || !accounts.enforced) return stat;
  const entry = accounts.entry(project);
  const blocks = lowerLimit(entry.blockSoftLimit, entry.blockHardLimit) * 1024 / stat.blockBytes;
  const inodes = lowerLimit(entry.inodeSoftLimit, entry.inodeHardLimit);
  const left = Math.max(0, Math.floor(blocks) - Math.floor(entry.spaceBytes / stat.blockBytes));
  return {
    blockBytes: stat.blockBytes,
    blocks: Math.min(stat.blocks, Math.floor(blocks)),
    blocksFree: Math.min(stat.blocksFree, left),
    blocksAvailable: Math.min(stat.blocksAvailable, left),
    inodes: Math.min(stat.inodes, inodes),
    inodesFree: Math.min(stat.inodesFree, Math.max(0, inodes - entry.inodes)),
  };
}

/** The lower of two limits of which 0 means none. */
function lowerLimit(soft: number, hard: number): number {
  return Math.min(soft === 0 ? Infinity : soft, hard === 0 ? Infinity : hard);
}
