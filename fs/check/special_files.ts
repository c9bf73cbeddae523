/**
 * Rules of symbolic links, devices, FIFOs and sockets, and of what only pretends to be one.
 *
 * @module
 */

import { direntInode, direntNameLen, direntRecLen, verifyDirentBlock } from "../layout/dirent.ts";
import { entryFileBlock, extentDepth, extentDiskBlock, extentEntries } from "../layout/extent.ts";
import { extentBlocks, extentEntryOffset } from "../layout/extent.ts";
import { I_BLOCK_BYTES, I_BLOCK_OFFSET, InodeFlag, S_IFBLK, S_IFCHR } from "../layout/inode.ts";
import { I_BLOCK_SLOTS } from "../layout/indirect.ts";
import type { CheckContext } from "./context.ts";
import { extentHeaderIsGood } from "./extent_tree.ts";
import { inlineValue } from "./find_xattr.ts";
import type { RawInode } from "./raw_inode.ts";

/** Slots of i_block that a device number may use. */
const DEVICE_SLOTS = 4;

/** Whether i_block holds block numbers or an extent tree: not of devices or fast symlinks. */
export function hasMappedBlocks(check: CheckContext, raw: RawInode): boolean {
  if (raw.isSymlink) {
    if (raw.fileAcl(check.features.is64bit) === 0) {
      if (raw.blocksLow === 0) return false;
    } else if (raw.sizeLow < I_BLOCK_BYTES) {
      if (raw.sizeLow <= 4 || raw.block(1) !== 0) return false;
    }
  } else if (!raw.isDirectory && !raw.isRegular) return false;
  return !raw.has(InodeFlag.INLINE_DATA);
}

/** Whether a device's, FIFO's or socket's inode can be one. */
export function deviceIsGood(raw: RawInode): boolean {
  if (raw.has(InodeFlag.INDEX | InodeFlag.EXTENTS)) return false;
  if (!raw.has(InodeFlag.IMMUTABLE | InodeFlag.APPEND)) return true;
  for (let slot = DEVICE_SLOTS; slot < I_BLOCK_SLOTS; slot++) {
    if (raw.block(slot) !== 0) return false;
  }
  return true;
}

/** Checks symbolic links and inodes of a type that is suspicious. */
export class SpecialFiles {
  readonly #check: CheckContext;
  readonly #block: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;

  constructor(check: CheckContext) {
    this.#check = check;
    this.#block = check.reader.buffer();
    this.#view = new DataView(this.#block.buffer);
  }

  /** Whether the target ends where i_size says. */
  symlinkIsGood(raw: RawInode): boolean {
    if (raw.sizeHigh !== 0 || raw.sizeLow === 0 || raw.has(InodeFlag.INDEX)) return false;
    if (raw.has(InodeFlag.INLINE_DATA)) {
      const value = inlineValue(raw);
      return !raw.has(InodeFlag.EXTENTS) && raw.sizeLow === I_BLOCK_BYTES + (value?.length ?? 0);
    }
    if (raw.size < I_BLOCK_BYTES) {
      const start = raw.offset + I_BLOCK_OFFSET;
      return !raw.has(InodeFlag.EXTENTS) &&
        this.#lengthIsGood(raw, raw.bytes.subarray(start, start + I_BLOCK_BYTES));
    }
    const block = this.#targetBlock(raw);
    if (block === undefined || !this.#check.inRange(block)) return false;
    return this.#check.reader.read(block, this.#block) && this.#lengthIsGood(raw, this.#block);
  }

  #lengthIsGood(raw: RawInode, target: Uint8Array): boolean {
    let length = target.indexOf(0);
    if (raw.has(InodeFlag.ENCRYPT)) length = (target[0] ?? 0) + (target[1] ?? 0) * 256 + 2;
    return length >= 0 && length < target.length && length === raw.sizeLow;
  }

