/**
 * Who is told of what inodes use: the one hook through which quotas see every change of space and of inode counts.
 *
 * @module
 */

import type { Handle } from "../journal/transaction.ts";
import type { Inode } from "./inode.ts";
import type { Volume } from "./volume.ts";

/** Keeps what users, groups and projects use. */
export interface UsageKeeper {
  /**
   * How many more units of 512 bytes the inode's owners may use; Infinity without a limit.
   * @throws Corrupt, DeviceError
   */
  room(inode: Inode): number;
  /** How many more inodes they may use. @throws Corrupt, DeviceError */
  inodeRoom(inode: Inode): number;
  /**
   * Counts what the inode uses more (or, below 0, less). Never fails: damage is recorded with the volume.
   * @param sectors units of 512 bytes.
   */
  count(inode: Inode, sectors: number, inodes: number): void;
}

/** Changes i_blocks, in units of 512 bytes, and what the inode's owners use with it. */
export function chargeSectors(
  volume: Volume,
  handle: Handle,
  inode: Inode,
  sectors: number,
  inodes = 0,
): void {
  const before = inode.sectors;
  inode.sectors = Math.max(0, before + sectors);
  if (volume.usage !== null) volume.usage.count(inode, inode.sectors - before, inodes);
  volume.dirtyInode(handle, inode);
}
