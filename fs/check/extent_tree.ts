/**
 * Walking an extent tree: every node and entry is checked, every block claimed.
 *
 * @module
 */

import {
  entryFileBlock,
  EXTENT_MAGIC,
  extentBlocks,
  extentCapacity,
  extentDepth,
  extentDiskBlock,
  extentEntries,
  extentEntryOffset,
  extentIsUnwritten,
  extentMax,
  indexChildBlock,
  verifyExtentBlock,
} from "../layout/extent.ts";
import { I_BLOCK_BYTES, I_BLOCK_OFFSET, InodeFlag } from "../layout/inode.ts";
import { RESIZE_INODE } from "../layout/superblock.ts";
import type { CheckContext } from "./context.ts";
import type { FileBlocks } from "./file_blocks.ts";

/** A tree of more levels than this is not walked; 5 can be needed. */
const MAX_WALKED_DEPTH = 64;
/** Largest directory without large_dir: 2 GiB. */
const DIRECTORY_BYTES_LOG = 21;

/** Whether the bytes at `offset` look like a node's header. @param nodeBytes size of the node. */
export function extentHeaderIsGood(view: DataView, offset: number, nodeBytes: number): boolean {
  const max = extentMax(view, offset);
  const capacity = extentCapacity(nodeBytes);
  return view.getUint16(offset, true) === EXTENT_MAGIC && extentEntries(view, offset) <= max &&
    max <= capacity && max >= capacity - 2;
}

/** A node that is being walked. */
interface Node {
  readonly view: DataView;
  readonly offset: number;
  /** 0 for the root. */
  readonly level: number;
  /** File block below which no entry may begin. */
  low: number;
  /** Last file block that an entry may cover; 0 when there is no bound. */
  readonly high: number;
  /** One more than the last file block that the node stands for. */
  readonly end: number;
}

/** One entry, of a leaf or an index. */
interface Entry {
  readonly fileBlock: number;
  readonly diskBlock: number;
  /** Of an index entry: to the next one, which may be nonsense. */
  readonly blocks: number;
  readonly last: number;
  readonly unwritten: boolean;
}

/** Walks the trees of one check. */
export class ExtentTrees {
  readonly #check: CheckContext;
  readonly #buffers: { bytes: Uint8Array; view: DataView }[] = [];
  #depth = 0;
  /** The last file block that i_size covers. */
  #endOfFile = 0;

  constructor(check: CheckContext) {
    this.#check = check;
  }

  /** Walks the tree of `file.raw`. */
  walk(file: FileBlocks): void {
    const { raw } = file;
    const { findings, geometry } = this.#check;
    const root = raw.offset + I_BLOCK_OFFSET;
    if (!extentHeaderIsGood(raw.view, root, I_BLOCK_BYTES)) {
      findings.add("extent_root", { inode: raw.ino });
      return;
    }
    this.#depth = extentDepth(raw.view, root);
    if (this.#depth > MAX_WALKED_DEPTH) {
      findings.add("extent_root", { inode: raw.ino }, this.#depth, "up to 5", "eh_depth");
      return;
    }
    const deepest = maxDepth(geometry.blockBytes);
    if (this.#depth > deepest) {
      findings.add("extent_too_deep", { inode: raw.ino }, this.#depth, `up to ${deepest}`);
    }
    const blocks = Math.ceil(raw.size / geometry.blockBytes);
    this.#endOfFile = blocks - 1;
    this.#scan(file, { view: raw.view, offset: root, level: 0, low: 0, high: 0, end: blocks });
  }

  #scan(file: FileBlocks, node: Node): void {
    const { view, offset } = node;
    const entries = extentEntries(view, offset);
    const isLeaf = node.level === this.#depth;
    for (let index = 0; index < entries; index++) {
      const entry = this.#entry(node, index, entries, isLeaf);
      const problem = this.#problem(file, node, entry, isLeaf);
      if (problem) continue;
      if (!isLeaf) {
        this.#descend(file, node, entry);
        continue;
      }
      this.#leaf(file, entry);
      node.low = entry.last;
    }
  }

  #entry(node: Node, index: number, entries: number, isLeaf: boolean): Entry {
    const { view } = node;
    const at = extentEntryOffset(node.offset, index);
    const fileBlock = entryFileBlock(view, at);
    if (isLeaf) {
      const blocks = extentBlocks(view, at);
      const last = fileBlock + blocks - 1;
      const unwritten = extentIsUnwritten(view, at);
      return { fileBlock, diskBlock: extentDiskBlock(view, at), blocks, last, unwritten };
    }
    const next = index + 1 < entries
      ? entryFileBlock(view, extentEntryOffset(node.offset, index + 1))
      : node.end;
    const blocks = (next - fileBlock) >>> 0;
    const last = fileBlock + blocks - 1;
    return { fileBlock, diskBlock: indexChildBlock(view, at), blocks, last, unwritten: false };
  }

