/**
 * The FUSE server: takes a request in memory, calls the file system, leaves the reply in memory. It
 * knows nothing of where requests come from.
 *
 * @module
 */

import { NOTIFY_INVAL_ENTRY, NOTIFY_INVAL_INODE, OPCODE, opcodeName, SIZE } from "./abi.ts";
import { Exchange, NO_REPLY } from "./exchange.ts";
import { monotonicMicroseconds } from "../libc/clock.ts";
import { Metrics } from "./metrics.ts";
import { type ServerOptions, type ServerSettings, serverSettings } from "./options.ts";
import { end } from "./operations/connection.ts";
import { EINVAL, EIO, ENOSYS } from "./operations/operation.ts";
import { type OperationTable, operationTable } from "./operations/table.ts";
import { DEFERRED, type FileSystem, type Server } from "./port.ts";
import type { Recorder } from "./recorder.ts";
import type { Request } from "./request.ts";
import { traceLine } from "./trace.ts";
import type { Transport } from "./transport.ts";

/** The kernel takes only error numbers below 512. */
const LARGEST_ERROR = 511;
/** The smallest reply memory: the largest extended attribute and directory listings fit. */
const SMALLEST_REPLY_BYTES = 128 * 1024;
const TWO_TO_32 = 0x1_0000_0000;
const EMPTY: readonly Uint8Array[] = [];

/** A request that will be answered later. */
interface Waiting {
  readonly opcode: number;
  readonly uniqueLow: number;
  readonly uniqueHigh: number;
  /** Bytes that a READ asked for. */
  readonly size: number;
  /** When it was deferred, in microseconds. */
  readonly since: number;
}

/** How much memory a server needs for requests and for replies, in bytes. */
export function memoryNeeded(options: ServerOptions = {}): { request: number; reply: number } {
  const { maxWriteBytes } = serverSettings(options);
  return {
    request: maxWriteBytes + SIZE.IN_HEADER + SIZE.WRITE_IN + 4096,
    reply: Math.max(maxWriteBytes, SMALLEST_REPLY_BYTES) + SIZE.OUT_HEADER,
  };
}

/** Serves one file system to one kernel. */
export class FuseServer implements Server {
  /** Where the data of the next WRITE are, and where those of the next READ go; set by a transport whose
   * memory is in pieces, else undefined. */
  sources: readonly Uint8Array[] | undefined;
  targets: readonly Uint8Array[] | undefined;
  /** What was done so far. */
  readonly metrics = new Metrics();
  readonly #exchange: Exchange;
  readonly #settings: ServerSettings;
  readonly #operations: OperationTable;
  readonly #transport: Transport;
  readonly #waiting = new Map<number, Waiting>();
  readonly #requestMemory: Uint8Array;
  #recorder: Recorder | undefined;
  #ticket = 0;

  /**
   * @param requestMemory where the transport puts requests; see `memoryNeeded`.
   * @param replyMemory where replies are made.
   */
  constructor(
    fileSystem: FileSystem,
    transport: Transport,
    requestMemory: Uint8Array,
    replyMemory: Uint8Array,
    options: ServerOptions = {},
  ) {
    this.#settings = serverSettings(options);
    this.#operations = operationTable(this.#settings.operations);
    this.#transport = transport;
    this.#requestMemory = requestMemory;
    this.#exchange = new Exchange(fileSystem, this, this.#settings, requestMemory, replyMemory);
  }

  /** The number of the request handled last (`Caller.unique`): a deferred one is answered under it. */
  get ticket(): number {
    return this.#ticket;
  }

  /** Whether a session is on: INIT was answered and DESTROY has not come. */
  get connected(): boolean {
    return this.#exchange.agreement !== undefined;
  }

  /** How many requests wait for a deferred answer. */
  get waitingCount(): number {
    return this.#waiting.size;
  }

