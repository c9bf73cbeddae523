/**
 * One virtqueue: its settings as the front-end gives them, its ring while it runs, its descriptors.
 *
 * @module
 */

import { ERRNO } from "../ffi/libc/errno.ts";
import { SystemError } from "../ffi/libc/error.ts";
import { signalEvent } from "../ffi/libc/event.ts";
import { close, setNonBlocking } from "../ffi/libc/file.ts";
import { Chain } from "./chain.ts";
import { textOf } from "./fault.ts";
import type { QueueInflight } from "./inflight.ts";
import type { MemoryTable } from "./memory_table.ts";
import { PackedRing } from "./packed_ring.ts";
import { BROKEN, NONE, type Ring, type RingAddresses } from "./ring.ts";
import { SplitRing } from "./split_ring.ts";

/** What was agreed on for all queues. */
export interface QueueFeatures {
  readonly eventIndex: boolean;
  readonly indirect: boolean;
  readonly packed: boolean;
}

/** What does the work of a queue. */
export interface ChainHandler {
  /** Handles a chain. @returns bytes written to its targets, or LATER: then `Queue.finish` is called for it. */
  handle(queue: Queue, head: number, chain: Chain): number;
}

/** Answered by a handler that finishes the chain later. */
export const LATER = -1;

/** The three event descriptors of a queue. */
export type QueueEvent = "kick" | "call" | "error";

/** A queue of a device. */
export class Queue {
  size = 0;
  addresses: RingAddresses | undefined;
  base = 0;
  enabled = false;
  /** A kick descriptor was given, or polling asked for: together with `enabled` the queue runs. */
  started = false;
  /** Chains that were taken and not given back. */
  pending = 0;
  /** Looked at in every turn: no kick descriptor. */
  polled = false;
  /** Finds this queue's region of the inflight memory, if there is one. */
  inflightMemory: ((size: number) => QueueInflight | undefined) | undefined;
  #inflight: QueueInflight | undefined;
  /** Heads that a process before this one took and did not give back. */
  #again: number[] = [];
  #ring: Ring | undefined;
  #broken = false;
  /** The ring was looked for and not found; cleared when memory or addresses change. */
  #unfound = false;
  readonly #events: Record<QueueEvent, number> = { kick: -1, call: -1, error: -1 };
  readonly #chain = new Chain();

  constructor(
    readonly index: number,
    readonly memory: MemoryTable,
    readonly log: (text: string) => void,
    readonly faulted: () => void = () => {},
  ) {}

  /** The descriptor of an event; -1: none. */
  event(which: QueueEvent): number {
    return this.#events[which];
  }

  /** Takes a descriptor (-1: none) in place of the one before, which is closed. */
  setEvent(which: QueueEvent, descriptor: number): void {
    const before = this.#events[which];
    if (descriptor >= 0) setNonBlocking(descriptor);
    this.#events[which] = descriptor;
    if (before >= 0) close(before);
  }

