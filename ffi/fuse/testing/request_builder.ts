/**
 * Requests made by hand, for tests: a server with memory of its own and no kernel.
 *
 * @module
 */

import { OPCODE, SIZE } from "../abi.ts";
import type { ServerOptions } from "../options.ts";
import type { FileSystem } from "../port.ts";
import { FuseServer, memoryNeeded } from "../server.ts";
import type { Transport } from "../transport.ts";

/** A part of a request's arguments: a NUL-ended string, bytes as they are, or numbers with their width. */
export type Part = string | Uint8Array | { readonly u32: number } | { readonly u64: number };

/** A reply taken apart. */
export interface ParsedReply {
  readonly error: number;
  readonly unique: number;
  readonly body: DataView;
  readonly bytes: Uint8Array;
}

const encoder = new TextEncoder();

/** The bytes of a request. */
export function buildRequest(opcode: number, node: number, parts: readonly Part[]): Uint8Array {
  const body = parts.map(partBytes);
  const length = SIZE.IN_HEADER + body.reduce((sum, part) => sum + part.length, 0);
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, length, true);
  view.setUint32(4, opcode, true);
  view.setBigUint64(8, 0x1122n, true);
  view.setBigUint64(16, BigInt(node), true);
  view.setUint32(24, 1000, true);
  view.setUint32(28, 100, true);
  view.setUint32(32, 4242, true);
  let at: number = SIZE.IN_HEADER;
  for (const part of body) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function partBytes(part: Part): Uint8Array {
  if (part instanceof Uint8Array) return part;
  if (typeof part === "string") return encoder.encode(part + "\0");
  const view = new DataView(new ArrayBuffer("u32" in part ? 4 : 8));
  if ("u32" in part) view.setUint32(0, part.u32, true);
  else view.setBigUint64(0, BigInt.asUintN(64, BigInt(part.u64)), true);
  return new Uint8Array(view.buffer);
}

/** A server without a kernel; collects what it sends by itself. */
export class TestServer implements Transport {
  readonly server: FuseServer;
  readonly requestMemory: Uint8Array;
  readonly replyMemory: Uint8Array;
  readonly sent: Uint8Array[] = [];

  constructor(fileSystem: FileSystem, options: ServerOptions = {}) {
    const needed = memoryNeeded(options);
    this.requestMemory = new Uint8Array(needed.request);
    this.replyMemory = new Uint8Array(needed.reply);
    this.server = new FuseServer(
      fileSystem,
      this,
      this.requestMemory,
      this.replyMemory,
      options,
    );
  }

  /** Sends INIT with every capability offered. */
  connect(): ParsedReply | undefined {
    return this.ask(OPCODE.INIT, 0, [
      { u32: 7 },
      { u32: 45 },
      { u32: 131072 },
      { u32: 0xffff_ffff },
      { u32: 0xffff_ffff },
      new Uint8Array(44),
    ]);
  }

  /** Makes a request and has it handled; undefined when there is no reply. */
  ask(opcode: number, node: number, parts: readonly Part[] = []): ParsedReply | undefined {
    return this.handle(buildRequest(opcode, node, parts));
  }

  /** Has these bytes handled as a request. */
  handle(bytes: Uint8Array): ParsedReply | undefined {
    this.requestMemory.set(bytes);
    const length = this.server.handle(bytes.length);
    return length === 0 ? undefined : parseReply(this.replyMemory.slice(0, length));
  }

  sendDeferred(_ticket: number, pieces: readonly Uint8Array[]): void {
    this.sent.push(joined(pieces));
  }

  sendNotice(pieces: readonly Uint8Array[]): void {
    this.sent.push(joined(pieces));
  }
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(pieces.flatMap((piece) => [...piece]));
}

/** Takes a reply apart; throws when its length is not what its header says. */
export function parseReply(bytes: Uint8Array): ParsedReply {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0, true) !== bytes.length) throw new Error("the reply's length is wrong");
  return {
    error: view.getInt32(4, true),
    unique: Number(view.getBigUint64(8, true)),
    body: new DataView(bytes.buffer, bytes.byteOffset + SIZE.OUT_HEADER),
    bytes: bytes.subarray(SIZE.OUT_HEADER),
  };
}
