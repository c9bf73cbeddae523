/**
 * A vhost-user front-end for tests: guest memory in a memory file, rings built by hand, messages over a
 * socket. The three address spaces (guest, front-end, file) are kept apart on purpose.
 *
 * @module
 */

import { MAP_SHARED, PROT_READ, PROT_WRITE } from "../../ffi/libc/constants.ts";
import { clearEvent, makeEvent, signalEvent } from "../../ffi/libc/event.ts";
import { close } from "../../ffi/libc/file.ts";
import { mapMemory, type Mapping, unmapMemory } from "../../ffi/libc/memory.ts";
import { makeMemoryFile, receive, send } from "../../ffi/libc/socket.ts";
import {
  FEATURE,
  FLAG_NEED_REPLY,
  HEADER_BYTES,
  PROTOCOL_FEATURE,
  REQUEST,
  VERSION,
} from "../abi.ts";
import { bitsOf, bitsPayload, Payload, u64Payload, vringStatePayload } from "../payload.ts";
import { TestRing } from "./ring.ts";

/** Where the shared memory is for the guest, for the front-end, and in its file. */
export const GUEST_BASE = 0x1_0000_0000;
export const USER_BASE = 0x7f00_0000_0000;
export const FILE_OFFSET = 0x4000;

/** A reply: its payload. */
export interface Reply {
  readonly request: number;
  readonly payload: Uint8Array;
}

/** Waits a little for the back-end: runs its loop where it is in this process. */
export type Pump = () => void;

/** One front-end with its guest's memory. */
export class TestFrontEnd {
  readonly memory: Mapping;
  readonly file: number;
  readonly rings: TestRing[] = [];
  /** What queues are made of, and the base with which they begin. */
  ringKind = TestRing;
  firstBase = 0;
  /** Descriptors that came with replies; closed unless somebody wants them. */
  received: number[] | undefined;
  #next = 0;

  /**
   * @param socket connected to the back-end; becomes the front-end's own.
   * @param memoryBytes of the guest.
   */
  constructor(public socket: number, readonly pump: Pump, readonly memoryBytes = 16 << 20) {
    this.file = makeMemoryFile("guest", FILE_OFFSET + memoryBytes);
    this.memory = mapMemory(FILE_OFFSET + memoryBytes, {
      descriptor: this.file,
      offsetBytes: 0,
      protection: PROT_READ | PROT_WRITE,
      flags: MAP_SHARED,
    });
  }

