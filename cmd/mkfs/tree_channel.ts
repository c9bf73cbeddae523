/**
 * A one-way channel between two threads in shared memory: slots that the writer fills and the reader
 * empties, in turn. Both wait without running their event loops.
 *
 * @module
 */

import type { ByteInput, ByteOutput } from "../../fs/mkfs/tree_stream.ts";
import { CommandError } from "../shared/command_error.ts";

const SLOTS = 8;
const SLOT_BYTES = 1024 * 1024;
/** Places in the control words behind those of the slots. */
const ALIVE = SLOTS;
const TEXT_LENGTH = SLOTS + 1;
const CONTROL_BYTES = 64;
/** Values of a slot's control word beside the number of bytes in it; 0 is an empty slot. */
const FINISHED = -1;
const FAILED = -2;
/** How long a new thread may take to say that it is there. */
const START_TIMEOUT_MS = 20_000;

/** Memory for a channel. */
export function newChannel(): SharedArrayBuffer {
  return new SharedArrayBuffer(CONTROL_BYTES + SLOTS * SLOT_BYTES);
}

function slotBytes(channel: SharedArrayBuffer, slot: number): Uint8Array {
  return new Uint8Array(channel, CONTROL_BYTES + slot * SLOT_BYTES, SLOT_BYTES);
}

/** The writing end. */
export class ChannelWriter implements ByteOutput {
  bytes: Uint8Array;
  view: DataView;
  readonly #control: Int32Array;
  readonly #slots: readonly Uint8Array[];
  #slot = 0;
  #used = 0;

  constructor(channel: SharedArrayBuffer) {
    this.#control = new Int32Array(channel, 0, CONTROL_BYTES / 4);
    this.#slots = Array.from({ length: SLOTS }, (_, slot) => slotBytes(channel, slot));
    this.bytes = slotBytes(channel, 0);
    this.view = new DataView(channel, this.bytes.byteOffset, SLOT_BYTES);
    Atomics.store(this.#control, ALIVE, 1);
    Atomics.notify(this.#control, ALIVE);
  }

  reserve(length: number): number {
    if (this.#used + length > SLOT_BYTES) this.#publish(this.#used);
    const at = this.#used;
    this.#used += length;
    return at;
  }

  /** Ends the stream with a text for the reader. */
  finish(text: string): void {
    if (this.#used > 0) this.#publish(this.#used);
    this.#end(FINISHED, text);
  }

  /** Ends the stream with an error. What was not yet passed on is dropped. */
  fail(text: string): void {
    this.#end(FAILED, text);
  }

  #end(state: number, text: string): void {
    const encoded = new TextEncoder().encode(text).subarray(0, SLOT_BYTES);
    this.bytes.set(encoded);
    Atomics.store(this.#control, TEXT_LENGTH, encoded.length);
    this.#publish(state);
  }

  /** Passes the slot on, and waits until the next one is empty. */
  #publish(state: number): void {
    Atomics.store(this.#control, this.#slot, state);
    Atomics.notify(this.#control, this.#slot);
    this.#used = 0;
    if (state < 0) return;
    this.#slot = (this.#slot + 1) % SLOTS;
    this.bytes = this.#slots[this.#slot] ?? this.bytes;
    this.view = new DataView(this.bytes.buffer, this.bytes.byteOffset, SLOT_BYTES);
    for (;;) {
      const left = Atomics.load(this.#control, this.#slot);
      if (left === 0) return;
      Atomics.wait(this.#control, this.#slot, left);
    }
  }
}

/** The reading end. */
export class ChannelReader implements ByteInput {
  readonly #control: Int32Array;
  readonly #slots: readonly Uint8Array[];
  #slot = -1;
  /** The text that the writer ended with. */
  text = "";

  constructor(channel: SharedArrayBuffer) {
    this.#control = new Int32Array(channel, 0, CONTROL_BYTES / 4);
    this.#slots = Array.from({ length: SLOTS }, (_, slot) => slotBytes(channel, slot));
  }

  /** @throws CommandError with the writer's text when it failed, or did not start. */
  next(): Uint8Array | undefined {
    if (this.#slot < 0) this.#awaitWriter();
    else {
      Atomics.store(this.#control, this.#slot, 0);
      Atomics.notify(this.#control, this.#slot);
    }
    this.#slot = (this.#slot + 1) % SLOTS;
    Atomics.wait(this.#control, this.#slot, 0);
    const state = Atomics.load(this.#control, this.#slot);
    const bytes = this.#slots[this.#slot] ?? new Uint8Array(0);
    if (state > 0) return bytes.subarray(0, state);
    const length = Atomics.load(this.#control, TEXT_LENGTH);
    this.text = new TextDecoder().decode(new Uint8Array(bytes.subarray(0, length)));
    if (state === FAILED) throw new CommandError(this.text);
    return undefined;
  }

  #awaitWriter(): void {
    if (Atomics.wait(this.#control, ALIVE, 0, START_TIMEOUT_MS) !== "timed-out") return;
    throw new CommandError("the thread that reads the directory does not start");
  }
}
