/**
 * The driver's side of a packed virtqueue, for tests.
 *
 * @module
 */

import { DESCRIPTOR_INDIRECT, DESCRIPTOR_NEXT, DESCRIPTOR_WRITE } from "../abi.ts";
import { GUEST_BASE } from "./front_end.ts";
import { type Buffer, TestRing } from "./ring.ts";

const AVAILABLE = 1 << 7;
const USED = 1 << 15;
/** Both indices 0, both wraps 1: how a ring begins. */
export const PACKED_BASE = 0x8000_8000;

/** A packed queue in place of a split one. Buffer ids count up; interrupts are always wanted. */
export class PackedTestRing extends TestRing {
  #at = 0;
  #wrap = true;
  #usedAt = 0;
  #usedWrap = true;
  #id = 0;
  readonly #lengths = new Map<number, number>();
  /** The first descriptor's flags are written last, by `offer`. */
  #first: { readonly index: number; readonly flags: number } | undefined;

  #descriptor(tableAt: number, index: number): DataView {
    const bytes = this.frontEnd.bytes(tableAt + index * 16, 16);
    return new DataView(bytes.buffer, bytes.byteOffset, 16);
  }

  #put(buffers: readonly Buffer[], flagsOf: (buffer: Buffer, last: boolean) => number): number {
    const id = this.#id++ % this.size;
    this.#lengths.set(id, buffers.length);
    buffers.forEach((buffer, place) => {
      const view = this.#descriptor(this.descriptorsAt, this.#at);
      view.setBigUint64(0, BigInt(GUEST_BASE + buffer.at), true);
      view.setUint32(8, buffer.length, true);
      view.setUint16(12, id, true);
      const wrapFlags = this.#wrap ? AVAILABLE : USED;
      const flags = flagsOf(buffer, place === buffers.length - 1) | wrapFlags;
      if (place === 0) this.#first = { index: this.#at, flags };
      else view.setUint16(14, flags, true);
      if (++this.#at < this.size) return;
      this.#at = 0;
      this.#wrap = !this.#wrap;
    });
    return id;
  }

  override chain(buffers: readonly Buffer[]): number {
    return this.#put(buffers, (buffer, last) => {
      return (buffer.writable ? DESCRIPTOR_WRITE : 0) | (last ? 0 : DESCRIPTOR_NEXT);
    });
  }

  override indirect(buffers: readonly Buffer[]): number {
    const at = this.frontEnd.take(buffers.length * 16);
    buffers.forEach((buffer, index) => {
      const view = this.#descriptor(at, index);
      view.setBigUint64(0, BigInt(GUEST_BASE + buffer.at), true);
      view.setUint32(8, buffer.length, true);
      view.setUint16(14, buffer.writable ? DESCRIPTOR_WRITE : 0, true);
    });
    const table = { at, length: buffers.length * 16, writable: false };
    return this.#put([table], () => DESCRIPTOR_INDIRECT);
  }

  override offer(): void {
    const first = this.#first;
    if (first === undefined) throw new Error("there is no chain to offer");
    this.#descriptor(this.descriptorsAt, first.index).setUint16(14, first.flags, true);
  }

  override reap(): { head: number; length: number } | undefined {
    const view = this.#descriptor(this.descriptorsAt, this.#usedAt);
    const flags = view.getUint16(14, true);
    const used = (flags & USED) !== 0;
    if (used !== this.#usedWrap || ((flags & AVAILABLE) !== 0) !== used) return undefined;
    const head = view.getUint16(12, true);
    this.#usedAt += this.#lengths.get(head) ?? 1;
    if (this.#usedAt >= this.size) {
      this.#usedAt -= this.size;
      this.#usedWrap = !this.#usedWrap;
    }
    return { head, length: view.getUint32(8, true) };
  }

  /** Where a device goes on that is given this queue now: as GET_VRING_BASE tells it. */
  get state(): number {
    const available = this.#at | (this.#wrap ? 0x8000 : 0);
    const used = this.#usedAt | (this.#usedWrap ? 0x8000 : 0);
    return (available | used << 16) >>> 0;
  }
}
