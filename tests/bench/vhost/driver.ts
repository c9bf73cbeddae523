/**
 * A driver that keeps many requests under way over a test front-end, with as little of its own cost as can be.
 *
 * @module
 */

import { SIZE } from "../../../ffi/fuse/abi.ts";
import { POLLIN } from "../../../ffi/libc/constants.ts";
import { clearEvent } from "../../../ffi/libc/event.ts";
import { PollSet } from "../../../ffi/libc/poll_set.ts";
import { GUEST_BASE, type TestFrontEnd } from "../../../vhost/testing/front_end.ts";
import type { TestRing } from "../../../vhost/testing/ring.ts";

const SPIN = 300;
const STALLED_MS = 20_000;

/** Fills in a request behind its header. @returns bytes of arguments */
export type FillRequest = (view: DataView, bytes: Uint8Array, index: number) => number;

/** Memory of one request that may be under way. */
interface Slot {
  readonly requestAt: number;
  readonly replyAt: number;
  readonly request: DataView;
  readonly requestBytes: Uint8Array;
  readonly reply: DataView;
}

/** What a run of requests is. */
export interface Batch {
  readonly opcode: number;
  readonly node: number;
  readonly count: number;
  readonly depth: number;
  /** Room for the reply's body in bytes. */
  readonly room: number;
  readonly fill: FillRequest;
  /** Is given each reply. */
  readonly take?: (reply: DataView, length: number, index: number) => void;
}

/** See the module. Each slot has two descriptors: request and reply. */
export class Driver {
  readonly #slots: Slot[] = [];
  readonly #ring: TestRing;
  readonly #polled = new PollSet();
  /** The available index at the last look whether the device wants a kick. */
  #kicked = 0;

  constructor(readonly frontEnd: TestFrontEnd, slots: number, slotBytes: number) {
    const ring = frontEnd.rings[1];
    if (ring === undefined) throw new Error("queue 1 was not set up");
    this.#ring = ring;
    this.#kicked = ring.available;
    this.#polled.add(ring.call, () => void clearEvent(ring.call), POLLIN);
    for (let index = 0; index < slots; index++) {
      const requestAt = frontEnd.take(slotBytes);
      const replyAt = frontEnd.take(slotBytes);
      const requestBytes = frontEnd.bytes(requestAt, slotBytes);
      const replyBytes = frontEnd.bytes(replyAt, slotBytes);
      this.#slots.push({
        requestAt,
        replyAt,
        requestBytes,
        request: new DataView(requestBytes.buffer, requestBytes.byteOffset, slotBytes),
        reply: new DataView(replyBytes.buffer, replyBytes.byteOffset, slotBytes),
      });
    }
  }

  /** Runs all requests. @returns milliseconds; throws for an error reply */
  run(batch: Batch): number {
    const begin = performance.now();
    const indexOf = new Array<number>(batch.depth).fill(0);
    let next = 0;
    let done = 0;
    for (; next < Math.min(batch.depth, batch.count); next++) {
      indexOf[next] = next;
      this.#post(batch, next, next);
    }
    this.#kick();
    while (done < batch.count) {
      const used = this.#wait();
      const place = used.head >> 1;
      const slot = this.#slots[place];
      if (slot === undefined) throw new Error(`head ${used.head}`);
      const error = used.length >= SIZE.OUT_HEADER ? slot.reply.getInt32(4, true) : 0;
      if (error !== 0) throw new Error(`opcode ${batch.opcode}: error ${error}`);
      batch.take?.(slot.reply, used.length, indexOf[place] ?? 0);
      done++;
      if (next < batch.count) {
        indexOf[place] = next;
        this.#post(batch, place, next++);
        this.#kick();
      }
    }
    return performance.now() - begin;
  }

  #post(batch: Batch, place: number, index: number): void {
    const slot = this.#slots[place];
    if (slot === undefined) throw new RangeError("more depth than slots");
    const { request, requestBytes } = slot;
    const length = SIZE.IN_HEADER + batch.fill(request, requestBytes, index);
    request.setUint32(0, length, true);
    request.setUint32(4, batch.opcode, true);
    request.setUint32(8, index + 1, true);
    request.setUint32(12, 0, true);
    request.setUint32(16, batch.node, true);
    request.setUint32(20, 0, true);
    for (let at = 24; at < 40; at += 4) request.setUint32(at, 0, true);
    const ring = this.#ring;
    const head = place * 2;
    ring.describe(ring.descriptorsAt, head, GUEST_BASE + slot.requestAt, length, 1, head + 1);
    const room = SIZE.OUT_HEADER + batch.room;
    ring.describe(ring.descriptorsAt, head + 1, GUEST_BASE + slot.replyAt, room, 2, 0);
    ring.offer(head);
  }

  #kick(): void {
    const { available, kickAfter } = this.#ring;
    const old = this.#kicked;
    this.#kicked = available;
    if (((available - kickAfter - 1) & 0xffff) < ((available - old) & 0xffff)) {
      this.frontEnd.kick(1);
    }
  }

  #wait(): { head: number; length: number } {
    const end = performance.now() + STALLED_MS;
    for (;;) {
      for (let time = 0; time < SPIN; time++) {
        const used = this.#ring.reap();
        if (used !== undefined) return used;
      }
      this.#polled.wait(2);
      if (performance.now() > end) throw new Error("the back-end does not answer");
    }
  }
}