  /** Whether chains can be taken. The ring is found in guest memory at the first look. */
  runs(features: QueueFeatures): boolean {
    if (!this.started || !this.enabled || this.#broken) return false;
    if (this.#ring !== undefined) return true;
    if (this.#unfound || this.addresses === undefined || this.size === 0) return false;
    try {
      this.#ring = this.#find(this.addresses, features);
      return true;
    } catch (error) {
      this.#unfound = true;
      this.log(`queue ${this.index} cannot run: ${textOf(error)}`);
      return false;
    }
  }

  #find(addresses: RingAddresses, { eventIndex, packed }: QueueFeatures): Ring {
    const { memory, size, base } = this;
    if (packed) return new PackedRing(memory, size, addresses, base, eventIndex);
    const ring = new SplitRing(memory, size, addresses, base & 0xffff, eventIndex);
    this.#takeUp(ring);
    return ring;
  }

  /** With inflight memory the ring goes on behind what was taken, whatever base was said. */
  #takeUp(ring: SplitRing): void {
    this.#again = [];
    this.#inflight = this.inflightMemory?.(this.size);
    if (this.#inflight === undefined) return;
    this.#again = this.#inflight.resume(ring.usedIndex);
    ring.goOnFrom(ring.usedIndex + this.#again.length);
    if (this.#again.length > 0) {
      this.log(`queue ${this.index}: ${this.#again.length} requests are taken up again`);
    }
  }

  /** The available index from which a later start goes on; the ring's memory is let go. */
  release(): number {
    if (this.#ring !== undefined) this.base = this.#ring.state;
    this.#ring = undefined;
    this.#inflight = undefined;
    this.#unfound = false;
    return this.base;
  }

  /** There is more memory: a ring that was not found may be there now. */
  lookAgain(): void {
    this.#unfound = false;
  }

  /** Stops the queue (GET_VRING_BASE). @returns the next available index. */
  stop(): number {
    const base = this.release();
    this.started = false;
    this.polled = false;
    this.#broken = false;
    this.setEvent("kick", -1);
    this.setEvent("call", -1);
    return base;
  }

  /** Everything as at the beginning; descriptors are closed. */
  reset(): void {
    this.stop();
    this.setEvent("error", -1);
    this.size = 0;
    this.base = 0;
    this.addresses = undefined;
    this.enabled = false;
  }

  /** Handles up to `most` chains. @returns how many there were. */
  process(handler: ChainHandler, most: number, indirect: boolean): number {
    const ring = this.#ring;
    if (ring === undefined) return 0;
    let done = 0;
    while (done < most) {
      const again = this.#again.shift();
      const head = again !== undefined && ring instanceof SplitRing
        ? ring.again(again, this.#chain, this.memory, indirect)
        : ring.take(this.#chain, this.memory, indirect);
      if (head === NONE) break;
      if (head === BROKEN) {
        this.#break(this.#chain.fault);
        break;
      }
      done++;
      if (again === undefined) this.#inflight?.take(head);
      const written = handler.handle(this, head, this.#chain);
      if (written === LATER) this.pending++;
      else this.#give(ring, head, written);
    }
    if (done > 0) this.#signal(ring);
    return done;
  }

  /** Gives back a chain that was handled later. Without effect when the ring is gone. */
  finish(head: number, written: number): void {
    this.pending--;
    const ring = this.#ring;
    if (ring === undefined) return;
    this.#give(ring, head, written);
    this.#signal(ring);
  }

  #give(ring: Ring, head: number, written: number): void {
    const inflight = this.#inflight;
    if (inflight === undefined || !(ring instanceof SplitRing)) {
      ring.give(head, written);
      return;
    }
    inflight.giving(head);
    ring.give(head, written);
    inflight.given(head, ring.usedIndex);
  }

  /** Before sleeping: asks for a kick. @returns whether chains are there already. */
  awaitKick(): boolean {
    if (!this.started || !this.enabled || this.#broken || this.#ring === undefined) return false;
    return this.#ring.awaitKick() || this.#again.length > 0;
  }

  /** While chains are looked for without kicks. */
  refuseKicks(): void {
    this.#ring?.refuseKicks();
  }

  #signal(ring: Ring): void {
    if (ring.takeSignal()) this.#write("call");
  }

  #write(which: QueueEvent): void {
    const descriptor = this.#events[which];
    if (descriptor < 0) return;
    try {
      signalEvent(descriptor);
    } catch (error) {
      const gone = error instanceof SystemError && error.errno === ERRNO.EPIPE;
      this.log(`queue ${this.index}: ${gone ? "nobody listens for calls" : textOf(error)}`);
      this.setEvent(which, -1);
    }
  }

  /** The guest broke the rules: nothing more is taken until the queue is set up anew. */
  #break(reason: string): void {
    this.#broken = true;
    this.faulted();
    this.log(`queue ${this.index} is stopped: ${reason}`);
    this.#write("error");
  }
}
