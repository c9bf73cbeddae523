/**
 * Descriptor chains: from a head in the descriptor table to pieces of guest memory. Nothing that the
 * guest wrote is trusted, and each field is read once.
 *
 * @module
 */

import { DESCRIPTOR_BYTES, DESCRIPTOR_INDIRECT, DESCRIPTOR_NEXT, DESCRIPTOR_WRITE } from "./abi.ts";
import type { MemoryTable } from "./memory_table.ts";

const TWO_TO_32 = 0x1_0000_0000;
/** More than any request and its reply together have: 2 MiB and what stands around. */
const LARGEST_CHAIN_BYTES = 1 << 28;
/** The most descriptors in an indirect table: more than a queue can have is of no use. */
const LARGEST_TABLE = 32768;

/** A chain in pieces: what the device reads, then what it writes. Reused from one chain to the next. */
export class Chain {
  sources: Uint8Array[] = [];
  targets: Uint8Array[] = [];
  /** What was wrong with the chain read last. */
  fault = "";
  #bytes = 0;

  /**
   * Reads a chain.
   * @param table the queue's descriptor table, of `size` descriptors.
   * @param indirect whether indirect tables were agreed.
   * @returns false, with `fault`, for a chain that breaks the rules.
   */
  read(
    memory: MemoryTable,
    table: DataView,
    size: number,
    head: number,
    indirect: boolean,
  ): boolean {
    this.sources = [];
    this.targets = [];
    this.#bytes = 0;
    if (head >= size) return this.#refuse(`head ${head} of ${size} descriptors`);
    const at = head * DESCRIPTOR_BYTES;
    if ((table.getUint16(at + 12, true) & DESCRIPTOR_INDIRECT) === 0) {
      return this.#walk(memory, table, size, head);
    }
    if (!indirect) return this.#refuse("an indirect table was not agreed on");
    return this.#readIndirect(memory, table, at);
  }

  /**
   * Reads a chain of a packed ring: `count` descriptors from `first` on, round the ring's end.
   * @returns as `read`.
   */
  readPacked(
    memory: MemoryTable,
    table: DataView,
    size: number,
    first: number,
    count: number,
    indirect: boolean,
  ): boolean {
    this.sources = [];
    this.targets = [];
    this.#bytes = 0;
    const flags = table.getUint16(first * DESCRIPTOR_BYTES + 14, true);
    if ((flags & DESCRIPTOR_INDIRECT) === 0) return this.#line(memory, table, size, first, count);
    if (!indirect) return this.#refuse("an indirect table was not agreed on");
    if (count !== 1) return this.#refuse("an indirect descriptor has a successor");
    const view = this.#indirectTable(memory, table, first * DESCRIPTOR_BYTES);
    if (view === undefined) return false;
    const entries = view.byteLength / DESCRIPTOR_BYTES;
    return this.#line(memory, view, entries, 0, entries);
  }

  /** Descriptors in the order of their places. */
  #line(memory: MemoryTable, table: DataView, size: number, first: number, count: number): boolean {
    for (let place = 0; place < count; place++) {
      const at = (first + place) % size * DESCRIPTOR_BYTES;
      const flags = table.getUint16(at + 14, true);
      if ((flags & DESCRIPTOR_INDIRECT) !== 0) {
        return this.#refuse("an indirect table within a chain");
      }
      const length = table.getUint32(at + 8, true);
      const writable = (flags & DESCRIPTOR_WRITE) !== 0;
      if (!this.#add(memory, addressAt(table, at), length, writable)) return false;
    }
    return true;
  }

  #readIndirect(memory: MemoryTable, table: DataView, at: number): boolean {
    if ((table.getUint16(at + 12, true) & DESCRIPTOR_NEXT) !== 0) {
      return this.#refuse("an indirect descriptor has a successor");
    }
    const view = this.#indirectTable(memory, table, at);
    if (view === undefined) return false;
    return this.#walk(memory, view, view.byteLength / DESCRIPTOR_BYTES, 0);
  }

  /** The table that a descriptor leads to; undefined, with `fault`, when it leads to none. */
  #indirectTable(memory: MemoryTable, table: DataView, at: number): DataView | undefined {
    const length = table.getUint32(at + 8, true);
    const count = length / DESCRIPTOR_BYTES;
    if (!Number.isInteger(count) || count === 0 || count > LARGEST_TABLE) {
      this.#refuse(`an indirect table of ${length} bytes`);
      return undefined;
    }
    const pieces: Uint8Array[] = [];
    if (!memory.collect(addressAt(table, at), length, pieces)) {
      this.#refuse("an indirect table outside memory");
      return undefined;
    }
    const piece = pieces[0];
    if (pieces.length !== 1 || piece === undefined) {
      this.#refuse("an indirect table in several memory regions");
      return undefined;
    }
    return new DataView(piece.buffer, piece.byteOffset, piece.byteLength);
  }

  #walk(memory: MemoryTable, table: DataView, size: number, head: number): boolean {
    let index = head;
    for (let seen = 0; seen < size; seen++) {
      const at = index * DESCRIPTOR_BYTES;
      const flags = table.getUint16(at + 12, true);
      if ((flags & DESCRIPTOR_INDIRECT) !== 0) {
        return this.#refuse("an indirect table within a chain");
      }
      const address = addressAt(table, at);
      const length = table.getUint32(at + 8, true);
      if (!this.#add(memory, address, length, (flags & DESCRIPTOR_WRITE) !== 0)) return false;
      if ((flags & DESCRIPTOR_NEXT) === 0) return true;
      index = table.getUint16(at + 14, true);
      if (index >= size) return this.#refuse(`successor ${index} of ${size} descriptors`);
    }
    return this.#refuse("a chain that loops");
  }

  #add(memory: MemoryTable, address: number, length: number, writable: boolean): boolean {
    if (!writable && this.targets.length > 0) {
      return this.#refuse("a readable descriptor behind a writable one");
    }
    this.#bytes += length;
    if (this.#bytes > LARGEST_CHAIN_BYTES) return this.#refuse("a chain of more than 256 MiB");
    const pieces = writable ? this.targets : this.sources;
    if (memory.collect(address, length, pieces)) return true;
    return this.#refuse(`${length} bytes at 0x${address.toString(16)} are not in the memory table`);
  }

  #refuse(fault: string): false {
    this.fault = fault;
    this.sources = [];
    this.targets = [];
    return false;
  }
}

/** Beyond 2^53 the nearest number, which lies in no region. */
function addressAt(table: DataView, at: number): number {
  return table.getUint32(at + 4, true) * TWO_TO_32 + table.getUint32(at, true);
}
