/**
 * An inode in memory: the decoded record and what the engine keeps with it while it is in use.
 *
 * @module
 */

import type { Kept } from "../device/clock_ring.ts";
import { InodeRecord } from "../layout/inode.ts";

/** A run of clusters reserved in memory for the next appends to a file (not on disk). */
export interface Preallocation {
  /** First disk block, cluster-aligned. */
  diskBlock: number;
  /** File block that `diskBlock` is meant for. */
  fileBlock: number;
  /** Blocks left. */
  blocks: number;
}

/** An inode in use. One object an inode number while any operation may hold it. */
export class Inode extends InodeRecord implements Kept {
  /** Changed since it was last encoded into its table block. Set by `InodeTable.dirty` only. */
  dirty = false;
  referenced = true;
  ringSlot = -1;
  /** Reasons against eviction: on the orphan list, a time in memory alone. */
  pins = 0;
  /** Open files of the library: an inode without a name lives on while there are any. */
  users = 0;
  /** On the orphan list (in memory and on disk). */
  orphan = false;

  /** The mapping found last: `mapBlocks` file blocks from `mapFileBlock` lie at `mapDiskBlock`. Zero blocks: nothing remembered. */
  mapFileBlock = 0;
  mapDiskBlock = 0;
  mapBlocks = 0;
  /** Whether the remembered mapping is unwritten. */
  mapUnwritten = false;

  /** The root of the extent tree, in i_block, was found good. */
  mapChecked = false;

  preallocation: Preallocation | null = null;

  /** Directory: file block where the last linear insertion found room. */
  dirHint = 0;

  override reset(ino: number): void {
    super.reset(ino);
    this.dirty = this.orphan = false;
    this.referenced = true;
    this.pins = this.users = 0;
    this.mapBlocks = this.dirHint = 0;
    this.preallocation = null;
  }

  /** Forgets the remembered mapping; to be called by whatever changes the map. */
  forgetMapping(): void {
    this.mapBlocks = 0;
  }
}
