/**
 * The buffer cache: metadata blocks in memory, bounded in bytes.
 *
 * A buffer stays valid, and stays the only copy of its block, until the operation that got it ends:
 * nothing is evicted but by `trim`, which is called between operations. So a buffer must not be kept
 * from one operation to the next; ask for it again by its block number.
 *
 * @module
 */

import { ClockRing, type Kept } from "./clock_ring.ts";
import type { BlockDevice } from "./device.ts";

/** Finishes a dirty buffer before it is written out, e.g. sets its checksum. */
export interface Sealer {
  /** @param seed what was given with `Handle.dirty`: the checksum seed of the block's owner. */
  seal(buffer: Buffer, seed: number): void;
}

/** One metadata block in memory. */
export class Buffer implements Kept {
  readonly view: DataView;
  /** Part of the running transaction: pinned, to be written out. Set by `Handle.dirty` only. */
  dirty = false;
  sealer: Sealer | null = null;
  sealSeed = 0;
  /** Which kind of structure the content was verified as since it was read (a number chosen by the verifier), 0: none. */
  verifiedAs = 0;
  referenced = true;
  ringSlot = -1;

  constructor(public block: number, readonly bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }
}

/** Knows blocks that are elsewhere than in their places, as those in a journal's log. */
export interface BlockOverlay {
  /** Fills `target` with the block's content; false when its place on the device has it. @throws DeviceError */
  read(diskBlock: number, target: Uint8Array): boolean;
}

/** Buffers' memory is allocated in pieces of this size: single blocks cost several microseconds each. */
const SLAB_BYTES = 128 << 10;

/** Counters for status displays. */
export interface CacheCounters {
  hits: number;
  misses: number;
}

/** Metadata blocks by disk block number. */
export class BufferCache {
  readonly counters: CacheCounters = { hits: 0, misses: 0 };
  /** Asked before the device is; null: every block is in its place. */
  overlay: BlockOverlay | null = null;
  readonly #buffers = new Map<number, Buffer>();
  readonly #ring = new ClockRing<Buffer>();
  readonly #spare: Buffer[] = [];
  readonly #limit: number;
  readonly #maxSpare: number;
  #slab = new Uint8Array(0);
  #slabUsed = 0;

  /**
   * @param limitBytes how much to keep after `trim`; dirty buffers come on top.
   */
  constructor(readonly device: BlockDevice, readonly blockBytes: number, limitBytes: number) {
    this.#limit = Math.max(16, Math.floor(limitBytes / blockBytes));
    this.#maxSpare = Math.max(16, this.#limit >> 2);
  }

  /** The block's buffer, read from the device unless it is here. @throws DeviceError */
  get(block: number): Buffer {
    const cached = this.#buffers.get(block);
    if (cached !== undefined) {
      cached.referenced = true;
      this.counters.hits++;
      return cached;
    }
    this.counters.misses++;
    const buffer = this.#make(block);
    if (this.overlay === null || !this.overlay.read(block, buffer.bytes)) {
      this.device.read(buffer.bytes, block * this.blockBytes);
    }
    this.#keep(buffer);
    return buffer;
  }

  /** How many blocks are kept. */
  get limitBlocks(): number {
    return this.#limit;
  }

  /**
   * Reads `count` blocks from `block` on by one call, as far as they are not in memory. What cannot be read is left to
   * `get`.
   */
  prefetch(block: number, count: number): void {
    const { blockBytes, overlay } = this;
    const bytes = new Uint8Array(count * blockBytes);
    try {
      this.device.read(bytes, block * blockBytes);
    } catch {
      return;
    }
    this.counters.misses++;
    for (let i = 0; i < count; i++) {
      if (this.#buffers.has(block + i)) continue;
      const buffer = this.#make(block + i);
      buffer.bytes.set(bytes.subarray(i * blockBytes, (i + 1) * blockBytes));
      try {
        overlay?.read(block + i, buffer.bytes);
      } catch {
        continue;
      }
      this.#keep(buffer);
    }
  }

  /** The block's buffer if it is in memory. */
  peek(block: number): Buffer | undefined {
    return this.#buffers.get(block);
  }

  /** A buffer of zeros for a block that was just allocated: nothing is read. */
  fresh(block: number): Buffer {
    const cached = this.#buffers.get(block);
    const buffer = cached ?? this.#make(block);
    buffer.bytes.fill(0);
    buffer.verifiedAs = 0;
    if (cached === undefined) this.#keep(buffer);
    return buffer;
  }

  /** Drops clean buffers down to the limit, the longest unused first. Only between operations. */
  trim(): void {
    this.#ring.trim(this.#limit, isDirty, this.#evict);
  }

  /** Drops the buffers of `count` blocks from `block` on, whatever their state: the blocks were freed. */
  forget(block: number, count: number): void {
    if (count > this.#buffers.size) {
      for (const key of [...this.#buffers.keys()]) {
        if (key >= block && key < block + count) this.#drop(key);
      }
      return;
    }
    for (let i = 0; i < count; i++) this.#drop(block + i);
  }

  /** Drops every clean buffer. */
  clear(): void {
    for (const [block, buffer] of [...this.#buffers]) {
      if (buffer.dirty) continue;
      this.#buffers.delete(block);
      this.#ring.remove(buffer);
    }
  }

  get sizeBytes(): number {
    return this.#buffers.size * this.blockBytes;
  }

  #drop(block: number): void {
    const buffer = this.#buffers.get(block);
    if (buffer === undefined) return;
    this.#buffers.delete(block);
    this.#ring.remove(buffer);
    buffer.dirty = false;
    buffer.sealer = null;
  }

  #keep(buffer: Buffer): void {
    this.#buffers.set(buffer.block, buffer);
    this.#ring.add(buffer);
  }

  #make(block: number): Buffer {
    const spare = this.#spare.pop();
    if (spare !== undefined) {
      spare.block = block;
      return spare;
    }
    if (this.#slabUsed === this.#slab.length) {
      this.#slab = new Uint8Array(Math.max(SLAB_BYTES, this.blockBytes));
      this.#slabUsed = 0;
    }
    const bytes = this.#slab.subarray(this.#slabUsed, this.#slabUsed + this.blockBytes);
    this.#slabUsed += this.blockBytes;
    return new Buffer(block, bytes);
  }

  readonly #evict = (buffer: Buffer): void => {
    this.#buffers.delete(buffer.block);
    buffer.sealer = null;
    buffer.verifiedAs = 0;
    if (this.#spare.length < this.#maxSpare) this.#spare.push(buffer);
  };
}

function isDirty(buffer: Buffer): boolean {
  return buffer.dirty;
}
