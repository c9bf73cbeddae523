/**
 * The snapshots of a file system, and where their blocks are.
 *
 * Each snapshot has a sparse file in which file block N is what disk block N held when it was made, if that changed
 * before the next snapshot was made. Only the newest one's file receives blocks; what a snapshot's file does not have is
 * in the next newer one's, and at last in its place on the disk.
 *
 * @module
 */

import type { Allocator } from "../alloc/allocator.ts";
import { rememberAt } from "../map/extent_lookup.ts";
import { ExtentPath } from "../map/extent_path.ts";
import { newMapping, recall } from "../map/mapping.ts";
import type { Inode } from "../volume/inode.ts";
import type { SnapshotRecord } from "./record.ts";

/** One snapshot. */
export interface SnapshotEntry extends SnapshotRecord {
  /** Its file's name. */
  readonly name: string;
  /** Its file. */
  readonly ino: number;
}

/** Where a run of blocks is. */
export interface Place {
  diskBlock: number;
  /** At least 1. */
  blocks: number;
}

const mapping = newMapping();

/** All snapshots, the oldest first. */
export class SnapshotChain {
  entries: SnapshotEntry[] = [];
  /** Not the one of `lookup`, which may be on its way through a file of the snapshot that is looked at. */
  readonly #path = new ExtentPath();

  constructor(readonly alloc: Allocator) {}

  get newest(): SnapshotEntry | undefined {
    return this.entries[this.entries.length - 1];
  }

  /** The place of a snapshot by its file's inode number; -1 when there is none. */
  indexOf(ino: number): number {
    return this.entries.findIndex((entry) => entry.ino === ino);
  }

  /** A snapshot's file. @throws Corrupt, DeviceError */
  file({ ino }: SnapshotEntry): Inode {
    return this.alloc.volume.inodes.get(ino);
  }

  /** Puts another entry in the place of the one with the same file. */
  replace(entry: SnapshotEntry): void {
    this.entries = this.entries.map((old) => old.ino === entry.ino ? entry : old);
  }

  /**
   * Finds where the content is that a run of blocks had at a snapshot.
   * @param index of the snapshot.
   * @param maxBlocks the longest run of interest.
   * @throws Corrupt, DeviceError
   */
  locate(index: number, block: number, maxBlocks: number, out: Place): void {
    let blocks = maxBlocks;
    for (let at = index; at < this.entries.length; at++) {
      const entry = this.entries[at];
      if (entry === undefined) break;
      this.#lookup(this.file(entry), block, blocks);
      blocks = Math.min(blocks, mapping.blocks);
      if (mapping.diskBlock === 0) continue;
      out.diskBlock = mapping.diskBlock;
      out.blocks = blocks;
      return;
    }
    out.diskBlock = block;
    out.blocks = blocks;
  }

  /** Fills `mapping`. */
  #lookup(file: Inode, block: number, blocks: number): void {
    if (recall(file, block, blocks, mapping)) return;
    rememberAt(file, this.#path.find(this.alloc, file, block), block);
    recall(file, block, blocks, mapping);
  }
}
