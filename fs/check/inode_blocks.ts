/**
 * The blocks of an inode, and whether i_size, i_blocks and the index flag agree with them.
 *
 * @module
 */

import { RoCompat } from "../layout/features.ts";
import { maxMappedBlocks } from "../layout/indirect.ts";
import { INLINE_I_BLOCK_BYTES } from "../layout/inline_data.ts";
import { InodeFlag } from "../layout/inode.ts";
import { ROOT_INODE } from "../layout/superblock.ts";
import { BlockMaps } from "./block_map.ts";
import type { CheckContext } from "./context.ts";
import { DirectoryFlag } from "./directory_list.ts";
import { ExtentTrees } from "./extent_tree.ts";
import { FileBlocks } from "./file_blocks.ts";
import { inlineValue } from "./find_xattr.ts";
import { HtreeRoots } from "./htree_root.ts";
import { countsBlocks } from "./inode_fields.ts";
import { RawInode } from "./raw_inode.ts";
import { hasMappedBlocks } from "./special_files.ts";
import type { XattrChecker, XattrCost } from "./xattr_checker.ts";

/** From this size on a regular file needs large_file. */
const LARGE_FILE_BYTES = 2 ** 31;

/** Walks blocks and compares. */
export class InodeBlocks {
  readonly #check: CheckContext;
  readonly #xattrs: XattrChecker;
  readonly #file: FileBlocks;
  readonly #extents: ExtentTrees;
  readonly #maps: BlockMaps;
  readonly #roots: HtreeRoots;

  constructor(check: CheckContext, xattrs: XattrChecker) {
    this.#check = check;
    this.#xattrs = xattrs;
    this.#file = new FileBlocks(check, new RawInode(check.geometry.inodeBytes));
    this.#extents = new ExtentTrees(check);
    this.#maps = new BlockMaps(check);
    this.#roots = new HtreeRoots(check);
  }

  /**
   * @param cost what the in-inode attributes cost.
   * @param listed the inode's directory blocks are to be checked later.
   */
  check(raw: RawInode, cost: XattrCost, listed: boolean): void {
    const file = this.#file;
    const { directories, features, findings } = this.#check;
    file.begin(raw, cost.clusters);
    file.keepsDirectory = listed && raw.isDirectory;
    if (file.keepsDirectory) {
      directories.begin(raw.ino, directoryFlags(raw), raw.ownSeed(this.#check.seed ?? 0));
    }
    const xattrInodes = this.#xattrs.checkBlock(file);
    const inline = features.inlineData && raw.has(InodeFlag.INLINE_DATA);
    if (!inline && hasMappedBlocks(this.#check, raw)) {
      if (features.extents && raw.has(InodeFlag.EXTENTS)) this.#extents.walk(file);
      else this.#maps.walk(file);
    }
    let indexed = false;
    if (raw.has(InodeFlag.INDEX)) indexed = this.#roots.check(raw);
    if (file.keepsDirectory) directories.finish(file.lastBlock, indexed);
    if (raw.isDirectory && file.clusters === 0 && !raw.has(InodeFlag.INLINE_DATA)) {
      findings.add("directory_empty", { inode: raw.ino });
    }
    this.#countQuota(raw, cost.inodes + xattrInodes + 1);
    this.#checkSize(raw);
    this.#checkBlockCount(raw);
  }

  #countQuota(raw: RawInode, inodes: number): void {
    const { superblock, geometry, quota } = this.#check;
    const { ino } = raw;
    if (ino !== ROOT_INODE && ino < superblock.firstInode) return;
    if (ino === superblock.projectQuotaInode || ino === superblock.orphanFileInode) return;
    if (raw.has(InodeFlag.EA_INODE)) return;
    const bytes = this.#file.clusters * geometry.clusterBlocks * geometry.blockBytes;
    quota.add(raw, bytes, inodes);
  }

  #checkSize(raw: RawInode): void {
    const { findings } = this.#check;
    const expected = raw.isDirectory ? this.#directorySize(raw) : this.#fileSize(raw);
    const mayDiffer = this.#check.options.allowOrphans && this.#check.truncating.has(raw.ino);
    if (expected !== undefined && !raw.isSymlink && !mayDiffer) {
      findings.add("inode_size", { inode: raw.ino }, raw.size, expected);
    }
    if (raw.isRegular && raw.size >= LARGE_FILE_BYTES) this.#check.largeFiles++;
  }

  /** What i_size of a directory should be; undefined when it is good. */
  #directorySize(raw: RawInode): number | undefined {
    const { geometry, superblock } = this.#check;
    if (raw.has(InodeFlag.INLINE_DATA)) {
      const bytes = INLINE_I_BLOCK_BYTES + (inlineValue(raw)?.length ?? 0);
      return raw.size === bytes ? undefined : bytes;
    }
    const mapped = this.#file.lastBlock + 1;
    const blocks = raw.size / geometry.blockBytes;
    const expected = mapped * geometry.blockBytes;
    if (!Number.isInteger(blocks) || blocks > mapped) return expected;
    return mapped - blocks > superblock.preallocDirBlocks ? expected : undefined;
  }

  /** The same for all other types. */
  #fileSize(raw: RawInode): number | undefined {
    const { geometry, features } = this.#check;
    const { lastWritten, lastBlock } = this.#file;
    const expected = (lastBlock + 1) * geometry.blockBytes;
    const beyond = lastWritten >= 0 && raw.size < lastWritten * geometry.blockBytes;
    if (beyond && !raw.has(InodeFlag.VERITY)) return expected;
    const blocks = features.extents && raw.has(InodeFlag.EXTENTS)
      ? 2 ** 32 - 1 / geometry.blockBytes
      : maxMappedBlocks(geometry.blockBytes);
    return raw.size > blocks * geometry.blockBytes ? expected : undefined;
  }

  #checkBlockCount(raw: RawInode): void {
    const { findings, geometry, features, superblock } = this.#check;
    const stored = raw.blocksLow + (features.hugeFile ? raw.blocksHigh * 2 ** 32 : 0);
    const inBlocks = features.hugeFile && raw.has(InodeFlag.HUGE_FILE);
    const unit = inBlocks ? 1 : geometry.blockBytes / 512;
    const expected = this.#file.clusters * geometry.clusterBlocks * unit;
    if (countsBlocks(this.#check) && (stored !== expected || (inBlocks && raw.blocksHigh !== 0))) {
      findings.add("inode_blocks", { inode: raw.ino }, stored, expected);
    }
    const mapped = !raw.has(InodeFlag.EXTENTS | InodeFlag.INLINE_DATA) &&
      (raw.isRegular || raw.isDirectory) &&
      (raw.ino === ROOT_INODE || raw.ino >= superblock.firstInode);
    const own = raw.u32(0x68) === 0 ? 0 : geometry.clusterBlocks * geometry.blockBytes / 512;
    if (mapped && superblock.hasRoCompat(RoCompat.BIGALLOC) && stored - own > 0) {
      findings.add("inode_bigalloc_block_map", { inode: raw.ino });
    }
  }
}

function directoryFlags(raw: RawInode): number {
  return (raw.has(InodeFlag.INLINE_DATA) ? DirectoryFlag.INLINE : 0) |
    (raw.has(InodeFlag.CASEFOLD) ? DirectoryFlag.CASEFOLD : 0) |
    (raw.has(InodeFlag.ENCRYPT) ? DirectoryFlag.ENCRYPTED : 0);
}
