/**
 * The tree in a quota file: from an identifier to the place of its entry, and new entries.
 *
 * Kernel sources: fs/quota/quota_tree.c, for what the lists of free blocks and of free entries mean.
 *
 * @module
 */

import { Corrupt } from "../errors.ts";
import type { Handle } from "../journal/transaction.ts";
import {
  decodeQuotaDataHeader,
  decodeQuotaHeader,
  encodeQuotaDataHeader,
  encodeQuotaHeader,
  isFreeQuotaEntry,
  QUOTA_BLOCK_BYTES,
  QUOTA_ENTRIES_PER_BLOCK,
  QUOTA_ROOT_BLOCK,
  QUOTA_TREE_DEPTH,
  type QuotaDataHeader,
  quotaEntryOffset,
  type QuotaHeader,
  quotaTreeBlock,
  quotaTreeSlot,
  setQuotaTreeBlock,
} from "../layout/quota.ts";
import type { QuotaFileBlocks } from "./file_blocks.ts";

const LEAF_LEVEL = QUOTA_TREE_DEPTH - 1;
const EMPTY = new Uint8Array(QUOTA_BLOCK_BYTES);

/** Where an entry is. */
export interface EntryPlace {
  /** Block of the quota file. */
  readonly block: number;
  /** Byte offset in it. */
  readonly offset: number;
}

/** A data block that takes one more entry. */
interface Room {
  readonly block: number;
  readonly data: QuotaDataHeader;
  /** Index of the free entry. */
  readonly index: number;
}

/** One quota file's tree. */
export class QuotaTree {
  /** Block 0, decoded: it is stored whenever it changes. */
  readonly header: QuotaHeader;

  /** @throws Corrupt "quota header"; DeviceError. */
  constructor(readonly file: QuotaFileBlocks, readonly magic: number) {
    this.header = decodeQuotaHeader(file.view(0), magic, file.ino, file.sizeBytes);
  }

  /** The place of the identifier's entry, or null. @throws Corrupt, DeviceError */
  find(id: number): EntryPlace | null {
    let block = QUOTA_ROOT_BLOCK;
    for (let level = 0; level <= LEAF_LEVEL; level++) {
      block = this.#child(block, quotaTreeSlot(id, level));
      if (block === 0) return null;
    }
    const view = this.file.view(block);
    for (let index = 0; index < QUOTA_ENTRIES_PER_BLOCK; index++) {
      const offset = quotaEntryOffset(index);
      if (view.getUint32(offset, true) === id && !isFreeQuotaEntry(view, offset)) {
        return { block, offset };
      }
    }
    throw this.#corrupt(block, `no entry for id ${id}, which the tree says is here`);
  }

  /**
   * Makes room for an entry of an identifier that has none, and puts it into the tree. What stands at the place is
   * zeros: store an entry there at once.
   * @returns its place; -ENOSPC or NEEDS_COMMIT, with nothing in use.
   * @throws Corrupt, DeviceError, before anything is changed.
   */
  insert(handle: Handle, id: number): EntryPlace | number {
    let level = 0;
    let parent = QUOTA_ROOT_BLOCK;
    for (; level < LEAF_LEVEL; level++) {
      const next = this.#child(parent, quotaTreeSlot(id, level));
      if (next === 0) break;
      parent = next;
    }
    const room = this.#room();
    const news = this.#newBlocks(handle, LEAF_LEVEL - level + (room === null ? 1 : 0));
    if (typeof news === "number") return news;
    for (; level < LEAF_LEVEL; level++) {
      const made = news.shift() ?? 0;
      this.#link(handle, parent, quotaTreeSlot(id, level), made);
      parent = made;
    }
    const place = room === null
      ? this.#startData(handle, news.shift() ?? 0)
      : this.#takeEntry(handle, room);
    this.#link(handle, parent, quotaTreeSlot(id, LEAF_LEVEL), place.block);
    return place;
  }

  /**
   * Calls `emit` with the place of every entry, each data block once.
   * @throws Corrupt, DeviceError
   */
  forEachEntry(emit: (view: DataView, offset: number) => void): void {
    this.#walk(QUOTA_ROOT_BLOCK, 0, new Set(), emit);
  }

