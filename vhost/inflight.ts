/**
 * Which chains were taken and not given back, in memory that outlives this process: the front-end keeps
 * it and hands it to the next one (vhost-user: "Inflight I/O tracking", split virtqueues).
 *
 * Behind the queues' regions lies a page of our own: with what the guest's session began, so that it goes
 * on without the guest's mounting anew. All of it is memory of the front-end's: nothing in it is trusted.
 *
 * @module
 */

import { MAP_SHARED, PROT_READ, PROT_WRITE } from "../ffi/libc/constants.ts";
import { mapMemory, type Mapping, unmapMemory } from "../ffi/libc/memory.ts";
import { status } from "../ffi/libc/status.ts";
import { RequestRefused } from "./fault.ts";

const PAGE_BYTES = 4096;
const REGION_ALIGNMENT = 64;
/** `struct QueueRegionSplit`: features 0, version 8, descriptors 10, last batch's head 12, used index 14. */
const HEAD_BYTES = 16;
/** `struct DescStateSplit`: in flight 0, next 6, counter 8. */
const STATE_BYTES = 16;
const VERSION = 1;
/** Our page: mark 0, how often it was resumed 4, bytes of INIT 8, INIT from 16 on. */
const MARK = 0x4453_464b;
const INIT_AT = 16;
const LONGEST_INIT = 256;
const MOST_RESUMPTIONS = 2 ** 20;

/** How many bytes the regions of so many queues take, with our page. */
export function inflightBytes(queues: number, queueSize: number): number {
  return Math.ceil(queues * regionBytes(queueSize) / PAGE_BYTES) * PAGE_BYTES + PAGE_BYTES;
}

function regionBytes(queueSize: number): number {
  return Math.ceil((HEAD_BYTES + STATE_BYTES * queueSize) / REGION_ALIGNMENT) * REGION_ALIGNMENT;
}

/** One queue's chains. */
export class QueueInflight {
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  #counter = 1n;

  /** @param size descriptors of the queue. */
  constructor(memory: Uint8Array, readonly size: number) {
    this.#bytes = memory;
    this.#view = new DataView(memory.buffer, memory.byteOffset, memory.byteLength);
  }

  /** Where a descriptor's state lies. */
  #at(head: number): number {
    return HEAD_BYTES + head * STATE_BYTES;
  }

  /** A chain is taken. */
  take(head: number): void {
    const at = this.#at(head);
    this.#view.setBigUint64(at + 8, this.#counter++, true);
    Atomics.store(this.#bytes, at, 1);
  }

  /** A chain is about to be given back. */
  giving(head: number): void {
    this.#view.setUint16(this.#at(head) + 6, this.#view.getUint16(12, true), true);
    this.#view.setUint16(12, head, true);
  }

  /** It was: the used index is this now. */
  given(head: number, usedIndex: number): void {
    Atomics.store(this.#bytes, this.#at(head), 0);
    this.#view.setUint16(14, usedIndex, true);
  }

  /**
   * What a process before this one had taken and not given back, oldest first.
   * @param usedIndex as the ring has it.
   */
  resume(usedIndex: number): number[] {
    const view = this.#view;
    if (view.getUint16(8, true) !== VERSION || view.getUint16(10, true) !== this.size) {
      this.#begin(usedIndex);
      return [];
    }
    this.#settleBatch((usedIndex - view.getUint16(14, true)) & 0xffff);
    view.setUint16(14, usedIndex, true);
    const heads: { head: number; counter: bigint }[] = [];
    for (let head = 0; head < this.size; head++) {
      const counter = view.getBigUint64(this.#at(head) + 8, true);
      if (counter >= this.#counter) this.#counter = BigInt.asUintN(64, counter + 1n);
      if (this.#bytes[this.#at(head)] === 1) heads.push({ head, counter });
    }
    heads.sort((one, other) => one.counter < other.counter ? -1 : 1);
    return heads.map(({ head }) => head);
  }

  /** The used index was written, and then the process ended: what it counted is given back. */
  #settleBatch(count: number): void {
    let head = this.#view.getUint16(12, true);
    for (let left = Math.min(count, this.size); left > 0 && head < this.size; left--) {
      this.#bytes[this.#at(head)] = 0;
      head = this.#view.getUint16(this.#at(head) + 6, true);
    }
  }

  #begin(usedIndex: number): void {
    this.#bytes.fill(0);
    this.#view.setUint16(8, VERSION, true);
    this.#view.setUint16(10, this.size, true);
    this.#view.setUint16(14, usedIndex, true);
  }
}

/** The memory of one front-end. */
export class Inflight {
  readonly #mapping: Mapping;
  readonly #own: DataView;

  /**
   * Maps it. The descriptor stays the caller's.
   * @param sizeBytes of the memory, from `offset` in the file on.
   * @throws RequestRefused when the file does not hold it, or it does not hold the queues.
   */
  constructor(
    descriptor: number,
    sizeBytes: number,
    offset: number,
    readonly queues: number,
    readonly queueSize: number,
  ) {
    const needed = inflightBytes(queues, queueSize);
    if (sizeBytes < needed || offset % PAGE_BYTES !== 0) {
      throw new RequestRefused(`inflight memory of ${sizeBytes} bytes, ${needed} are needed`);
    }
    if (status(descriptor).size < offset + needed) {
      throw new RequestRefused("the file of the inflight memory is too short");
    }
    this.#mapping = mapMemory(needed, {
      descriptor,
      offsetBytes: offset,
      protection: PROT_READ | PROT_WRITE,
      flags: MAP_SHARED,
    });
    const { buffer } = this.#mapping.bytes;
    this.#own = new DataView(buffer, needed - PAGE_BYTES, PAGE_BYTES);
  }

  /** The region of a queue; undefined for a queue that has none. */
  queue(index: number, size: number): QueueInflight | undefined {
    if (index >= this.queues || size > this.queueSize) return undefined;
    const bytes = regionBytes(this.queueSize);
    const { buffer } = this.#mapping.bytes;
    return new QueueInflight(new Uint8Array(buffer, index * bytes, bytes), size);
  }

  /** Remembers the request with which the guest's session began. */
  remember(init: Uint8Array): void {
    if (init.length > LONGEST_INIT) return;
    if (this.#own.getUint32(0, true) !== MARK) this.#own.setUint32(4, 0, true);
    this.#own.setUint32(0, MARK, true);
    new Uint8Array(this.#own.buffer, this.#own.byteOffset + INIT_AT, init.length).set(init);
    this.#own.setUint32(8, init.length, true);
  }

  /** The session is over. */
  forget(): void {
    this.#own.setUint32(8, 0, true);
  }

  /** The session that a process before this one left, and how often it was taken up, this time included. */
  takeUp(): { readonly init: Uint8Array; readonly times: number } | undefined {
    const own = this.#own;
    const length = own.getUint32(8, true);
    const times = own.getUint32(4, true) + 1;
    const usable = own.getUint32(0, true) === MARK && length > 0 && length <= LONGEST_INIT;
    if (!usable || times > MOST_RESUMPTIONS) return undefined;
    own.setUint32(4, times, true);
    return { init: new Uint8Array(own.buffer, own.byteOffset + INIT_AT, length).slice(), times };
  }

  close(): void {
    unmapMemory(this.#mapping);
  }
}