  /** Ends the session if it is still on: the file system's `destroy` is called once. */
  end(): void {
    end(this.#exchange);
    this.#waiting.clear();
  }

  /**
   * Handles the request of `receivedBytes` in the request memory. Never throws, whatever the bytes.
   * @returns the length of the reply in the reply memory; 0 when there is none (yet), and then
   * `waitsFor(ticket)` tells whether one comes later. The body of a READ into `targets` is not in the
   * reply memory: only its header is.
   */
  handle(receivedBytes: number): number {
    const exchange = this.#exchange;
    const request = exchange.request;
    const whole = request.load(receivedBytes);
    this.#ticket++;
    if (receivedBytes < SIZE.IN_HEADER) return 0;
    const result = whole ? this.#measure(request) : refusal(request);
    if (result === NO_REPLY) return 0;
    if (result === DEFERRED) {
      this.#defer(request);
      return 0;
    }
    if (result >= 0) return exchange.reply.header(request, 0, result);
    return exchange.reply.header(request, result >= -LARGEST_ERROR ? result : EIO, 0);
  }

  /** Whether the request of that number was deferred and is not answered yet. */
  waitsFor(ticket: number): boolean {
    return this.#waiting.has(ticket);
  }

  /** Puts an error in place of the reply just made, for a reply that could not be sent. */
  replaceByError(error: number): number {
    return this.#exchange.reply.header(this.#exchange.request, error, 0);
  }

  #measure(request: Request): number {
    const { metrics } = this;
    const begun = metrics.begin(request.opcode);
    const result = this.#run(request);
    if (request.opcode === OPCODE.WRITE && result > 0) {
      metrics.writtenBytes += request.u32(SIZE.IN_HEADER + 16);
    }
    const took = metrics.end(request.opcode, result, begun);
    if (this.#recorder !== undefined) this.#record(result, begun, took);
    return result;
  }

  /** Records every request from now on; undefined: none. */
  set recorder(recorder: Recorder | undefined) {
    this.#recorder = recorder;
    this.metrics.timesAll = recorder !== undefined;
  }

  get recorder(): Recorder | undefined {
    return this.#recorder;
  }

  #record(result: number, begun: number, took: number): void {
    const wanted = this.#recorder?.add(
      this.#exchange,
      this.#requestMemory,
      this.#ticket,
      result,
      begun,
      took,
    );
    if (wanted === false) this.recorder = undefined;
  }

  #run(request: Request): number {
    const trace = this.#settings.trace;
    if (trace === undefined) return this.#operate(request);
    const begin = performance.now();
    const result = this.#operate(request);
    const argumentBytes = this.#operations[request.opcode]?.argumentBytes ?? 0;
    trace(traceLine(request, argumentBytes, result, (performance.now() - begin) * 1000));
    return result;
  }

  #operate(request: Request): number {
    const exchange = this.#exchange;
    const operation = this.#operations[request.opcode];
    if (operation === undefined) return ENOSYS;
    if (request.argumentBytes < operation.argumentBytes) return refusal(request);
    if (exchange.agreement === undefined && !opensOrCloses(request.opcode)) {
      return isSilent(request.opcode) ? NO_REPLY : EIO;
    }
    const caller = exchange.caller;
    caller.unique = this.#ticket;
    caller.uid = request.uid;
    caller.gid = request.gid;
    caller.pid = request.pid;
    exchange.sources = this.sources;
    exchange.targets = this.targets;
    try {
      return operation.run(exchange);
    } catch (error) {
      if (isSilent(request.opcode)) this.#errnoOf(error, request);
      else return this.#errnoOf(error, request);
      return NO_REPLY;
    }
  }

  /** The file system's number for what a method threw; EIO when it has none, or throws itself. */
  #errnoOf(error: unknown, request: Request): number {
    try {
      const errno = this.#exchange.fileSystem.errnoOf(error, opcodeName(request.opcode));
      return Number.isInteger(errno) && errno < 0 && errno >= -LARGEST_ERROR ? errno : EIO;
    } catch {
      return EIO;
    }
  }

  #defer(request: Request): void {
    this.#waiting.set(this.#ticket, {
      opcode: request.opcode,
      uniqueLow: request.uniqueLow,
      uniqueHigh: request.uniqueHigh,
      size: request.opcode === OPCODE.READ ? request.u32(SIZE.IN_HEADER + 16) : 0,
      since: monotonicMicroseconds(),
    });
  }

  complete(unique: number, result: number): void {
    const waiting = this.#take(unique);
    if (waiting === undefined) return;
    this.#completed(unique, waiting, result);
    if (result < 0) {
      this.#answer(unique, waiting, Math.max(result, -LARGEST_ERROR), EMPTY);
    } else if (waiting.opcode === OPCODE.WRITE) {
      const body = new Uint8Array(SIZE.WRITE_OUT);
      new DataView(body.buffer).setUint32(0, result, true);
      this.#answer(unique, waiting, 0, [body]);
    } else {
      this.#answer(unique, waiting, 0, EMPTY);
    }
  }

  completeData(unique: number, data: readonly Uint8Array[]): void {
    const waiting = this.#take(unique);
    if (waiting === undefined) return;
    let total = 0;
    for (const piece of data) total += piece.length;
    this.#completed(unique, waiting, total);
    if (total > waiting.size) this.#answer(unique, waiting, EIO, EMPTY);
    else this.#answer(unique, waiting, 0, data);
  }

  #take(ticket: number): Waiting | undefined {
    const waiting = this.#waiting.get(ticket);
    this.#waiting.delete(ticket);
    return waiting;
  }

  #completed(ticket: number, { opcode, since }: Waiting, result: number): void {
    const took = this.metrics.complete(opcode, result, since);
    this.#recorder?.complete(ticket, result, since, took);
  }

  #answer(
    ticket: number,
    waiting: Waiting,
    error: number,
    data: readonly Uint8Array[],
  ): void {
    const header = messageHeader(error, waiting.uniqueLow, waiting.uniqueHigh, data);
    this.#transport.sendDeferred(ticket, [header, ...data]);
  }

  invalidateAttributes(node: number): void {
    const body = new DataView(new ArrayBuffer(SIZE.NOTIFY_INVAL_INODE_OUT));
    setU64(body, 0, node);
    body.setBigInt64(8, -1n, true);
    this.#notice(NOTIFY_INVAL_INODE, [new Uint8Array(body.buffer)], false);
  }

  invalidateInode(node: number, offset: number, length: number): void {
    const body = new DataView(new ArrayBuffer(SIZE.NOTIFY_INVAL_INODE_OUT));
    setU64(body, 0, node);
    setU64(body, 8, offset);
    setU64(body, 16, length);
    this.#notice(NOTIFY_INVAL_INODE, [new Uint8Array(body.buffer)]);
  }

  invalidateEntry(parent: number, name: Uint8Array): void {
    const body = new DataView(new ArrayBuffer(SIZE.NOTIFY_INVAL_ENTRY_OUT));
    setU64(body, 0, parent);
    body.setUint32(8, name.length, true);
    const ended = new Uint8Array(name.length + 1);
    ended.set(name);
    this.#notice(NOTIFY_INVAL_ENTRY, [new Uint8Array(body.buffer), ended]);
  }

  /** A notice is a reply with the number 0 and its code where the error would be. */
  #notice(code: number, body: readonly Uint8Array[], mayWait = true): void {
    if (!this.connected) return;
    this.#transport.sendNotice([messageHeader(code, 0, 0, body), ...body], mayWait);
  }
}