  #walk(
    block: number,
    level: number,
    seen: Set<number>,
    emit: (view: DataView, offset: number) => void,
  ): void {
    if (seen.has(block)) return;
    seen.add(block);
    const view = this.file.view(block);
    if (level <= LEAF_LEVEL) {
      for (let slot = 0; slot < QUOTA_BLOCK_BYTES / 4; slot++) {
        const child = this.#child(block, slot);
        if (child !== 0) this.#walk(child, level + 1, seen, emit);
      }
      return;
    }
    for (let index = 0; index < QUOTA_ENTRIES_PER_BLOCK; index++) {
      const offset = quotaEntryOffset(index);
      if (!isFreeQuotaEntry(view, offset)) emit(view, offset);
    }
  }

  /** The block that a slot of a tree block names, checked; 0 for none. */
  #child(block: number, slot: number): number {
    const child = quotaTreeBlock(this.file.view(block), slot);
    if (child === 0) return 0;
    if (child <= QUOTA_ROOT_BLOCK || child >= this.header.blocks) {
      throw this.#corrupt(block, `slot ${slot} names block ${child} of ${this.header.blocks}`);
    }
    return child;
  }

  #link(handle: Handle, block: number, slot: number, child: number): void {
    setQuotaTreeBlock(this.file.view(block), slot, child);
    this.file.dirty(handle, block);
  }

  /** The first data block with a free entry; null when there is none. @throws Corrupt */
  #room(): Room | null {
    const { header } = this;
    const block = header.freeEntryBlock;
    if (block === 0) return null;
    const view = this.file.view(block);
    const data = decodeQuotaDataHeader(view, block, header);
    // The block behind is changed as well when this one is full: it must be readable.
    if (data.nextFree !== 0) {
      decodeQuotaDataHeader(this.file.view(data.nextFree), data.nextFree, header);
    }
    if (block > QUOTA_ROOT_BLOCK && data.nextFree !== block && data.nextFree !== QUOTA_ROOT_BLOCK) {
      for (let index = 0; index < QUOTA_ENTRIES_PER_BLOCK; index++) {
        if (data.entries === QUOTA_ENTRIES_PER_BLOCK) break;
        if (isFreeQuotaEntry(view, quotaEntryOffset(index))) return { block, data, index };
      }
    }
    throw this.#corrupt(block, "it is first in the list of blocks with room, and has none");
  }

  /** Uses a free entry; the block leaves the list when it is full. */
  #takeEntry(handle: Handle, { block, data, index }: Room): EntryPlace {
    const { file, header } = this;
    data.entries++;
    if (data.entries === QUOTA_ENTRIES_PER_BLOCK) {
      header.freeEntryBlock = data.nextFree;
      this.#storeHeader(handle);
      if (data.nextFree !== 0) {
        // dqdh_prev_free
        file.view(data.nextFree).setUint32(4, 0, true);
        file.dirty(handle, data.nextFree);
      }
      data.nextFree = data.previousFree = 0;
    }
    encodeQuotaDataHeader(file.view(block), data);
    file.dirty(handle, block);
    return { block, offset: quotaEntryOffset(index) };
  }

  /** Makes a new data block, which is now the one with room. */
  #startData(handle: Handle, block: number): EntryPlace {
    encodeQuotaDataHeader(this.file.view(block), { nextFree: 0, previousFree: 0, entries: 1 });
    this.file.dirty(handle, block);
    this.header.freeEntryBlock = block;
    this.#storeHeader(handle);
    return { block, offset: quotaEntryOffset(0) };
  }

  /**
   * Takes `count` blocks of zeros into use, from the list of free ones or from behind the last.
   * @returns their numbers; -ENOSPC or NEEDS_COMMIT.
   */
  #newBlocks(handle: Handle, count: number): number[] | number {
    if (count === 0) return [];
    const { file, header } = this;
    const found: number[] = [];
    let free = header.freeBlock;
    while (free !== 0 && found.length < count) {
      if (free <= QUOTA_ROOT_BLOCK || found.includes(free)) {
        throw this.#corrupt(free, "it cannot be in the list of free blocks");
      }
      const { nextFree, entries } = decodeQuotaDataHeader(file.view(free), free, header);
      if (entries !== 0) throw this.#corrupt(free, "it is in the list of free blocks, and in use");
      found.push(free);
      free = nextFree;
    }
    const appended = count - found.length;
    const grown = appended === 0 ? 0 : file.grow(handle, header.blocks + appended);
    if (grown < 0) return grown;
    for (let i = 0; i < appended; i++) found.push(header.blocks++);
    header.freeBlock = free;
    this.#storeHeader(handle);
    for (const block of found) {
      const view = file.view(block);
      new Uint8Array(view.buffer, view.byteOffset, QUOTA_BLOCK_BYTES).set(EMPTY);
      file.dirty(handle, block);
    }
    return found;
  }

  #storeHeader(handle: Handle): void {
    encodeQuotaHeader(this.file.view(0), this.magic, this.header);
    this.file.dirty(handle, 0);
  }

  #corrupt(block: number, field: string): Corrupt {
    return new Corrupt("quota file", `inode ${this.file.ino} block ${block}`, field);
  }
}
