/**
 * The blocks of one quota file, 1024 bytes each whatever the file system's block size, through the buffer cache.
 *
 * Where they lie is looked up once: usage changes in the middle of other files' map operations, when no map may be
 * walked.
 *
 * @module
 */

import type { Allocator } from "../alloc/allocator.ts";
import type { Buffer } from "../device/cache.ts";
import { Corrupt } from "../errors.ts";
import type { Handle } from "../journal/transaction.ts";
import { InodeFlag } from "../layout/inode.ts";
import { QUOTA_BLOCK_BYTES } from "../layout/quota.ts";
import { allocateRange, lookup, newMapping } from "../map/map.ts";
import type { Inode } from "../volume/inode.ts";

const ALLOCATE = { unwritten: false, privileged: true, append: false, metadata: true } as const;

/** Consecutive file blocks that lie consecutively. */
interface Run {
  readonly fileBlock: number;
  readonly diskBlock: number;
  blocks: number;
}

/** One quota file. */
export class QuotaFileBlocks {
  /** In the order of file blocks. */
  readonly #runs: Run[] = [];

  /** @throws Corrupt when the inode cannot be a quota file; DeviceError. */
  constructor(readonly alloc: Allocator, readonly ino: number) {
    const inode = this.#inode();
    const bad = (field: string): Corrupt => new Corrupt("quota file", `inode ${ino}`, field);
    if (!inode.isRegular || inode.links === 0) throw bad("i_mode or i_links_count");
    if (inode.has(InodeFlag.INLINE_DATA | InodeFlag.EA_INODE | InodeFlag.ENCRYPT)) {
      throw bad(`i_flags 0x${inode.flags.toString(16)}`);
    }
    this.#readRuns(inode);
  }

  /** Size in bytes. */
  get sizeBytes(): number {
    return this.#inode().size;
  }

  /** The block's bytes; a change needs `dirty`. @throws Corrupt for a hole, DeviceError */
  view(block: number): DataView {
    const { bytes } = this.#buffer(block);
    return new DataView(bytes.buffer, bytes.byteOffset + this.offsetOf(block), QUOTA_BLOCK_BYTES);
  }

  /** Marks the block as changed. */
  dirty(handle: Handle, block: number): void {
    handle.dirty(this.#buffer(block));
  }

  /** The disk block in which the block lies. @throws Corrupt for a hole */
  diskBlockOf(block: number): number {
    const { blockBytes } = this.alloc.volume.geometry;
    const disk = this.#find(Math.floor((block * QUOTA_BLOCK_BYTES) / blockBytes));
    if (disk !== 0) return disk;
    throw new Corrupt("quota file", `inode ${this.ino}`, `block ${block} is a hole`);
  }

  /** Byte offset of the block in its disk block. */
  offsetOf(block: number): number {
    return (block * QUOTA_BLOCK_BYTES) % this.alloc.volume.geometry.blockBytes;
  }

  /**
   * Makes the file at least `blocks` blocks long; new ones are zero.
   * @returns 0, or -ENOSPC, NEEDS_COMMIT: the file may have become longer by a part.
   */
  grow(handle: Handle, blocks: number): number {
    const { geometry, cache } = this.alloc.volume;
    const end = Math.ceil((blocks * QUOTA_BLOCK_BYTES) / geometry.blockBytes);
    const inode = this.#inode();
    const mapping = newMapping();
    for (let fileBlock = this.#runsEnd(); fileBlock < end; fileBlock++) {
      const result = allocateRange(this.alloc, handle, inode, fileBlock, 1, ALLOCATE, mapping);
      if (result < 0) return result;
      if (!mapping.fresh) {
        throw new Corrupt("quota file", `inode ${this.ino}`, `block ${fileBlock} is there already`);
      }
      handle.dirty(cache.fresh(mapping.diskBlock));
      this.#add(fileBlock, mapping.diskBlock, 1);
      this.#lengthen(handle, inode, fileBlock * geometry.blockBytes + QUOTA_BLOCK_BYTES);
    }
    this.#lengthen(handle, inode, blocks * QUOTA_BLOCK_BYTES);
    return 0;
  }

  #lengthen(handle: Handle, inode: Inode, bytes: number): void {
    if (inode.size >= bytes) return;
    inode.size = bytes;
    this.alloc.volume.dirtyInode(handle, inode);
  }

  #inode(): Inode {
    return this.alloc.volume.inodes.get(this.ino);
  }

  #buffer(block: number): Buffer {
    return this.alloc.volume.cache.get(this.diskBlockOf(block));
  }

  /** Finds where everything lies, up to the first hole: quota files have none. */
  #readRuns(inode: Inode): void {
    const limit = Math.ceil(inode.size / this.alloc.volume.geometry.blockBytes);
    const mapping = newMapping();
    for (let at = 0; at < limit; at += mapping.blocks) {
      lookup(this.alloc, inode, at, limit - at, mapping);
      if (mapping.diskBlock === 0 || mapping.unwritten) return;
      this.#add(at, mapping.diskBlock, mapping.blocks);
    }
  }

  #add(fileBlock: number, diskBlock: number, blocks: number): void {
    const last = this.#runs.at(-1);
    const continues = last !== undefined && last.fileBlock + last.blocks === fileBlock &&
      last.diskBlock + last.blocks === diskBlock;
    if (continues) last.blocks += blocks;
    else this.#runs.push({ fileBlock, diskBlock, blocks });
  }

  #runsEnd(): number {
    const last = this.#runs.at(-1);
    return last === undefined ? 0 : last.fileBlock + last.blocks;
  }

  /** The disk block of a file block, 0 for a hole. */
  #find(fileBlock: number): number {
    let low = 0;
    let high = this.#runs.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const { fileBlock: first, diskBlock, blocks } = this.#runs[middle] as Run;
      if (fileBlock < first) high = middle - 1;
      else if (fileBlock >= first + blocks) low = middle + 1;
      else return diskBlock + fileBlock - first;
    }
    return 0;
  }
}
