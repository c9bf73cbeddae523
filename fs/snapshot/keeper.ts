/**
 * Copy-on-write: keeps for the newest snapshot what is about to change.
 *
 * - A metadata block that a transaction changes is copied when the transaction is sealed, from what was committed last,
 *   to a block that the snapshot's file gets for it.
 * - A block that is freed is given to the snapshot's file as it is, in its place.
 * - File content is not overwritten in place while a snapshot needs it: the file gets another block, and the old one is
 *   freed, that is, given to the snapshot.
 *
 * All of that is part of the transaction that makes the change, so a crash leaves both or neither.
 *
 * @module
 */

import type { Allocator } from "../alloc/allocator.ts";
import { clearWords, eachRun, nextFree, nextUsed } from "../alloc/bitmap.ts";
import type { BlockKeeper } from "../alloc/block_keeper.ts";
import { PendingFrees } from "../alloc/pending_frees.ts";
import { Corrupt, FsError } from "../errors.ts";
import { ENOSPC } from "../errno.ts";
import type { Handle, Participant } from "../journal/transaction.ts";
import { MAX_WRITTEN_BLOCKS } from "../layout/extent.ts";
import { placeExtent } from "../map/extent_allocate.ts";
import { allocateRange, lookup, newMapping } from "../map/map.ts";
import type { Inode } from "../volume/inode.ts";
import { chargeSectors } from "../volume/usage.ts";
import type { SnapshotChain } from "./chain.ts";
import { readCommitted } from "./committed.ts";
import { UsedBlocks } from "./used_blocks.ts";

/** Blocks copied by one call of the device. */
const COPY_BLOCKS = 256;
const HOW = { unwritten: false, privileged: true, append: false, metadata: false };

const mapping = newMapping();

/** Keeps blocks for the newest snapshot of a chain. */
export class Keeper implements BlockKeeper, Participant {
  /** Told when something could not be kept: the snapshots are lost. */
  onFailure: (error: Error) => void = () => {};
  /** Written again when the sealed transaction has changed once more: quotas. */
  #also: Participant | null = null;
  /** Blocks still to be kept, by group: bitmaps, made when a group is first asked for. */
  readonly #wanted = new Map<number, Int32Array>();
  /** Freed, and the newest snapshot's from the commit of the running transaction on. */
  readonly #taken: PendingFrees;
  /** Runs in `#taken`, at most. */
  #runs = 0;
  #used: UsedBlocks | null = null;
  #registered = false;
  readonly #none: Int32Array;

  constructor(readonly alloc: Allocator, readonly chain: SnapshotChain) {
    const words = alloc.volume.geometry.blockBytes / 4;
    this.#taken = new PendingFrees(words);
    this.#none = new Int32Array(words);
  }

  /** Begins to keep for the chain's newest snapshot; nothing is kept when there is none. */
  start(also: Participant | null): void {
    this.#also = also;
    this.#wanted.clear();
    this.#used = null;
    const { alloc } = this;
    alloc.keeper = this.chain.newest === undefined ? null : this;
    alloc.heldBack = alloc.keeper === null ? 0 : this.reserveBlocks;
    const { journal } = alloc.volume;
    if (journal !== null) journal.contentMatters = alloc.keeper !== null;
    if (!this.#registered && alloc.keeper !== null) {
      this.#registered = true;
      alloc.volume.transactions.register(this);
    }
  }

  /** Keeps nothing any more. What was taken since the last commit is freed with the next one. */
  stop(): void {
    this.#wanted.clear();
    this.alloc.keeper = null;
    this.alloc.heldBack = 0;
  }

