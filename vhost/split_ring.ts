/**
 * A split virtqueue in guest memory (virtio 1.2, section 2.7), from the device's side.
 *
 * @module
 */

import { AVAILABLE_NO_INTERRUPT, DESCRIPTOR_BYTES, USED_NO_NOTIFY } from "./abi.ts";
import type { Chain } from "./chain.ts";
import type { MemoryTable } from "./memory_table.ts";
import { BROKEN, NONE, part, type Ring, type RingAddresses } from "./ring.ts";

/** Index arithmetic is modulo 2^16. Loads and stores that order matters for go through `Atomics`. */
export class SplitRing implements Ring {
  readonly #descriptors: DataView;
  /** flags, index, the heads, used_event. */
  readonly #available: Uint16Array<ArrayBuffer>;
  /** flags, index; avail_event at the end. */
  readonly #used: Uint16Array<ArrayBuffer>;
  /** The same memory by words: head and length pairs from word 1 on. */
  readonly #usedWords: Uint32Array<ArrayBuffer>;
  #nextAvailable: number;
  #nextUsed: number;
  /** The used index when the guest was interrupted last; -1 when that is not known. */
  #signalled = -1;

  /**
   * @param size a power of two, at most 32768.
   * @param base the available index from which to go on.
   * @throws ProtocolFault when a part lies outside the memory table or is not aligned.
   */
  constructor(
    memory: MemoryTable,
    readonly size: number,
    addresses: RingAddresses,
    base: number,
    readonly eventIndex: boolean,
  ) {
    const table = part(memory, addresses.descriptors, size * DESCRIPTOR_BYTES, 16, "descriptors");
    this.#descriptors = new DataView(table.buffer, table.byteOffset, table.byteLength);
    const available = part(memory, addresses.available, 6 + 2 * size, 2, "available ring");
    this.#available = new Uint16Array(available.buffer, available.byteOffset, 3 + size);
    const used = part(memory, addresses.used, 8 + 8 * size, 4, "used ring");
    this.#used = new Uint16Array(used.buffer, used.byteOffset, 4 + 4 * size);
    this.#usedWords = new Uint32Array(used.buffer, used.byteOffset, 1 + 2 * size);
    this.#nextAvailable = base;
    this.#nextUsed = Atomics.load(this.#used, 1);
  }

  /** The used index up to which chains were given back. */
  get usedIndex(): number {
    return this.#nextUsed;
  }

  /** Chains up to this available index were taken by a process before this one. */
  goOnFrom(available: number): void {
    this.#nextAvailable = available & 0xffff;
  }

  /** The available index up to which chains were taken. */
  get state(): number {
    return this.#nextAvailable;
  }

  /** How many chains wait; BROKEN when the guest's index cannot be. */
  get waiting(): number {
    const ahead = (Atomics.load(this.#available, 1) - this.#nextAvailable) & 0xffff;
    return ahead > this.size ? BROKEN : ahead;
  }

  /** Tickets are heads. */
  take(chain: Chain, memory: MemoryTable, indirect: boolean): number {
    const ahead = this.waiting;
    if (ahead === 0) return NONE;
    if (ahead < 0) {
      chain.fault = "the available index is further ahead than the queue is long";
      return BROKEN;
    }
    const head = this.#available[2 + (this.#nextAvailable & (this.size - 1))] ?? 0;
    this.#nextAvailable = (this.#nextAvailable + 1) & 0xffff;
    return this.again(head, chain, memory, indirect);
  }

  /** Takes a chain that a process before this one had taken. */
  again(head: number, chain: Chain, memory: MemoryTable, indirect: boolean): number {
    return chain.read(memory, this.#descriptors, this.size, head, indirect) ? head : BROKEN;
  }

  /** Gives a chain back. @param lengthBytes how much of its writable part was written. */
  give(head: number, lengthBytes: number): void {
    const at = 1 + 2 * (this.#nextUsed & (this.size - 1));
    this.#usedWords[at] = head;
    this.#usedWords[at + 1] = lengthBytes;
    this.#nextUsed = (this.#nextUsed + 1) & 0xffff;
    Atomics.store(this.#used, 1, this.#nextUsed);
  }

  /** Whether the guest wants an interrupt for what was given back since the last one; then takes it as sent. */
  takeSignal(): boolean {
    const old = this.#signalled;
    if (this.#nextUsed === old) return false;
    if (!this.eventIndex) {
      this.#signalled = this.#nextUsed;
      return (Atomics.load(this.#available, 0) & AVAILABLE_NO_INTERRUPT) === 0;
    }
    const event = Atomics.load(this.#available, 2 + this.size);
    this.#signalled = this.#nextUsed;
    if (old < 0) return true;
    return ((this.#nextUsed - event - 1) & 0xffff) < ((this.#nextUsed - old) & 0xffff);
  }

  /** Asks the guest for a kick with the next chain. @returns whether chains are there already. */
  awaitKick(): boolean {
    if (this.eventIndex) Atomics.store(this.#used, 2 + 4 * this.size, this.#nextAvailable);
    else Atomics.store(this.#used, 0, 0);
    return this.waiting !== 0;
  }

  /** Tells the guest that chains are being looked for: it need not kick. */
  refuseKicks(): void {
    if (!this.eventIndex) Atomics.store(this.#used, 0, USED_NO_NOTIFY);
  }
}
