/**
 * The root of an indexed directory, as far as it decides whether the index is one.
 *
 * @module
 */

import {
  entryFileBlock,
  extentBlocks,
  extentDepth,
  extentDiskBlock,
  extentEntries,
  extentEntryOffset,
  indexChildBlock,
} from "../layout/extent.ts";
import { HashVersion } from "../layout/dir_hash.ts";
import {
  ROOT_INFO_BYTES,
  ROOT_INFO_OFFSET,
  rootHashVersion,
  rootIndirectLevels,
} from "../layout/htree.ts";
import { I_BLOCK_BYTES, I_BLOCK_OFFSET, InodeFlag } from "../layout/inode.ts";
import type { CheckContext } from "./context.ts";
import { extentHeaderIsGood } from "./extent_tree.ts";
import type { RawInode } from "./raw_inode.ts";

/** Deepest index: with large_dir. */
const MAX_LEVELS = 3;
const USUAL_LEVELS = 2;
const INCOMPATIBLE_FLAG = 1;
const LARGE_BYTES = 2 ** 31;
const MAX_TREE_DEPTH = 5;

/** Looks at the roots of one check's indexed directories. */
export class HtreeRoots {
  readonly #check: CheckContext;
  readonly #block: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;
  readonly #node: Uint8Array<ArrayBuffer>;

  constructor(check: CheckContext) {
    this.#check = check;
    this.#block = check.reader.buffer();
    this.#view = new DataView(this.#block.buffer);
    this.#node = check.reader.buffer();
  }

  /** Checks the root of an inode with the INDEX flag. @returns whether there is an index to check. */
  check(raw: RawInode): boolean {
    const { findings, features } = this.#check;
    const where = { inode: raw.ino };
    if (!raw.isDirectory) {
      findings.add("htree_no_directory", where);
      return false;
    }
    if (!features.dirIndex) findings.add("htree_no_feature", where);
    const block = this.#firstBlock(raw);
    if (
      block === 0 || !this.#check.inRange(block) || !this.#check.reader.read(block, this.#block)
    ) {
      findings.add("htree_root", where);
      return false;
    }
    this.#checkInfo(raw);
    return true;
  }

  #checkInfo(raw: RawInode): void {
    const { findings } = this.#check;
    const view = this.#view;
    const where = { inode: raw.ino };
    if (view.getUint32(ROOT_INFO_OFFSET, true) !== 0 || view.getUint8(0x1d) < ROOT_INFO_BYTES) {
      findings.add("htree_root", where);
    }
    const version = rootHashVersion(view);
    if (version > HashVersion.TEA && version !== HashVersion.SIPHASH) {
      findings.add("htree_hash_version", where, version);
    }
    const needsSiphash = raw.has(InodeFlag.ENCRYPT) && raw.has(InodeFlag.CASEFOLD);
    if (needsSiphash !== (version === HashVersion.SIPHASH)) {
      findings.add("htree_siphash", where, version);
    }
    if ((view.getUint8(0x1f) & INCOMPATIBLE_FLAG) !== 0) findings.add("htree_flags", where);
    this.#checkLevels(raw, rootIndirectLevels(view));
  }

  #checkLevels(raw: RawInode, levels: number): void {
    const { features, findings } = this.#check;
    if (levels > MAX_LEVELS || (levels > USUAL_LEVELS && !features.largeDir)) {
      findings.add("htree_depth", { inode: raw.ino }, levels);
    }
    if (levels > USUAL_LEVELS || raw.size >= LARGE_BYTES) this.#check.largeDirectories++;
  }

  /** Disk block of file block 0; 0 when there is none. */
  #firstBlock(raw: RawInode): number {
    if (raw.has(InodeFlag.INLINE_DATA)) return 0;
    if (!raw.has(InodeFlag.EXTENTS)) return raw.block(0);
    let view = raw.view;
    let offset = raw.offset + I_BLOCK_OFFSET;
    let bytes = I_BLOCK_BYTES;
    for (let level = 0; level <= MAX_TREE_DEPTH; level++) {
      if (!extentHeaderIsGood(view, offset, bytes) || extentEntries(view, offset) === 0) return 0;
      const entry = extentEntryOffset(offset, 0);
      if (entryFileBlock(view, entry) !== 0) return 0;
      if (extentDepth(view, offset) === 0) {
        return extentBlocks(view, entry) === 0 ? 0 : extentDiskBlock(view, entry);
      }
      const child = indexChildBlock(view, entry);
      if (!this.#check.inRange(child) || !this.#check.reader.read(child, this.#node)) return 0;
      view = new DataView(this.#node.buffer);
      offset = 0;
      bytes = this.#node.length;
    }
    return 0;
  }
}
