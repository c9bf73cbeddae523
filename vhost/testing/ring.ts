/**
 * The driver's side of a split virtqueue, for tests.
 *
 * @module
 */

import { DESCRIPTOR_INDIRECT, DESCRIPTOR_NEXT, DESCRIPTOR_WRITE } from "../abi.ts";
import { GUEST_BASE, type TestFrontEnd } from "./front_end.ts";

/** A piece of a chain: guest memory by offset. */
export interface Buffer {
  readonly at: number;
  readonly length: number;
  readonly writable: boolean;
}

/** One queue in the guest's memory. */
export class TestRing {
  readonly descriptorsAt: number;
  readonly availableAt: number;
  readonly usedAt: number;
  #nextDescriptor = 0;
  #seen = 0;

  constructor(
    readonly frontEnd: TestFrontEnd,
    readonly size: number,
    readonly kick: number,
    readonly call: number,
    readonly eventIndex: boolean,
  ) {
    this.descriptorsAt = frontEnd.take(size * 16);
    this.availableAt = frontEnd.take(6 + size * 2);
    this.usedAt = frontEnd.take(6 + size * 8);
  }

  #view(at: number, length: number): DataView {
    const bytes = this.frontEnd.bytes(at, length);
    return new DataView(bytes.buffer, bytes.byteOffset, length);
  }

  /** Writes one descriptor at `tableAt` (an offset in guest memory). */
  describe(
    tableAt: number,
    index: number,
    address: number,
    length: number,
    flags: number,
    next: number,
  ): void {
    const view = this.#view(tableAt + index * 16, 16);
    view.setBigUint64(0, BigInt(address), true);
    view.setUint32(8, length, true);
    view.setUint16(12, flags, true);
    view.setUint16(14, next, true);
  }

  /** Puts a chain into the table. @returns its head */
  chain(buffers: readonly Buffer[]): number {
    const head = this.#nextDescriptor;
    buffers.forEach((buffer, place) => {
      const last = place === buffers.length - 1;
      const index = (head + place) % this.size;
      const flags = (last ? 0 : DESCRIPTOR_NEXT) | (buffer.writable ? DESCRIPTOR_WRITE : 0);
      const address = GUEST_BASE + buffer.at;
      this.describe(
        this.descriptorsAt,
        index,
        address,
        buffer.length,
        flags,
        (index + 1) % this.size,
      );
    });
    this.#nextDescriptor = (head + buffers.length) % this.size;
    return head;
  }

  /** Puts a chain into an indirect table. @returns the head in the queue's table */
  indirect(buffers: readonly Buffer[]): number {
    const tableAt = this.frontEnd.take(buffers.length * 16);
    buffers.forEach((buffer, index) => {
      const last = index === buffers.length - 1;
      const flags = (last ? 0 : DESCRIPTOR_NEXT) | (buffer.writable ? DESCRIPTOR_WRITE : 0);
      this.describe(tableAt, index, GUEST_BASE + buffer.at, buffer.length, flags, index + 1);
    });
    const head = this.#nextDescriptor;
    const bytes = buffers.length * 16;
    this.describe(this.descriptorsAt, head, GUEST_BASE + tableAt, bytes, DESCRIPTOR_INDIRECT, 0);
    this.#nextDescriptor = (head + 1) % this.size;
    return head;
  }

  /** The available index. */
  get available(): number {
    return this.#view(this.availableAt, 4).getUint16(2, true);
  }

  set available(value: number) {
    this.#view(this.availableAt, 4).setUint16(2, value, true);
  }

  /** Offers a chain to the device. */
  offer(head: number): void {
    const at = this.available;
    const slot = this.availableAt + 4 + (at % this.size) * 2;
    this.#view(slot, 2).setUint16(0, head, true);
    this.available = (at + 1) & 0xffff;
  }

  /** The index up to which the device wants no kick (avail_event). */
  get kickAfter(): number {
    return this.#view(this.usedAt + 4 + this.size * 8, 2).getUint16(0, true);
  }

  /** Asks for an interrupt once the used index passes this one (used_event). */
  set interruptAfter(value: number) {
    this.#view(this.availableAt + 4 + this.size * 2, 2).setUint16(0, value, true);
  }

  /** The index up to which the device has given chains back. */
  get usedIndex(): number {
    return this.#view(this.usedAt, 4).getUint16(2, true);
  }

  /** What the device has given back since the last look, one at a time. */
  reap(): { head: number; length: number } | undefined {
    const view = this.#view(this.usedAt, 4 + this.size * 8);
    if (view.getUint16(2, true) === this.#seen) return undefined;
    const at = 4 + (this.#seen % this.size) * 8;
    this.#seen = (this.#seen + 1) & 0xffff;
    if (this.eventIndex) this.interruptAfter = this.#seen;
    return { head: view.getUint32(at, true), length: view.getUint32(at + 4, true) };
  }
}