/** Requests that get no reply, not even an error. */
function isSilent(opcode: number): boolean {
  return opcode === OPCODE.FORGET || opcode === OPCODE.BATCH_FORGET ||
    opcode === OPCODE.INTERRUPT || opcode === OPCODE.NOTIFY_REPLY;
}

function refusal(request: Request): number {
  return isSilent(request.opcode) ? NO_REPLY : EINVAL;
}

function opensOrCloses(opcode: number): boolean {
  return opcode === OPCODE.INIT || opcode === OPCODE.DESTROY;
}

/** `struct fuse_out_header`. */
function messageHeader(
  error: number,
  uniqueLow: number,
  uniqueHigh: number,
  body: readonly Uint8Array[],
): Uint8Array {
  let length: number = SIZE.OUT_HEADER;
  for (const piece of body) length += piece.length;
  const view = new DataView(new ArrayBuffer(SIZE.OUT_HEADER));
  view.setUint32(0, length, true);
  view.setInt32(4, error, true);
  view.setUint32(8, uniqueLow, true);
  view.setUint32(12, uniqueHigh, true);
  return new Uint8Array(view.buffer);
}

function setU64(view: DataView, at: number, value: number): void {
  view.setUint32(at, value, true);
  view.setUint32(at + 4, Math.floor(value / TWO_TO_32), true);
}
