/**
 * Second pass: the blocks of all directories, and what their entries name.
 *
 * @module
 */

import { DIRENT_TAIL_BYTES, hasDirentTail, verifyDirentBlock } from "../layout/dirent.ts";
import { RoCompat } from "../layout/features.ts";
import { ROOT_INODE } from "../layout/superblock.ts";
import type { CheckContext } from "./context.ts";
import { type BlockRun, DirectoryFlag } from "./directory_list.ts";
import { EntryChecker } from "./entry_checker.ts";
import { HtreeMap } from "./htree_map.ts";
import { checkInlineDirectory } from "./inline_directory.ts";
import type { InodeReader } from "./inode_reader.ts";
import { SparseBits } from "./sparse_bits.ts";

const CHUNK_BYTES = 1 << 18;
/** Larger directories' indexes are not followed: 4 GiB with blocks of 1 KiB. */
const MAX_INDEXED_BLOCKS = 1 << 22;

/** The pass over the directories. */
export class DirectoryPass {
  readonly #check: CheckContext;
  readonly #inodes: InodeReader;
  readonly #entries: EntryChecker;
  readonly #chunk: Uint8Array<ArrayBuffer>;
  /** Disk blocks that were checked: a block is looked at once, whoever claims it. */
  readonly #seen = new SparseBits();

  constructor(check: CheckContext, inodes: InodeReader) {
    this.#check = check;
    this.#inodes = inodes;
    this.#entries = new EntryChecker(check);
    const { blockBytes } = check.geometry;
    this.#chunk = new Uint8Array(Math.max(blockBytes, CHUNK_BYTES));
  }

  /** Goes through all directories. */
  run(): void {
    const { directories, findings, superblock } = this.#check;
    directories.parents.set(ROOT_INODE, ROOT_INODE);
    for (let index = 0; index < directories.count; index++) {
      if ((index & 0xff) === 0) this.#check.step("directories", index, directories.count);
      this.#directory(index);
    }
    if (this.#check.largeFiles > 0 && !superblock.hasRoCompat(RoCompat.LARGE_FILE)) {
      findings.add("superblock_large_file", {}, this.#check.largeFiles);
    }
    if (this.#check.largeDirectories > 0 && !this.#check.features.largeDir) {
      findings.add("superblock_large_dir", {}, this.#check.largeDirectories);
    }
  }

  #directory(index: number): void {
    const { directories, features } = this.#check;
    const flags = directories.flags(index);
    const ino = directories.inode(index);
    this.#entries.begin(ino, flags);
    if ((flags & DirectoryFlag.INLINE) !== 0 && features.inlineData) {
      const raw = this.#inodes.read(ino);
      if (raw !== undefined) checkInlineDirectory(this.#check, this.#entries, raw);
      return;
    }
    const htree = (flags & DirectoryFlag.INDEXED) !== 0 ? this.#index(index) : undefined;
    const seed = this.#check.seed === undefined ? undefined : directories.seed(index);
    let first = true;
    for (const run of directories.runs(index)) {
      if (first && run.fileBlock !== 0) {
        this.#check.findings.add("directory_hole", { inode: ino, fileBlock: 0 });
      }
      first = false;
      this.#run(ino, run, htree, seed);
    }
    htree?.finish();
  }

  /** An index map; undefined for a directory that is mostly holes. */
  #index(index: number): HtreeMap | undefined {
    const { directories, findings } = this.#check;
    const blocks = directories.lastBlock(index) + 1;
    let mapped = 0;
    for (const run of directories.runs(index)) mapped += run.blocks;
    const inode = directories.inode(index);
    if (blocks <= mapped * 2 + 64 && blocks <= MAX_INDEXED_BLOCKS) {
      return new HtreeMap(this.#check, inode, blocks);
    }
    findings.add("htree_sparse", { inode }, mapped, blocks);
    return undefined;
  }

  #run(ino: number, run: BlockRun, index: HtreeMap | undefined, seed: number | undefined): void {
    const { blockBytes } = this.#check.geometry;
    const perChunk = this.#chunk.length / blockBytes;
    for (let done = 0; done < run.blocks; done += perChunk) {
      const blocks = Math.min(perChunk, run.blocks - done);
      const chunk = this.#chunk.subarray(0, blocks * blockBytes);
      const diskBlock = run.diskBlock + done;
      if (this.#isSeen(diskBlock, blocks)) continue;
      if (!this.#check.reader.read(diskBlock, chunk)) continue;
      for (let i = 0; i < blocks; i++) {
        if (this.#seen.has(diskBlock + i)) continue;
        this.#seen.set(diskBlock + i);
        const bytes = chunk.subarray(i * blockBytes, (i + 1) * blockBytes);
        this.#block(ino, bytes, run.fileBlock + done + i, diskBlock + i, index, seed);
      }
    }
  }

  /** Whether all of these blocks were checked. */
  #isSeen(diskBlock: number, blocks: number): boolean {
    for (let i = 0; i < blocks; i++) if (!this.#seen.has(diskBlock + i)) return false;
    return true;
  }

  #block(
    ino: number,
    bytes: Uint8Array,
    fileBlock: number,
    diskBlock: number,
    index: HtreeMap | undefined,
    seed: number | undefined,
  ): void {
    const { findings } = this.#check;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const usable = index !== undefined && fileBlock < index.blocks ? index : undefined;
    const isLeaf = usable === undefined || usable.begin(bytes, view, fileBlock);
    let end = bytes.length;
    if (isLeaf && seed !== undefined) {
      const where = { inode: ino, fileBlock, block: diskBlock };
      if (!hasDirentTail(view, bytes.length)) findings.add("directory_no_checksum", where);
      else {
        end -= DIRENT_TAIL_BYTES;
        if (!verifyDirentBlock(bytes, view, seed)) findings.add("directory_checksum", where);
      }
    }
    this.#entries.checkBlock({ bytes, view, end, fileBlock, diskBlock, index: usable });
    if (!isLeaf) usable?.index(bytes, view, fileBlock, seed);
  }
}
