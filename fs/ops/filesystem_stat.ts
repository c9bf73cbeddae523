/** Space and counts of the whole file system. @module */

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

/** What statfs shows. */
export function filesystemStat(engine: Engine): FilesystemStat {
  const { geometry, groups } = engine.volume;
  return {
    blockBytes: geometry.blockBytes,
    blocks: geometry.blocksCount - engine.overheadBlocks,
    blocksFree: engine.alloc.freeBlocks(),
    blocksAvailable: engine.alloc.available(false),
    inodes: geometry.inodesCount,
    inodesFree: groups.totalFreeInodes,
  };
}
