/**
 * The loop over /dev/fuse: reads requests, has them handled, writes the replies.
 *
 * @module
 */

import type { IoThread } from "../io/io_thread.ts";
import { POLLIN } from "../libc/constants.ts";
import { ERRNO } from "../libc/errno.ts";
import { SystemError } from "../libc/error.ts";
import { clearEvent } from "../libc/event.ts";
import { setNonBlocking } from "../libc/file.ts";
import { IOV_MAX, IoVector } from "../libc/io_vector.ts";
import { errno, type Libc, libc } from "../libc/library.ts";
import { alignedMemory } from "../libc/memory.ts";
import { PollSet, type Ready } from "../libc/poll_set.ts";
import { SIZE } from "./abi.ts";
import { Notices } from "./notices.ts";
import type { ServerOptions } from "./options.ts";
import type { FileSystem } from "./port.ts";
import { FuseServer, memoryNeeded } from "./server.ts";
import { defaultSpinLimit, Spin } from "./spin.ts";
import { gather, totalBytes } from "../libc/pieces.ts";
import type { Transport } from "./transport.ts";

/** How a session over /dev/fuse is run. */
export interface SessionOptions extends ServerOptions {
  /** An eventfd (`makeEvent`); signalling it ends the loop. */
  readonly stopEvent?: number;
  /** Called once, when the kernel and the server have agreed. */
  readonly onReady?: () => void;
  /**
   * A thread for notices alone (`Server.invalidateInode`, `invalidateEntry`); without one they throw.
   * It must do nothing else: the kernel may make it wait for any answer.
   */
  readonly noticeThread?: IoThread;
  /** How often to ask for a request before sleeping while they come densely. Default: measured. */
  readonly spinLimit?: number;
}

/** Why a loop ended. */
export type SessionEnd = "unmounted" | "aborted" | "stopped";

/** After so many requests in a row the other descriptors and the clock are looked at. */
const REQUESTS_BETWEEN_LOOKS = 64;
/** The same while deferred answers are outstanding. */
const REQUESTS_BETWEEN_LOOKS_WAITING = 8;

/** A turn of work beside the requests. @returns milliseconds until it wants the next one at the latest; Infinity: until `hurry`. */
export type BackgroundWork = () => number;

/**
 * Serves one mounted file system. `run` blocks its thread until the end, so it belongs in a Worker
 * when the program has anything else to do.
 */
export class FuseSession implements Transport {
  readonly server: FuseServer;
  readonly #descriptor: number;
  readonly #fileSystem: FileSystem;
  readonly #libc: Libc = libc();
  readonly #requestAddress: bigint;
  readonly #requestBytes: bigint;
  readonly #replyAddress: bigint;
  readonly #polled = new PollSet();
  readonly #vector = new IoVector();
  readonly #spin: Spin;
  readonly #notices: Notices | undefined;
  #onReady: (() => void) | undefined;
  #end: SessionEnd | undefined;
  #nextIdleAt = 0;
  #requestsSinceLook = 0;
  readonly #background: BackgroundWork[] = [];

  /** @param descriptor an open /dev/fuse (`FuseMount.descriptor`). */
  constructor(descriptor: number, fileSystem: FileSystem, options: SessionOptions = {}) {
    this.#descriptor = descriptor;
    this.#fileSystem = fileSystem;
    this.#onReady = options.onReady;
    this.#spin = new Spin(options.spinLimit ?? defaultSpinLimit());
    const needed = memoryNeeded(options);
    // Data begin on a page: behind the arguments of a WRITE, behind the header of a reply.
    const request = alignedMemory(needed.request, SIZE.IN_HEADER + SIZE.WRITE_IN);
    const reply = alignedMemory(needed.reply, SIZE.OUT_HEADER);
    this.#requestAddress = BigInt(request.address);
    this.#requestBytes = BigInt(needed.request);
    this.#replyAddress = BigInt(reply.address);
    // The server holds both memories as long as this session is held.
    this.server = new FuseServer(fileSystem, this, request.bytes, reply.bytes, options);
    setNonBlocking(descriptor);
    this.#polled.add(descriptor, () => {});
    if (options.stopEvent !== undefined) this.#watchStop(options.stopEvent);
    this.#notices = this.#noticesThrough(options.noticeThread);
  }

  /** Calls `ready` from within the loop whenever `descriptor` shows `events` (POLL*). */
  watch(descriptor: number, ready: Ready, events: number = POLLIN): void {
    this.#polled.add(descriptor, ready, events);
  }

  /** Watches a descriptor no longer. */
  unwatch(descriptor: number): void {
    this.#polled.remove(descriptor);
  }

  /** Gives `work` a turn when no request is waiting, and when its time has come. */
  inBackground(work: BackgroundWork): void {
    this.#background.push(work);
    this.hurry();
  }

  /** The background work wants a turn soon. */
  hurry(): void {
    this.#nextIdleAt = 0;
  }

  /**
   * Calls `done` when the kernel has taken all notices sent until now; false: it has already, `done` is
   * not called.
   */
  afterNotices(done: () => void): boolean {
    return this.#notices?.whenTaken(done) ?? false;
  }

  /** Ends the loop after the request in hand. For callbacks within the loop. */
  stop(): void {
    this.#end ??= "stopped";
  }

  #noticesThrough(thread: IoThread | undefined): Notices | undefined {
    if (thread === undefined) return undefined;
    const notices = new Notices(this.#descriptor, thread);
    this.#polled.add(thread.event, () => notices.reap());
    return notices;
  }

