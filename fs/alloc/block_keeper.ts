/**
 * Who keeps blocks from being freed: the hook through which snapshots get what files give back.
 *
 * @module
 */

import type { Inode } from "../volume/inode.ts";

/** Keeps blocks. None of its methods changes a buffer, and none fails but `check`. Not with clusters of several blocks. */
export interface BlockKeeper {
  /** Whether the inode is the keeper's own: what it frees is freed. */
  owns(inode: Inode): boolean;
  /** How many blocks from `diskBlock` on are to be kept; or, below 0, how many are not. At most `blocks`, never 0. */
  run(diskBlock: number, blocks: number): number;
  /** Takes blocks that are to be kept, and that now belong to nobody else. */
  take(diskBlock: number, blocks: number): void;
  /** Blocks of its own are freed: they need not be kept. */
  forget(diskBlock: number, blocks: number): void;
  /** @throws Corrupt when any of the blocks was taken in the running transaction. */
  check(diskBlock: number, blocks: number): void;
}
