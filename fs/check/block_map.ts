/**
 * Walking a block map (direct and indirect blocks): every number is checked, every block claimed.
 *
 * @module
 */

import { DIRECT_BLOCKS, I_BLOCK_SLOTS } from "../layout/indirect.ts";
import { RESIZE_INODE } from "../layout/superblock.ts";
import type { CheckContext } from "./context.ts";
import type { FileBlocks } from "./file_blocks.ts";

const DIRECTORY_BYTES_LOG = 21;
const DOUBLE_INDIRECT_LEVELS = 2;
const HURD = 1;
const TRANSLATOR_OFFSET = 0x24;
/** "File blocks" of map blocks, as the order of checks wants them. */
const MAP_BLOCK = -1;

/** Walks the block maps of one check. */
export class BlockMaps {
  readonly #check: CheckContext;
  readonly #buffers: { bytes: Uint8Array; view: DataView }[];
  /** Blocks that the resize inode's map was followed to. */
  readonly #resizeSeen = new Set<number>();

  constructor(check: CheckContext) {
    this.#check = check;
    this.#buffers = [0, 1, 2].map(() => {
      const bytes = check.reader.buffer();
      return { bytes, view: new DataView(bytes.buffer) };
    });
  }

  /** Walks the map of `file.raw`. */
  walk(file: FileBlocks): void {
    const { raw } = file;
    if (this.#check.superblock.creatorOs === HURD && raw.u32(TRANSLATOR_OFFSET) !== 0) {
      this.#visit(file, raw.u32(TRANSLATOR_OFFSET), MAP_BLOCK, 0);
    }
    const pointers = this.#check.geometry.blockBytes / 4;
    let fileBlock = 0;
    for (let slot = 0; slot < I_BLOCK_SLOTS; slot++) {
      const levels = Math.max(0, slot - DIRECT_BLOCKS + 1);
      const block = raw.block(slot);
      if (block !== 0) {
        if (levels === 0) this.#visit(file, block, fileBlock, 0);
        else this.#map(file, block, levels, fileBlock);
      }
      fileBlock += pointers ** levels;
    }
    file.lastWritten = file.lastBlock;
  }

  /** Goes through an indirect block; `levels` is 1 when it names data blocks. */
  #map(file: FileBlocks, block: number, levels: number, firstFileBlock: number): void {
    const { findings, systemBlocks } = this.#check;
    const isResize = file.raw.ino === RESIZE_INODE;
    if (!isResize && this.#check.inRange(block) && systemBlocks.has(block)) {
      findings.add("block_map_metadata", { inode: file.raw.ino, block });
    }
    if (!this.#visit(file, block, MAP_BLOCK, levels)) return;
    const buffer = this.#buffers[levels - 1];
    if (buffer === undefined || !this.#check.reader.read(block, buffer.bytes)) return;
    const { bytes, view } = buffer;
    const pointers = bytes.length / 4;
    const below = pointers ** (levels - 1);
    for (let index = 0; index < pointers; index++) {
      const child = view.getUint32(index * 4, true);
      if (child === 0) continue;
      const fileBlock = firstFileBlock + index * below;
      if (levels === 1) this.#visit(file, child, fileBlock, 0);
      else this.#map(file, child, levels - 1, fileBlock);
    }
  }

  /** Checks and claims one block. @returns whether an indirect block may be followed. */
  #visit(file: FileBlocks, block: number, fileBlock: number, levels: number): boolean {
    if (this.#isBad(file, block, fileBlock)) return false;
    if (file.raw.ino === RESIZE_INODE) {
      file.clusters++;
      if (levels === DOUBLE_INDIRECT_LEVELS) file.claim(block);
      this.#advance(file, block, fileBlock);
      const fresh = !this.#resizeSeen.has(block);
      if (levels > 0) this.#resizeSeen.add(block);
      return fresh;
    }
    const fresh = this.#claim(file, block, fileBlock);
    this.#advance(file, block, fileBlock);
    return fresh;
  }

  #advance(file: FileBlocks, block: number, fileBlock: number): void {
    file.previousBlock = block;
    if (fileBlock < 0) return;
    if (file.isDirectory) this.#directoryBlock(file, block, fileBlock);
    file.lastBlock = fileBlock;
  }

  #claim(file: FileBlocks, block: number, fileBlock: number): boolean {
    const { clusterBlocks } = this.#check.geometry;
    const sameCluster = clusterBlocks > 1 && file.previousBlock !== 0 &&
      Math.floor(block / clusterBlocks) === Math.floor(file.previousBlock / clusterBlocks) &&
      block % clusterBlocks === ((fileBlock % clusterBlocks) + clusterBlocks) % clusterBlocks;
    if (!sameCluster) {
      file.clusters++;
      return file.claim(block);
    }
    if (file.isMisaligned(block, fileBlock)) {
      const where = { inode: file.raw.ino, fileBlock, block };
      this.#check.findings.add("cluster_alignment", where);
    }
    return true;
  }

  #isBad(file: FileBlocks, block: number, fileBlock: number): boolean {
    const { findings, superblock, features } = this.#check;
    const where = { inode: file.raw.ino, ...(fileBlock < 0 ? {} : { fileBlock }), block };
    const maxBlocks = 2 ** (31 - superblock.logBlockSize);
    const directoryBlocks = 2 ** (DIRECTORY_BYTES_LOG - superblock.logBlockSize);
    const longDirectory = file.isDirectory && !features.largeDir && file.raw.sizeHigh === 0 &&
      fileBlock > directoryBlocks;
    if (!this.#check.inRange(block)) findings.add("block_number", where);
    else if (longDirectory || (file.isDirectory && file.clusters + 1 >= maxBlocks)) {
      findings.add("directory_too_big", where);
    } else if (file.isRegular && file.clusters + 1 >= maxBlocks) {
      findings.add("file_too_big", where);
    } else if (!file.isDirectory && !file.isRegular && fileBlock > 0) {
      findings.add("symlink_too_big", where);
    } else return false;
    return true;
  }

  #directoryBlock(file: FileBlocks, block: number, fileBlock: number): void {
    const { features, findings } = this.#check;
    const mayHaveHoles = features.largeDir && !features.inlineData;
    if (file.lastBlock + 1 < fileBlock && !mayHaveHoles) {
      findings.add("directory_hole", { inode: file.raw.ino, fileBlock: file.lastBlock + 1 });
    }
    file.keepRun(fileBlock, block, 1);
  }
}