  #watchStop(event: number): void {
    this.#polled.add(event, () => {
      clearEvent(event);
      this.stop();
    });
  }

  /**
   * Serves until the file system is unmounted, the connection is aborted or a stop is asked for; then
   * calls the file system's `destroy`. To be called once.
   * @throws SystemError when the device fails; the file system was ended nevertheless.
   */
  run(): SessionEnd {
    try {
      for (;;) {
        if (this.#end !== undefined) return this.#end;
        if (this.#receive()) this.#afterRequest();
        else if (this.#end === undefined) this.#pause();
      }
    } finally {
      this.server.end();
    }
  }

  /** Reads and answers one request. Returns whether there was one. */
  #receive(): boolean {
    const received = this.#libc.read(this.#descriptor, this.#requestAddress, this.#requestBytes);
    if (received > 0) {
      const replyBytes = this.server.handle(received);
      if (replyBytes > 0) this.#send(replyBytes);
      return true;
    }
    this.#noRequest(received === 0 ? ERRNO.ENODEV : errno());
    return false;
  }

  #noRequest(number: number): void {
    // ENOENT: the request was interrupted before it was read.
    if (number === ERRNO.EAGAIN || number === ERRNO.EINTR || number === ERRNO.ENOENT) return;
    if (number === ERRNO.ENODEV) this.#end ??= "unmounted";
    else if (number === ERRNO.ECONNABORTED) this.#end ??= "aborted";
    else throw new SystemError(number, "read", "/dev/fuse");
  }

  #send(replyBytes: number): void {
    if (this.#libc.write(this.#descriptor, this.#replyAddress, BigInt(replyBytes)) >= 0) return;
    // ENOENT: the request is gone. ENODEV: the mount is. The next read tells.
    const number = errno();
    if (number === ERRNO.ENOENT || number === ERRNO.ENODEV) return;
    const errorBytes = this.server.replaceByError(-ERRNO.EIO);
    this.#libc.write(this.#descriptor, this.#replyAddress, BigInt(errorBytes));
  }

  #afterRequest(): void {
    const limit = this.server.waitingCount > 0
      ? REQUESTS_BETWEEN_LOOKS_WAITING
      : REQUESTS_BETWEEN_LOOKS;
    if (++this.#requestsSinceLook < limit) return;
    this.#requestsSinceLook = 0;
    this.#reportReady();
    this.#polled.wait(0);
    if (performance.now() >= this.#nextIdleAt) this.#idle();
  }

  /** No request is there: asks again for a while, then sleeps. */
  #pause(): void {
    const spin = this.#spin;
    for (let left = spin.budget; left > 0; left--) {
      if (this.#receive()) {
        spin.hit();
        this.#afterRequest();
        return;
      }
      if (this.#end !== undefined) return;
    }
    spin.missed();
    this.#reportReady();
    const timeoutMs = this.#idle();
    if (this.#end !== undefined) return;
    const begin = performance.now();
    this.#polled.wait(timeoutMs);
    this.#requestsSinceLook = 0;
    spin.woken(performance.now() - begin);
  }

  #reportReady(): void {
    if (this.#onReady === undefined || !this.server.connected) return;
    const onReady = this.#onReady;
    this.#onReady = undefined;
    onReady();
  }

  /** Gives the file system and the background work their turn. Returns how long it may sleep, in milliseconds; -1 without end. */
  #idle(): number {
    if (!this.server.connected) return -1;
    let waitMs = this.#fileSystem.idle();
    for (const work of this.#background) waitMs = Math.min(waitMs, work());
    const finite = Number.isFinite(waitMs);
    this.#nextIdleAt = finite ? performance.now() + waitMs : Number.POSITIVE_INFINITY;
    return finite ? Math.max(0, waitMs) : -1;
  }

  /** A reply that the kernel refuses becomes EIO: whoever asked must not wait for ever. */
  sendDeferred(_ticket: number, pieces: readonly Uint8Array[]): void {
    if (this.#writePieces(pieces.length <= IOV_MAX ? pieces : [joinPieces(pieces)])) return;
    const header = pieces[0];
    if (header !== undefined) this.#writePieces([errorInPlaceOf(header, -ERRNO.EIO)]);
  }

  /** Throws for notices that may wait where the session has no thread for them. */
  sendNotice(pieces: readonly Uint8Array[], mayWait: boolean): void {
    // What the kernel refuses concerns a node that it does not know any more.
    if (!mayWait) return void this.#writePieces(pieces);
    if (this.#notices === undefined) throw new Error("notices need SessionOptions.noticeThread");
    this.#notices.send(pieces);
  }

  /** Returns false when the kernel refuses the message itself. */
  #writePieces(pieces: readonly Uint8Array[]): boolean {
    const vector = this.#vector;
    vector.fill(pieces, 0);
    const written = this.#libc.writev(this.#descriptor, vector.address, vector.count);
    const number = written < 0 ? errno() : 0;
    vector.clear();
    return number !== ERRNO.EINVAL && number !== ERRNO.EFAULT && number !== ERRNO.ENOMEM;
  }
}

/** A reply that has only a header, with the number of the one given. */
function errorInPlaceOf(header: Uint8Array, error: number): Uint8Array {
  const copy = header.slice(0, SIZE.OUT_HEADER);
  const view = new DataView(copy.buffer);
  view.setUint32(0, SIZE.OUT_HEADER, true);
  view.setInt32(4, error, true);
  return copy;
}

function joinPieces(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(totalBytes(pieces));
  gather(pieces, whole);
  return whole;
}