  /** The one block of a target; undefined when the map is not that of one block. */
  #targetBlock(raw: RawInode): number | undefined {
    if (!raw.has(InodeFlag.EXTENTS)) {
      for (let slot = 1; slot < I_BLOCK_SLOTS; slot++) if (raw.block(slot) !== 0) return undefined;
      return raw.block(0);
    }
    const { view } = raw;
    const root = raw.offset + I_BLOCK_OFFSET;
    if (!extentHeaderIsGood(view, root, I_BLOCK_BYTES)) return undefined;
    if (extentEntries(view, root) !== 1 || extentDepth(view, root) !== 0) return undefined;
    const entry = extentEntryOffset(root, 0);
    const isOne = entryFileBlock(view, entry) === 0 && extentBlocks(view, entry) === 1;
    return isOne ? extentDiskBlock(view, entry) : undefined;
  }

  /** Whether an inode that says to be something else begins with a directory's block. */
  looksLikeDirectory(raw: RawInode): boolean {
    if (raw.isDirectory || raw.isRegular || raw.isSymlink || raw.block(0) === 0) return false;
    if (this.#check.features.inlineData && raw.has(InodeFlag.INLINE_DATA)) {
      return this.#looksLikeInlineDirectory(raw);
    }
    const block = this.#firstBlock(raw);
    if (block === undefined || !this.#check.reader.read(block, this.#block)) return false;
    const { seed } = this.#check;
    if (seed !== undefined && !verifyDirentBlock(this.#block, this.#view, raw.ownSeed(seed))) {
      return false;
    }
    return this.#beginsWithDots(raw.ino);
  }

  #firstBlock(raw: RawInode): number | undefined {
    if (this.#check.features.extents && raw.has(InodeFlag.EXTENTS)) {
      const root = raw.offset + I_BLOCK_OFFSET;
      if (!extentHeaderIsGood(raw.view, root, I_BLOCK_BYTES)) return undefined;
      if (extentDepth(raw.view, root) !== 0 || extentEntries(raw.view, root) === 0) {
        return undefined;
      }
      const entry = extentEntryOffset(root, 0);
      const block = extentDiskBlock(raw.view, entry);
      const isFirst = entryFileBlock(raw.view, entry) === 0 && this.#check.inRange(block);
      return isFirst ? block : undefined;
    }
    let beyondDevice = false;
    for (let slot = 0; slot < I_BLOCK_SLOTS; slot++) {
      const block = raw.block(slot);
      if (block === 0) continue;
      if (slot >= DEVICE_SLOTS) beyondDevice = true;
      if (!this.#check.inRange(block)) return undefined;
      if (this.#check.usedClusters.has(this.#check.cluster(block))) return undefined;
    }
    const isDevice = raw.type === S_IFCHR || raw.type === S_IFBLK;
    return isDevice && raw.links === 1 && !beyondDevice ? undefined : raw.block(0);
  }

  #beginsWithDots(ino: number): boolean {
    const bytes = this.#block;
    const view = this.#view;
    const size = bytes.length;
    const first = direntRecLen(view, 0, size);
    if (direntNameLen(view, 0) !== 1 || bytes[8] !== 0x2e || direntInode(view, 0) !== ino) {
      return false;
    }
    if (first < 12 || first % 4 !== 0 || first >= size - 12) return false;
    const second = direntRecLen(view, first, size);
    return direntNameLen(view, first) === 2 && bytes[first + 8] === 0x2e &&
      bytes[first + 9] === 0x2e && second >= 12 && second % 4 === 0;
  }

  #looksLikeInlineDirectory(raw: RawInode): boolean {
    const value = inlineValue(raw);
    if (value === undefined || (value.length & 3) !== 0) return false;
    const { inodesCount, firstInode } = this.#check.superblock;
    const parent = raw.block(0);
    const entry = raw.block(1);
    const isNode = (ino: number, other: number): boolean =>
      ino < inodesCount && (ino >= firstInode || ino === other);
    const recLen = raw.u16(I_BLOCK_OFFSET + 8);
    return isNode(parent, 2) && isNode(entry, 0) && recLen <= I_BLOCK_BYTES - 4;
  }
}