  /** Reports what is wrong with an entry; true when it must not be followed. */
  #problem(file: FileBlocks, node: Node, entry: Entry, isLeaf: boolean): boolean {
    const { findings, geometry } = this.#check;
    const { fileBlock, diskBlock, blocks, last } = entry;
    const where = { inode: file.raw.ino, fileBlock, block: diskBlock };
    if (diskBlock === 0 || !this.#check.inRange(diskBlock)) {
      findings.add("extent_block", where);
    } else if (fileBlock < node.low) findings.add("extent_order", where, fileBlock, node.low);
    else if (node.high !== 0 && last > node.high && !this.#mayPass(file, entry)) {
      findings.add("extent_bounds", where, last, `up to ${node.high}`);
    } else if (!isLeaf) return false;
    else if (blocks === 0) findings.add("extent_length", where);
    else if (diskBlock + blocks > geometry.blocksCount) {
      findings.add("extent_beyond_end", where, diskBlock + blocks - 1);
    } else if (this.#isTooBig(file, last)) findings.add("directory_too_big", where, last);
    else if (fileBlock < file.nextFileBlock) {
      findings.add("extent_collision", where, fileBlock, `from ${file.nextFileBlock}`);
    } else return false;
    return true;
  }

  /** Extents beyond the end of the file may leave their node's range. */
  #mayPass(file: FileBlocks, entry: Entry): boolean {
    return entry.last > this.#endOfFile && (entry.unwritten || file.raw.has(InodeFlag.VERITY));
  }

  #isTooBig(file: FileBlocks, last: number): boolean {
    if (!file.isDirectory || this.#check.features.largeDir || file.raw.sizeHigh !== 0) return false;
    return last + 1 > 2 ** (DIRECTORY_BYTES_LOG - this.#check.superblock.logBlockSize);
  }

  #descend(file: FileBlocks, node: Node, entry: Entry): void {
    const { findings, systemBlocks, seed } = this.#check;
    const { fileBlock, diskBlock: block } = entry;
    const where = { inode: file.raw.ino, fileBlock, block };
    if (file.raw.ino !== RESIZE_INODE && systemBlocks.has(block)) {
      findings.add("extent_metadata", where);
    }
    const fresh = file.claim(block);
    file.clusters++;
    // A node that was walked before, or is in use otherwise, is not walked: no tree takes long.
    if (!fresh) return;
    const { bytes, view } = this.#buffer(node.level);
    if (!this.#check.reader.read(block, bytes)) return;
    if (!extentHeaderIsGood(view, 0, bytes.length)) {
      findings.add("extent_node", where);
      return;
    }
    if (seed !== undefined && !verifyExtentBlock(bytes, view, file.raw.ownSeed(seed))) {
      findings.add("extent_checksum", where);
    }
    if (extentEntries(view, 0) === 0) {
      findings.add("extent_node_empty", where);
      return;
    }
    const depth = extentDepth(view, 0);
    const expected = this.#depth - node.level - 1;
    if (depth !== expected) findings.add("extent_depth", where, depth, expected);
    const first = entryFileBlock(view, extentEntryOffset(0, 0));
    if (first !== fileBlock) findings.add("extent_index_start", where, fileBlock, first);
    const end = entry.last + 1;
    this.#scan(file, { view, offset: 0, level: node.level + 1, low: first, high: entry.last, end });
  }

  #leaf(file: FileBlocks, entry: Entry): void {
    const { findings, geometry } = this.#check;
    const { fileBlock, diskBlock, blocks, last, unwritten } = entry;
    const where = { inode: file.raw.ino, fileBlock, block: diskBlock };
    file.nextFileBlock = last + 1;
    if (file.isDirectory) {
      if (unwritten) findings.add("extent_unwritten_directory", where);
      if (file.lastBlock + 1 < fileBlock) {
        findings.add("extent_directory_gap", where, fileBlock, file.lastBlock + 1);
      }
    }
    if (file.isMisaligned(diskBlock, fileBlock)) findings.add("cluster_alignment", where);
    const { clusterBlocks } = geometry;
    const cluster = Math.floor(diskBlock / clusterBlocks);
    const again = clusterBlocks > 1 && file.previousBlock !== 0 &&
      cluster === Math.floor(file.previousBlock / clusterBlocks);
    const from = (again ? cluster + 1 : cluster) * clusterBlocks;
    const rest = diskBlock + blocks - from;
    if (rest > 0) {
      file.claimRun(from, rest);
      file.clusters += Math.ceil(rest / clusterBlocks);
    }
    if (file.isDirectory) file.keepRun(fileBlock, diskBlock, blocks);
    file.lastBlock = last;
    file.previousBlock = diskBlock + blocks - 1;
    if (!file.isDirectory && !unwritten) file.lastWritten = last;
  }

  #buffer(level: number): { bytes: Uint8Array; view: DataView } {
    const known = this.#buffers[level];
    if (known !== undefined) return known;
    const bytes = this.#check.reader.buffer();
    const made = { bytes, view: new DataView(bytes.buffer) };
    this.#buffers[level] = made;
    return made;
  }
}

/** The depth beyond which no tree has to grow, by the logarithms of what its nodes hold. */
function maxDepth(blockBytes: number): number {
  const log = (value: number): number => Math.floor(Math.log2(value));
  const inInode = log(extentCapacity(I_BLOCK_BYTES));
  return 1 + Math.floor((31 - inInode) / log(extentCapacity(blockBytes)));
}
