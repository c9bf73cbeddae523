/**
 * One front-end: what it agreed to, its memory, its queues, its device.
 *
 * @module
 */

import type { FileSystem } from "../ffi/fuse/port.ts";
import type { ServerOptions } from "../ffi/fuse/options.ts";
import { clearEvent } from "../ffi/libc/event.ts";
import { close } from "../ffi/libc/file.ts";
import { isHangUp } from "../ffi/libc/poll_set.ts";
import { FEATURE, FEATURE_PACKED, PROTOCOL_FEATURE, requestName } from "./abi.ts";
import { BackChannel } from "./back_channel.ts";
import { Connection, type Message } from "./connection.ts";
import { daxOperations, type Mappable } from "./dax.ts";
import { ProtocolFault, RequestRefused, textOf } from "./fault.ts";
import { HANDLERS } from "./handlers.ts";
import type { Metrics } from "./metrics/operations.ts";
import type { Inflight } from "./inflight.ts";
import type { EventLoop, Worker } from "./loop.ts";
import { MemoryTable } from "./memory_table.ts";
import { type Bits, bitsOf, hasBit, Payload, u64Payload } from "./payload.ts";
import { Queue, type QueueFeatures } from "./queue.ts";
import { type HoldAnswer, type Numbering, VirtioFs } from "./virtio_fs.ts";

/** What every front-end gets. */
export interface DeviceSettings {
  /** The file system for a new front-end; its `destroy` ends it. */
  readonly fileSystem: () => FileSystem & Partial<Mappable> & Partial<Numbering>;
  readonly fuse: ServerOptions;
  /** How many queues at most, the high-priority one among them. */
  readonly queues: number;
  /** Files can be mapped into guests, through a window of so many bytes. */
  readonly dax?: { readonly windowBytes: number };
  /** The configuration space, where the back-end is to serve it. */
  readonly config: Uint8Array | undefined;
  readonly log: (text: string) => void;
  /** Holds answers back until others know. */
  readonly hold?: HoldAnswer;
  /** Is told what is done. */
  readonly metrics?: Metrics;
}

/** Chains of one queue in one turn, so that others have theirs. */
const CHAINS_A_TURN = 16;
const FAILED = 1;
const LOOK_MS = 1;
const PATIENCE_MS = 500;

/** See the module. Ends itself when the front-end leaves or breaks the protocol. */
export class Session implements Worker {
  readonly memory = new MemoryTable();
  readonly queues: readonly Queue[];
  features: Bits = { low: 0, high: 0 };
  /** What of them is about queues. */
  queueFeatures: QueueFeatures = { eventIndex: false, indirect: false, packed: false };
  protocolFeatures: Bits = { low: 0, high: 0 };
  status = 0;
  /** Takes requests of the device; made anew when the device is reset. */
  device: VirtioFs;
  readonly #connection: Connection;
  /** A message that waits until no chain is outstanding; until then nothing is received or taken. */
  #held: Message | undefined;
  #heldSinceMs = 0;
  readonly #beginMs = performance.now();
  #ended = false;
  /** The queues with something to look at; found anew after each message. */
  #started: readonly Queue[] = [];
  #back: BackChannel | undefined;
  #inflight: Inflight | undefined;
  /** The request with which the guest's session began, while it is on. */
  #init: Uint8Array | undefined;