  get #active(): boolean {
    return this.alloc.keeper === this;
  }

  /** Changed blocks after which a transaction is committed, so that its copies fit into the log and into what is held back. */
  get #transactionBlocks(): number {
    const { transactions, geometry } = this.alloc.volume;
    const most = Math.max(64, Math.floor(geometry.blocksCount / 256));
    return Math.min(transactions.store.capacityBlocks >> 1, most);
  }

  /** Blocks that sealing a transaction may take: a copy and a node of the file's map each, and as much for what these change. */
  get transactionNeed(): number {
    return 3 * this.#transactionBlocks + 128;
  }

  /** Blocks that are not given to files, so that what exists can still be changed. */
  get reserveBlocks(): number {
    return 2 * this.transactionNeed;
  }

  owns(inode: Inode): boolean {
    return this.chain.indexOf(inode.ino) >= 0;
  }

  run(diskBlock: number, blocks: number): number {
    const { geometry } = this.alloc.volume;
    const group = geometry.groupOfBlock(diskBlock);
    const bit = geometry.bitOfBlock(diskBlock);
    const end = Math.min(bit + blocks, geometry.groupClusters(group));
    const view = viewOf(this.#bits(group));
    const wanted = nextUsed(view, this.#none, bit, end);
    if (wanted > bit) return bit - wanted;
    return nextFree(view, this.#none, bit, end) - bit;
  }

  take(diskBlock: number, blocks: number): void {
    const { geometry } = this.alloc.volume;
    const group = geometry.groupOfBlock(diskBlock);
    const bit = geometry.bitOfBlock(diskBlock);
    clearWords(this.#bits(group), bit, blocks);
    this.#taken.add(group, bit, blocks);
    this.#runs++;
  }

  check(diskBlock: number, blocks: number): void {
    if (this.#taken.total === 0) return;
    const { geometry } = this.alloc.volume;
    for (let at = diskBlock, end = diskBlock + blocks; at < end;) {
      const group = geometry.groupOfBlock(at);
      const stop = Math.min(end, geometry.groupFirstBlock(group) + geometry.blocksPerGroup);
      if (this.#taken.overlaps(group, geometry.bitOfBlock(at), stop - at)) {
        throw new Corrupt("block map", `blocks ${diskBlock} to ${end - 1}`, "freed twice");
      }
      at = stop;
    }
  }

  /** Blocks that are free now need not be kept, whoever has them next. */
  forget(diskBlock: number, blocks: number): void {
    const { geometry } = this.alloc.volume;
    for (let at = diskBlock, end = diskBlock + blocks; at < end;) {
      const group = geometry.groupOfBlock(at);
      const stop = Math.min(end, geometry.groupFirstBlock(group) + geometry.blocksPerGroup);
      const bits = this.#wanted.get(group);
      if (bits !== undefined) clearWords(bits, geometry.bitOfBlock(at), stop - at);
      at = stop;
    }
  }

  /** Makes transactions end earlier, and counts what the map of the snapshot's file will change. */
  get pendingBlocks(): number {
    if (!this.#active) return 0;
    const { capacityBlocks } = this.alloc.volume.transactions.store;
    return capacityBlocks - this.#transactionBlocks + this.#runs;
  }

  beforeSeal(handle: Handle): void {
    if (this.#active) this.#keepAll(handle);
    if (this.#active || this.#taken.total === 0) return;
    for (const [group, { words }] of this.#taken.take()) {
      this.alloc.freeSealed(handle, group, words);
    }
    this.#runs = 0;
    this.#encode(handle);
  }

  #keepAll(handle: Handle): void {
    const { alloc } = this;
    const { heldBack } = alloc;
    alloc.heldBack = 0;
    try {
      while (this.#keep(handle)) this.#encode(handle);
      if (this.#active) alloc.heldBack = heldBack;
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      this.stop();
      this.onFailure(error);
      this.#encode(handle);
    }
  }

  /** Keeps what is to be kept by now. @returns whether there was any */
  #keep(handle: Handle): boolean {
    const newest = this.chain.newest;
    if (newest === undefined) return false;
    const file = this.chain.file(newest);
    const placed = this.#placeTaken(handle, file);
    const copied = this.#copyChanged(handle, file);
    return placed || copied;
  }

  /** The state in memory that keeping changed goes into the buffers. */
  #encode(handle: Handle): void {
    const { volume } = this.alloc;
    this.#also?.beforeSeal(handle);
    volume.inodes.beforeSeal(handle);
    volume.groups.beforeSeal(handle);
    volume.beforeSeal(handle);
  }

  #placeTaken(handle: Handle, file: Inode): boolean {
    if (this.#taken.total === 0) return false;
    const { geometry } = this.alloc.volume;
    const groups = [...this.#taken.groups].sort(([a], [b]) => a - b);
    for (const [group, { words }] of groups) {
      const first = geometry.groupFirstBlock(group);
      eachRun(words.slice(), geometry.groupClusters(group), (bit, blocks) => {
        this.#place(handle, file, first + bit, blocks);
        clearWords(words, bit, blocks);
      });
    }
    this.#taken.take();
    this.#runs = 0;
    return true;
  }

  #place(handle: Handle, file: Inode, diskBlock: number, blocks: number): void {
    const { alloc } = this;
    const sectors = alloc.volume.geometry.blockBytes / 512;
    for (let done = 0; done < blocks;) {
      const count = Math.min(blocks - done, MAX_WRITTEN_BLOCKS);
      const at = diskBlock + done;
      must(placeExtent(alloc, handle, file, at, count, at, false));
      chargeSectors(alloc.volume, handle, file, count * sectors);
      done += count;
    }
  }

  #copyChanged(handle: Handle, file: Inode): boolean {
    const { volume } = this.alloc;
    const changed: number[] = [];
    for (const buffer of volume.transactions.buffers) {
      const { block } = buffer;
      if (!buffer.dirty || volume.cache.peek(block) !== buffer) continue;
      if (this.run(block, 1) > 0) changed.push(block);
    }
    changed.sort((a, b) => a - b);
    for (let from = 0; from < changed.length;) {
      const first = changed[from] as number;
      let count = 1;
      while (changed[from + count] === first + count && count < COPY_BLOCKS) count++;
      this.#copy(handle, file, first, count);
      from += count;
    }
    return changed.length > 0;
  }

  /** Copies a run of blocks, as they were committed, into the file. */
  #copy(handle: Handle, file: Inode, block: number, blocks: number): void {
    const { volume } = this.alloc;
    const { geometry } = volume;
    for (let done = 0; done < blocks;) {
      const at = block + done;
      must(allocateRange(this.alloc, handle, file, at, blocks - done, HOW, mapping));
      const count = mapping.blocks;
      const { diskBlock } = mapping;
      const content = new Uint8Array(count * geometry.blockBytes);
      readCommitted(volume, at, 0, content);
      volume.device.write(content, diskBlock * geometry.blockBytes);
      for (let i = 0; i < count; i++) {
        clearWords(this.#bits(geometry.groupOfBlock(at + i)), geometry.bitOfBlock(at + i), 1);
      }
      done += count;
    }
  }

  /** What is to be kept of a group. Never fails: when that cannot be read, the snapshots are lost. */
  #bits(group: number): Int32Array {
    const known = this.#wanted.get(group);
    if (known !== undefined) return known;
    let bits: Int32Array;
    try {
      bits = this.#load(group);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      this.stop();
      this.onFailure(error);
      return new Int32Array(this.#none.length);
    }
    this.#wanted.set(group, bits);
    return bits;
  }

  /** Blocks that were in use at the snapshot and are not in its file. */
  #load(group: number): Int32Array {
    const { chain, alloc } = this;
    const { geometry } = alloc.volume;
    const newest = chain.newest;
    if (newest === undefined) return new Int32Array(this.#none.length);
    this.#used ??= new UsedBlocks(chain, newest.ino);
    const words = this.#used.words(group);
    const first = geometry.groupFirstBlock(group);
    const end = geometry.groupBlocks(group);
    const file = chain.file(newest);
    for (let bit = 0; bit < end; bit += mapping.blocks) {
      lookup(alloc, file, first + bit, end - bit, mapping);
      if (mapping.diskBlock !== 0) clearWords(words, bit, mapping.blocks);
    }
    const taken = this.#taken.groups.get(group);
    if (taken !== undefined) {
      eachRun(taken.words, end, (bit, blocks) => clearWords(words, bit, blocks));
    }
    return words;
  }
}

function viewOf(words: Int32Array): DataView {
  return new DataView(words.buffer, words.byteOffset, words.byteLength);
}

/** Inside a seal nothing can be asked for twice. @throws FsError ENOSPC */
function must(result: number): void {
  if (result < 0) throw new FsError(ENOSPC, "no room to keep blocks for snapshots");
}
