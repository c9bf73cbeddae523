/**
 * Content of new files: blocks are taken one after the other and written in order.
 *
 * @module
 */

import { MAX_FILE_BLOCKS } from "../layout/extent.ts";
import { maxMappedBlocks } from "../layout/indirect.ts";
import { I_BLOCK_BYTES, I_BLOCK_OFFSET, type InodeRecord } from "../layout/inode.ts";
import type { CombiningDevice } from "./combining_device.ts";
import type { FileBlocks } from "./file_blocks.ts";
import type { Maker } from "./maker.ts";

/** Writes one file after the other; the parts of a file come in ascending order. */
export class FileWriter {
  /** Where the next blocks are looked for. */
  goal = 0;
  /** Largest size of a file. */
  readonly maxBytes: number;
  readonly #blockBytes: number;
  readonly #clusterBlocks: number;
  #inode: InodeRecord | undefined;
  #map: FileBlocks | undefined;
  /** Blocks of the file that lie in clusters it has: `[#mappedFrom, #mappedTo)` at `#mappedDisk`. */
  #mappedFrom = 0;
  #mappedTo = 0;
  #mappedDisk = 0;
  /** File blocks that the map knows. */
  #known = 0;
  /** The last block, while it is not full: its disk block, or -1. */
  #openDisk = -1;
  #openFileBlock = 0;
  readonly #open: Uint8Array;

  constructor(readonly maker: Maker, readonly device: CombiningDevice) {
    this.#blockBytes = maker.blockBytes;
    this.#clusterBlocks = maker.space.geometry.clusterBlocks;
    this.#open = new Uint8Array(maker.blockBytes);
    const blocks = maker.usesExtents ? MAX_FILE_BLOCKS : maxMappedBlocks(maker.blockBytes);
    this.maxBytes = blocks * maker.blockBytes;
  }

  /** Begins with a file's content. */
  start(inode: InodeRecord): void {
    this.#inode = inode;
    this.#map = this.maker.mapFile(inode);
    this.#mappedFrom = this.#mappedTo = this.#known = 0;
    this.#openDisk = -1;
  }

  write(offset: number, bytes: Uint8Array): void {
    const blockBytes = this.#blockBytes;
    for (let done = 0; done < bytes.length;) {
      const at = offset + done;
      const fileBlock = Math.floor(at / blockBytes);
      const within = at - fileBlock * blockBytes;
      const left = bytes.length - done;
      if (within === 0 && left >= blockBytes) {
        this.#closeOpen();
        const blocks = this.#mapRun(fileBlock, Math.floor(left / blockBytes));
        const length = blocks * blockBytes;
        this.device.write(
          bytes.subarray(done, done + length),
          this.#diskOf(fileBlock) * blockBytes,
        );
        done += length;
        continue;
      }
      if (this.#openDisk < 0 || this.#openFileBlock !== fileBlock) this.#openBlock(fileBlock);
      const length = Math.min(left, blockBytes - within);
      this.#open.set(length === bytes.length ? bytes : bytes.subarray(done, done + length), within);
      done += length;
    }
  }

  /** Takes the blocks that `write` would take, and writes nothing. */
  reserve(offset: number, length: number): void {
    const end = Math.ceil((offset + length) / this.#blockBytes);
    // The block that the range before ended in is there already.
    let fileBlock = Math.max(this.#known, Math.floor(offset / this.#blockBytes));
    while (fileBlock < end) fileBlock += this.#mapRun(fileBlock, end - fileBlock);
  }

  #openBlock(fileBlock: number): void {
    this.#closeOpen();
    this.#mapRun(fileBlock, 1);
    this.#openDisk = this.#diskOf(fileBlock);
    this.#openFileBlock = fileBlock;
    this.#open.fill(0);
  }

  #closeOpen(): void {
    if (this.#openDisk >= 0) this.device.write(this.#open, this.#openDisk * this.#blockBytes);
    this.#openDisk = -1;
  }

  #diskOf(fileBlock: number): number {
    return this.#mappedDisk + fileBlock - this.#mappedFrom;
  }

  /** Maps up to `wanted` blocks from `fileBlock` on, in one run; returns how many. */
  #mapRun(fileBlock: number, wanted: number): number {
    const { maker } = this;
    const map = this.#map;
    const inode = this.#inode;
    if (map === undefined || inode === undefined) throw new RangeError("no file was started");
    if (fileBlock >= this.#mappedTo) this.#takeClusters(map, inode, fileBlock, wanted);
    const blocks = Math.min(wanted, this.#mappedTo - fileBlock);
    const fresh = fileBlock + blocks - Math.max(this.#known, fileBlock);
    if (fresh > 0) {
      const first = fileBlock + blocks - fresh;
      if (first !== this.#known) map.skipTo(first);
      map.append(this.#diskOf(first), fresh);
      this.#known = first + fresh;
    }
    if (!maker.usesExtents) this.goal = this.#diskOf(fileBlock + blocks - 1) + 1;
    return blocks;
  }

  #takeClusters(map: FileBlocks, inode: InodeRecord, fileBlock: number, wanted: number): void {
    const { maker } = this;
    const ratio = this.#clusterBlocks;
    const within = fileBlock % ratio;
    // A block map's own blocks lie between those of the file: one at a time.
    if (!maker.usesExtents) {
      if (fileBlock !== this.#known) map.skipTo(fileBlock);
      this.#known = fileBlock;
    }
    const goal = map.prepare(fileBlock, this.goal);
    const clusters = maker.usesExtents ? Math.ceil((within + wanted) / ratio) : 1;
    const run = maker.space.allocateRun(goal, clusters * ratio);
    maker.charge(inode, Math.ceil(run.blocks / ratio));
    this.#mappedFrom = fileBlock - within;
    this.#mappedTo = this.#mappedFrom + run.blocks;
    this.#mappedDisk = run.block;
    this.goal = run.block + run.blocks;
  }

  /** Ends the file. */
  finish(): void {
    this.#closeOpen();
    this.#map?.finish();
    this.#map = undefined;
    this.#inode = undefined;
  }

  /**
   * Writes the blocks of a directory.
   * @param existing disk blocks that it has already, and is charged for.
   */
  writeDirectory(
    inode: InodeRecord,
    contents: readonly Uint8Array[],
    existing: readonly number[],
  ): void {
    const { maker } = this;
    inode.raw.fill(0, I_BLOCK_OFFSET, I_BLOCK_OFFSET + I_BLOCK_BYTES);
    this.start(inode);
    inode.size = contents.length * this.#blockBytes;
    existing.forEach((diskBlock, fileBlock) => {
      this.#map?.append(diskBlock, 1);
      const content = contents[fileBlock];
      if (content !== undefined) maker.writer.put(diskBlock, content);
    });
    this.#known = existing.length;
    this.#continueCluster(existing);
    for (let fileBlock = existing.length; fileBlock < contents.length; fileBlock++) {
      const content = contents[fileBlock];
      if (content !== undefined) this.write(fileBlock * this.#blockBytes, content);
    }
    this.finish();
  }

  /** The last cluster of existing blocks may have room for more. */
  #continueCluster(existing: readonly number[]): void {
    const last = existing.length - 1;
    const diskBlock = existing[last];
    if (diskBlock === undefined) return;
    const within = last % this.#clusterBlocks;
    this.#mappedFrom = last - within;
    this.#mappedTo = this.#mappedFrom + this.#clusterBlocks;
    this.#mappedDisk = diskBlock - within;
  }
}
