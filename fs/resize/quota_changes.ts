/**
 * Correcting what quota files count when an inode's map takes more or fewer blocks than before.
 *
 * @module
 */

import { viewOf } from "../edit/blocks.ts";
import type { Editor } from "../edit/editor.ts";
import type { FileMap } from "../edit/file_map.ts";
import { RoCompat } from "../layout/features.ts";
import { InodeFlag, type InodeRecord } from "../layout/inode.ts";
import {
  decodeQuotaEntry,
  encodeQuotaEntry,
  isFreeQuotaEntry,
  QUOTA_BLOCK_BYTES,
  QUOTA_ENTRIES_PER_BLOCK,
  QUOTA_ROOT_BLOCK,
  QUOTA_TREE_DEPTH,
  quotaEntryOffset,
  quotaTreeBlock,
  quotaTreeSlot,
} from "../layout/quota.ts";

/** Changes usage in the quota files, if there are any. */
export class QuotaChanges {
  constructor(readonly editor: Editor) {}

  /** The inode uses this many bytes more (or fewer). */
  add(inode: InodeRecord, bytes: number): void {
    const { superblock } = this.editor;
    if (!superblock.hasRoCompat(RoCompat.QUOTA) || inode.has(InodeFlag.EA_INODE)) return;
    if (inode.ino < superblock.firstInode && inode.ino !== 2) return;
    this.#change(superblock.userQuotaInode, inode.uid, bytes);
    this.#change(superblock.groupQuotaInode, inode.gid, bytes);
    this.#change(superblock.projectQuotaInode, inode.projectId, bytes);
  }

  #change(file: number, id: number, bytes: number): void {
    if (file === 0) return;
    const map = this.editor.readMap(this.editor.readInode(file));
    let quotaBlock = QUOTA_ROOT_BLOCK;
    for (let level = 0; level < QUOTA_TREE_DEPTH; level++) {
      const found = this.#view(map, quotaBlock, false);
      if (found === undefined) return;
      quotaBlock = quotaTreeBlock(found, quotaTreeSlot(id, level));
      if (quotaBlock === 0) return;
    }
    const view = this.#view(map, quotaBlock, true);
    if (view === undefined) return;
    for (let index = 0; index < QUOTA_ENTRIES_PER_BLOCK; index++) {
      const offset = quotaEntryOffset(index);
      if (isFreeQuotaEntry(view, offset)) continue;
      const entry = decodeQuotaEntry(view, offset);
      if (entry.id !== id) continue;
      entry.spaceBytes = Math.max(0, entry.spaceBytes + bytes);
      encodeQuotaEntry(view, offset, entry);
      return;
    }
  }

  /** A block of the quota file, within the file system's block that holds it. */
  #view(map: FileMap, quotaBlock: number, change: boolean): DataView | undefined {
    const { blockBytes } = this.editor.geometry;
    const at = quotaBlock * QUOTA_BLOCK_BYTES;
    const fileBlock = Math.floor(at / blockBytes);
    const run = map.runs.find((one) =>
      fileBlock >= one.fileBlock && fileBlock < one.fileBlock + one.blocks
    );
    if (run === undefined) return undefined;
    const block = run.diskBlock + fileBlock - run.fileBlock;
    const whole = viewOf(
      change ? this.editor.blocks.change(block) : this.editor.blocks.read(block),
    );
    return new DataView(whole.buffer, whole.byteOffset + at % blockBytes, QUOTA_BLOCK_BYTES);
  }
}
