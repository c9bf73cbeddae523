/**
 * Collects blocks and writes them in order, neighbours in one call.
 *
 * @module
 */

import type { BlockDevice } from "../device/device.ts";

/** Bytes collected before they are written out. */
const BUFFERED_BYTES = 16 * 1024 * 1024;
/** Longest vector of one call. */
const MAX_VECTOR = 512;

/** Writes of whole blocks, put off and sorted. */
export class BlockWriter {
  #blocks = new Map<number, Uint8Array>();
  #bufferedBytes = 0;
  /** Bytes written so far. */
  writtenBytes = 0;

  constructor(readonly device: BlockDevice, readonly blockBytes: number) {}

  /** Writes `bytes` (one block or several) at `block`; they must not be changed afterwards, unless taken again. */
  put(block: number, bytes: Uint8Array): void {
    if (bytes.length > this.blockBytes) {
      this.flushBlocks();
      this.#write([bytes], block * this.blockBytes);
      return;
    }
    if (!this.#blocks.has(block)) this.#bufferedBytes += bytes.length;
    this.#blocks.set(block, bytes);
    if (this.#bufferedBytes > BUFFERED_BYTES) this.flushBlocks();
  }

  /** Writes out what was collected, in the order of the blocks. */
  flushBlocks(): void {
    const order = [...this.#blocks.keys()].sort((a, b) => a - b);
    let start = 0;
    let vector: Uint8Array[] = [];
    for (const block of order) {
      if (vector.length > 0 && (block !== start + vector.length || vector.length === MAX_VECTOR)) {
        this.#write(vector, start * this.blockBytes);
        vector = [];
      }
      if (vector.length === 0) start = block;
      vector.push(this.#blocks.get(block) ?? new Uint8Array(this.blockBytes));
    }
    if (vector.length > 0) this.#write(vector, start * this.blockBytes);
    this.#blocks.clear();
    this.#bufferedBytes = 0;
  }

  /** Writes at a byte offset, at once. */
  putBytes(offsetBytes: number, sources: readonly Uint8Array[]): void {
    this.#write(sources, offsetBytes);
  }

  #write(sources: readonly Uint8Array[], offsetBytes: number): void {
    const [only] = sources;
    if (sources.length === 1 && only !== undefined) this.device.write(only, offsetBytes);
    else this.device.writeVector(sources, offsetBytes);
    for (const source of sources) this.writtenBytes += source.length;
  }
}