  /**
   * @param socket becomes the session's own.
   * @param onEnd called once, when everything of the session is closed.
   */
  constructor(
    socket: number,
    readonly settings: DeviceSettings,
    readonly loop: EventLoop,
    readonly onEnd: () => void,
  ) {
    this.#connection = new Connection(socket);
    this.device = this.#newDevice();
    this.queues = Array.from(
      { length: settings.queues },
      (_, index) => new Queue(index, this.memory, settings.log, () => settings.metrics?.faulted()),
    );
    loop.watch(socket, () => this.#receive());
    loop.addWorker(this);
    loop.addIdle(this.#idle);
  }

  /** Queues without a kick descriptor are looked at by the clock, and so is whether chains are done. */
  readonly #idle = (): number => {
    if (this.#held !== undefined) this.#resume();
    // The front-end may wait for this message before it answers on the back-end's channel.
    if (this.#held !== undefined && performance.now() - this.#heldSinceMs > PATIENCE_MS) {
      this.#back?.abandon();
    }
    const looks = this.#held !== undefined || this.#started.some((queue) => queue.polled);
    if (this.#ended) return Number.POSITIVE_INFINITY;
    const dueMs = this.device.idle();
    return looks ? Math.min(LOOK_MS, dueMs) : dueMs;
  };

  #newDevice(): VirtioFs {
    const { fileSystem, fuse, dax, metrics, hold } = this.settings;
    const parts = {
      ...(metrics === undefined ? {} : { counter: metrics }),
      ...(hold === undefined ? {} : { hold }),
      session: (init: Uint8Array | undefined) => {
        if (init === undefined) this.#inflight?.forget();
        else this.#inflight?.remember(init);
        this.#init = init;
      },
    };
    const files = fileSystem();
    if (dax === undefined || !isMappable(files)) return new VirtioFs(files, fuse, parts);
    const { operations, clear } = daxOperations(files, () => this.#back, dax.windowBytes);
    return new VirtioFs(files, { ...fuse, operations, beforeEnd: clear }, parts);
  }

  /** Takes memory for tracking what is in flight, in place of that before. */
  setInflight(inflight: Inflight): void {
    for (const queue of this.queues) {
      queue.release();
      queue.inflightMemory = (size) => inflight.queue(queue.index, size);
    }
    this.#inflight?.close();
    this.#inflight = inflight;
    const left = this.#init === undefined ? inflight.takeUp() : undefined;
    if (this.#init !== undefined) inflight.remember(this.#init);
    if (left === undefined) return;
    this.settings.log(`the guest's session is taken up, for the ${left.times}. time`);
    this.device.takeUp(left.init, left.times);
    this.#init = left.init;
  }

  /** Takes the channel on which the back-end asks, in place of the one before. */
  setBackChannel(socket: number): void {
    this.#back?.close();
    this.#back = new BackChannel(socket, this.loop, this.settings.log);
  }

  /** Takes the features that were agreed on. */
  setFeatures(features: Bits): void {
    this.features = features;
    this.queueFeatures = {
      eventIndex: hasBit(features, FEATURE.EVENT_IDX),
      indirect: hasBit(features, FEATURE.INDIRECT_DESC),
      packed: hasBit(features, FEATURE_PACKED),
    };
  }

  /** The features that can be agreed on. */
  get offered(): Bits {
    return bitsOf([...Object.values(FEATURE), FEATURE_PACKED]);
  }

  /** The protocol's features that can be agreed on. */
  get offeredProtocol(): Bits {
    const all: number[] = [
      PROTOCOL_FEATURE.MQ,
      PROTOCOL_FEATURE.REPLY_ACK,
      PROTOCOL_FEATURE.RESET_DEVICE,
      PROTOCOL_FEATURE.CONFIGURE_MEM_SLOTS,
      PROTOCOL_FEATURE.STATUS,
      PROTOCOL_FEATURE.INFLIGHT_SHMFD,
    ];
    if (this.settings.config !== undefined) all.push(PROTOCOL_FEATURE.CONFIG);
    if (this.settings.dax !== undefined) {
      all.push(
        PROTOCOL_FEATURE.BACKEND_REQ,
        PROTOCOL_FEATURE.BACKEND_SEND_FD,
        PROTOCOL_FEATURE.SHMEM,
      );
    }
    return bitsOf(all);
  }

  /** The queue of that number. @throws ProtocolFault */
  queue(index: number): Queue {
    const queue = this.queues[index];
    if (queue === undefined) {
      throw new ProtocolFault(`queue ${index} of ${this.queues.length}`);
    }
    return queue;
  }

  work(): boolean {
    if (this.#held !== undefined) return false;
    const { queueFeatures } = this;
    let any = false;
    for (const queue of this.#started) {
      if (!queue.runs(queueFeatures)) continue;
      if (queue.process(this.device, CHAINS_A_TURN, queueFeatures.indirect) === 0) continue;
      any = true;
      queue.refuseKicks();
    }
    return any;
  }

  arm(): boolean {
    if (this.#held !== undefined) return false;
    let any = false;
    for (const queue of this.#started) if (queue.awaitKick()) any = true;
    return any;
  }

  /** Watches a queue's new kick descriptor. */
  watchKick(queue: Queue, descriptor: number): void {
    this.unwatchKick(queue);
    queue.setEvent("kick", descriptor);
    if (descriptor < 0) return;
    this.loop.watch(descriptor, (events) => {
      if (queue.event("kick") !== descriptor) return;
      // The turn that follows looks at the queue.
      if (!clearEvent(descriptor) && isHangUp(events)) this.unwatchKick(queue);
    });
  }

  unwatchKick(queue: Queue): void {
    const descriptor = queue.event("kick");
    if (descriptor >= 0) this.loop.unwatch(descriptor);
  }

  /** A new device in place of the one in use, which ends. */
  resetDevice(): void {
    for (const queue of this.queues) {
      this.unwatchKick(queue);
      queue.stop();
      queue.enabled = false;
      queue.pending = 0;
    }
    this.device.end();
    this.device = this.#newDevice();
  }

  #receive(): void {
    if (this.#ended) return;
    try {
      while (this.#held === undefined && !this.#ended) {
        const message = this.#connection.receive();
        if (message === undefined) return;
        if (message === "closed") this.end("the front-end has left");
        else this.#handle(message);
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  #handle(message: Message): void {
    if (HANDLERS[message.request]?.quiet !== true || this.#quiet) {
      this.#run(message);
      return;
    }
    this.#held = message;
    this.#heldSinceMs = performance.now();
    this.loop.unwatch(this.#connection.socket);
  }

  get #quiet(): boolean {
    return !this.queues.some((queue) => queue.pending > 0);
  }

  /** Goes on with the message that waits, if nothing is outstanding any more. */
  #resume(): void {
    const message = this.#held;
    if (message === undefined || !this.#quiet) return;
    this.#held = undefined;
    this.loop.watch(this.#connection.socket, () => this.#receive());
    try {
      this.#run(message);
    } catch (error) {
      this.#fail(error);
    }
    this.#receive();
  }

  #fail(error: unknown): void {
    this.settings.metrics?.faulted();
    this.end(textOf(error));
  }

  #run(message: Message): void {
    const { request, needsReply, payload, descriptors } = message;
    try {
      const acknowledge = needsReply && hasBit(this.protocolFeatures, PROTOCOL_FEATURE.REPLY_ACK);
      this.#answer(message, acknowledge);
    } catch (error) {
      if (!(error instanceof ProtocolFault)) throw error;
      throw new ProtocolFault(
        `${requestName(request)} of ${payload.length} bytes: ${error.message}`,
      );
    } finally {
      this.#started = this.queues.filter((queue) => queue.started);
      for (const descriptor of descriptors) close(descriptor);
    }
  }

  #answer(message: Message, acknowledge: boolean): void {
    const { request, payload, descriptors } = message;
    const handler = HANDLERS[request];
    if (handler === undefined) throw new ProtocolFault("it is not served");
    const [least, most] = handler.bytes;
    if (payload.length < least || payload.length > most) {
      throw new ProtocolFault("its size is wrong");
    }
    if (descriptors.length > handler.descriptors) {
      throw new ProtocolFault(`it has ${descriptors.length} descriptors`);
    }
    if (handler.feature !== undefined && !hasBit(this.protocolFeatures, handler.feature)) {
      throw new ProtocolFault("its feature was not agreed on");
    }
    try {
      const sent: number[] = [];
      const reply = handler.run(this, new Payload(payload), descriptors, sent);
      try {
        if (reply !== undefined) this.#connection.reply(request, reply, sent);
      } finally {
        for (const descriptor of sent) close(descriptor);
      }
      if (reply !== undefined) return;
      if (acknowledge) this.#acknowledge(request, 0);
    } catch (error) {
      if (!(error instanceof RequestRefused)) throw error;
      this.settings.log(`${requestName(request)}: ${error.message}`);
      if (!acknowledge) throw new ProtocolFault(error.message);
      this.#acknowledge(request, FAILED);
    }
  }

  #acknowledge(request: number, result: number): void {
    this.#connection.reply(request, u64Payload(result));
  }

  /** Closes everything of the session. */
  end(reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    const seconds = (performance.now() - this.#beginMs) / 1000;
    this.settings.log(
      `${reason} (${this.device.handled} requests in ${seconds.toFixed(1)} seconds)`,
    );
    this.loop.removeWorker(this);
    this.loop.removeIdle(this.#idle);
    this.loop.unwatch(this.#connection.socket);
    for (const queue of this.queues) {
      this.unwatchKick(queue);
      queue.reset();
    }
    for (const descriptor of this.#held?.descriptors ?? []) close(descriptor);
    this.device.end();
    this.#back?.close();
    this.#inflight?.close();
    this.memory.clear();
    this.#connection.close();
    this.onEnd();
  }
}

function isMappable(files: FileSystem & Partial<Mappable>): files is FileSystem & Mappable {
  return files.openForMapping !== undefined;
}