  /** Guest memory as a view, by offset from its beginning. */
  bytes(offset: number, length: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.memory.bytes.buffer, FILE_OFFSET + offset, length);
  }

  /** Takes memory of the guest: the offset of `length` bytes, aligned to 4096. */
  take(length: number): number {
    const at = this.#next;
    this.#next = Math.ceil((at + length) / 4096) * 4096;
    if (this.#next > this.memoryBytes) throw new RangeError("the guest's memory is used up");
    return at;
  }

  /** Sends a message. */
  send(
    request: number,
    payload: Uint8Array = new Uint8Array(0),
    descriptors: readonly number[] = [],
    flags: number = VERSION,
  ): void {
    const bytes = new Uint8Array(HEADER_BYTES + payload.length);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, request, true);
    view.setUint32(4, flags, true);
    view.setUint32(8, payload.length, true);
    bytes.set(payload, HEADER_BYTES);
    send(this.socket, bytes, descriptors);
  }

  /** Sends a message and waits for its reply. @throws when the connection is closed instead. */
  ask(
    request: number,
    payload: Uint8Array = new Uint8Array(0),
    descriptors: readonly number[] = [],
    flags: number = VERSION,
  ): Uint8Array {
    this.send(request, payload, descriptors, flags);
    const reply = this.receive();
    if (reply === undefined) throw new Error("the back-end has closed the connection");
    if (reply.request !== request) throw new Error(`a reply to ${reply.request}`);
    return reply.payload;
  }

  /** As `ask`, for messages without a reply of their own: the acknowledgement, 0 for success. */
  acknowledged(request: number, payload?: Uint8Array, descriptors: readonly number[] = []): number {
    const reply = this.ask(request, payload, descriptors, VERSION | FLAG_NEED_REPLY);
    return new Payload(reply).u64(0);
  }

  /** The next message of the back-end; undefined when the connection is closed. */
  receive(timeoutMs = 5000): Reply | undefined {
    const header = this.#read(HEADER_BYTES, timeoutMs);
    if (header === undefined) return undefined;
    const view = new DataView(header.buffer);
    const payload = this.#read(view.getUint32(8, true), timeoutMs);
    if (payload === undefined) return undefined;
    return { request: view.getUint32(0, true), payload };
  }

  #read(length: number, timeoutMs: number): Uint8Array<ArrayBuffer> | undefined {
    const bytes = new Uint8Array(length);
    const end = performance.now() + timeoutMs;
    for (let at = 0; at < length;) {
      const got = receive(this.socket, bytes.subarray(at), 4);
      if (this.received !== undefined) this.received.push(...got.descriptors);
      else for (const descriptor of got.descriptors) close(descriptor);
      if (got.length === 0) return undefined;
      if (got.length > 0) at += got.length;
      else if (performance.now() > end) throw new Error("no reply came in time");
      else this.pump();
    }
    return bytes;
  }

  /** Whether the back-end has closed the connection (waits for it). */
  isClosed(): boolean {
    try {
      return this.receive(1000) === undefined;
    } catch {
      return false;
    }
  }

  /** Everything up to running queues. @param protocol the protocol features to agree on. */
  start(
    queues = 2,
    queueSize = 128,
    features: readonly number[] = Object.values(FEATURE),
    protocol: readonly number[] = [PROTOCOL_FEATURE.MQ, PROTOCOL_FEATURE.REPLY_ACK],
  ): void {
    this.send(REQUEST.SET_OWNER);
    this.ask(REQUEST.GET_FEATURES);
    this.ask(REQUEST.GET_PROTOCOL_FEATURES);
    this.send(REQUEST.SET_PROTOCOL_FEATURES, bitsPayload(bitsOf(protocol)));
    this.send(REQUEST.SET_FEATURES, bitsPayload(bitsOf(features)));
    this.shareMemory();
    for (let index = 0; index < queues; index++) {
      this.startQueue(index, queueSize, features.includes(FEATURE.EVENT_IDX));
    }
  }

  /** Goes on with another back-end: memory and queues stay as they are. */
  reconnect(
    socket: number,
    protocol: readonly number[],
    beforeQueues: () => void = () => {},
  ): void {
    close(this.socket);
    this.socket = socket;
    this.send(REQUEST.SET_OWNER);
    this.ask(REQUEST.GET_FEATURES);
    this.send(REQUEST.SET_PROTOCOL_FEATURES, bitsPayload(bitsOf(protocol)));
    this.send(REQUEST.SET_FEATURES, bitsPayload(bitsOf(Object.values(FEATURE))));
    this.shareMemory();
    beforeQueues();
    // As QEMU does when a back-end has gone: from what it gave back.
    this.rings.forEach((ring, index) => this.resumeQueue(index, ring.usedIndex));
  }

  /** `memory regions description` of the whole memory. */
  regionPayload(): Uint8Array<ArrayBuffer> {
    const words = [1, GUEST_BASE, this.memoryBytes, USER_BASE, FILE_OFFSET];
    const payload = new Uint8Array(words.length * 8);
    words.forEach((word, index) => payload.set(u64Payload(word), index * 8));
    return payload;
  }

  shareMemory(): void {
    this.send(REQUEST.SET_MEM_TABLE, this.regionPayload(), [this.file]);
  }

  /** Sets a queue up in new memory and starts it. */
  startQueue(index: number, size: number, eventIndex: boolean): TestRing {
    const kick = makeEvent();
    const call = makeEvent();
    const ring = new this.ringKind(this, size, kick, call, eventIndex);
    this.rings[index] = ring;
    this.resumeQueue(index, this.firstBase);
    return ring;
  }

  /** Starts a queue that was set up before, from an available index. */
  resumeQueue(index: number, base: number): void {
    const ring = this.rings[index];
    if (ring === undefined) throw new Error(`queue ${index} was not set up`);
    this.send(REQUEST.SET_VRING_NUM, vringStatePayload(index, ring.size));
    this.send(REQUEST.SET_VRING_BASE, vringStatePayload(index, base));
    this.send(REQUEST.SET_VRING_ADDR, this.addressPayload(index));
    this.send(REQUEST.SET_VRING_CALL, u64Payload(index), [ring.call]);
    this.send(REQUEST.SET_VRING_KICK, u64Payload(index), [ring.kick]);
    this.send(REQUEST.SET_VRING_ENABLE, vringStatePayload(index, 1));
  }

  addressPayload(index: number): Uint8Array<ArrayBuffer> {
    const ring = this.rings[index];
    if (ring === undefined) throw new Error(`queue ${index} was not set up`);
    const payload = new Uint8Array(40);
    payload.set(u64Payload(index), 0);
    payload.set(u64Payload(USER_BASE + ring.descriptorsAt), 8);
    payload.set(u64Payload(USER_BASE + ring.usedAt), 16);
    payload.set(u64Payload(USER_BASE + ring.availableAt), 24);
    return payload;
  }

  /** Kicks a queue. */
  kick(index: number): void {
    const ring = this.rings[index];
    if (ring !== undefined) signalEvent(ring.kick);
  }

  /** Waits until a queue has given back a chain. @returns its head and the length that was written. */
  finished(index: number, timeoutMs = 5000): { head: number; length: number } {
    const ring = this.rings[index];
    if (ring === undefined) throw new Error(`queue ${index} was not set up`);
    const end = performance.now() + timeoutMs;
    for (;;) {
      const used = ring.reap();
      if (used !== undefined) return used;
      if (performance.now() > end) throw new Error(`queue ${index} gave nothing back in time`);
      clearEvent(ring.call);
      this.pump();
    }
  }

  close(): void {
    close(this.socket);
    for (const ring of this.rings) {
      close(ring.kick);
      close(ring.call);
    }
    unmapMemory(this.memory);
    close(this.file);
  }
}
