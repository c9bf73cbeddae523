/** Recording what a mount is asked, into a file or onto the terminal. @module */

import { errnoName } from "../../ffi/libc/errno.ts";
import {
  decodeRecords,
  type RecordedCompletion,
  type RecordedRequest,
} from "../../ffi/fuse/recording.ts";
import { CONTROL_IOCTL } from "../shared/control_protocol.ts";
import type { MountStatus } from "../shared/mount_status.ts";
import {
  TRACE_VERSION,
  type TraceHead,
  type TraceLine,
  type TracePart,
  type TraceTail,
} from "../shared/trace_file.ts";
import { formatMicroseconds } from "./latency.ts";
import { printable } from "./printable.ts";
import { askMount } from "./target.ts";
import { Keys, write } from "./terminal.ts";
import { MountedTree } from "./tree.ts";
import { ROOT_NODE } from "../../ffi/fuse/port.ts";

/** How often the mount's memory is emptied: it holds some 40,000 requests. */
const TAKE_MS = 100;
/** Names that are looked at in search of nodes without one. */
const MAX_NAMES = 1_000_000;

/** How to record. */
export interface RecordOptions {
  /** Infinity: until a signal. */
  readonly seconds: number;
  /** Undefined: onto standard output. */
  readonly file: string | undefined;
  /** On standard output: lines as in a file. */
  readonly json: boolean;
}

/** Records until the time is over or a signal comes. */
export async function recordTrace(target: string, options: RecordOptions): Promise<void> {
  const out = options.file === undefined ? undefined : Deno.createSync(options.file);
  const encoder = new TextEncoder();
  const put = (text: string): void => {
    if (out === undefined) return write(`${text}\n`);
    const bytes = encoder.encode(`${text}\n`);
    for (let done = 0; done < bytes.length;) done += out.writeSync(bytes.subarray(done));
  };
  try {
    await record(target, options, put);
  } finally {
    out?.close();
  }
}

async function record(
  target: string,
  { seconds, file, json }: RecordOptions,
  put: (text: string) => void,
): Promise<void> {
  const inLines = file !== undefined || json;
  using keys = new Keys(false);
  using client = askMount(target);
  const { image, mountPoint } = client.ask<MountStatus>("status");
  const { id, begin } = client.ask<{ id: number; begin: number }>("trace.start");
  const started = new Date().toISOString();
  const head: TraceHead = { kfsTrace: TRACE_VERSION, started, image, mountPoint };
  if (inLines) put(JSON.stringify(head));
  const lines = new Lines(begin, (line) => put(inLines ? JSON.stringify(line) : lineText(line)));
  const end = performance.now() + seconds * 1000;
  let part: TracePart = { records: "", lost: 0 };
  for (let over = false; !over;) {
    const wait = Math.max(0, Math.min(TAKE_MS, end - performance.now()));
    over = await keys.pressed("", wait) || performance.now() >= end;
    part = client.ask<TracePart>(over ? "trace.stop" : "trace.read", { id });
    lines.add(Uint8Array.fromBase64(part.records));
  }
  lines.finish();
  const ended = new Date().toISOString();
  const microseconds = lines.lastAt;
  const paths = inLines ? pathsOf(mountPoint, lines.unnamed) : {};
  const tail: TraceTail = { ended, microseconds, lost: part.lost, paths };
  if (inLines) put(JSON.stringify(tail));
  const lost = part.lost === 0 ? "" : `; ${part.lost} more were lost, because they came too fast`;
  console.error(`kfsctl trace: ${lines.count} requests${lost}`);
}

/** Records become lines; what kfsctl itself asks is left out. */
class Lines {
  count = 0;
  lastAt = 0;
  /** Nodes that no request named before they were asked for. */
  readonly unnamed = new Set<number>();
  readonly #named = new Set([ROOT_NODE]);
  readonly #deferred = new Map<number, RecordedRequest>();

  constructor(readonly begin: number, readonly put: (line: TraceLine) => void) {}

  add(bytes: Uint8Array): void {
    for (const record of decodeRecords(bytes)) {
      if ("completes" in record) this.#complete(record);
      else if (isOwn(record)) continue;
      else if (record.deferred) this.#deferred.set(record.ticket, record);
      else this.#write(record);
    }
  }

  /** Those that nobody answered yet. */
  finish(): void {
    for (const record of this.#deferred.values()) this.#write({ ...record, result: 0 });
  }

  #complete({ completes, begin, took, result }: RecordedCompletion): void {
    const record = this.#deferred.get(completes);
    if (record === undefined) return;
    this.#deferred.delete(completes);
    this.#write({ ...record, result, took: begin + took - record.begin });
  }

  #write(record: RecordedRequest): void {
    const { begin, ticket: _ticket, deferred: _deferred, resultNode, ...rest } = record;
    const at = Math.max(0, begin - this.begin);
    for (const node of [record.node, record.other]) {
      if (node !== undefined && node !== 0 && !this.#named.has(node)) this.unnamed.add(node);
    }
    if (resultNode !== 0) this.#named.add(resultNode);
    this.lastAt = Math.max(this.lastAt, at + record.took);
    this.count++;
    this.put({ at, ...rest, ...(resultNode === 0 ? {} : { found: resultNode }) });
  }
}

function isOwn({ operation, flags, callerPid }: RecordedRequest): boolean {
  return callerPid === Deno.pid || (operation === "IOCTL" && flags === CONTROL_IOCTL);
}

function lineText(line: TraceLine): string {
  const { at, operation, node, result, took, callerUid, callerPid, found, ...details } = line;
  const words = Object.entries(details).map(([name, value]) =>
    `${name} ${typeof value === "string" ? `"${printable(value)}"` : value}`
  );
  const outcome = result < 0 ? errnoName(-result) : found === undefined ? "ok" : `node ${found}`;
  const who = `${(at / 1e6).toFixed(6)} ${callerUid}:${callerPid}`;
  return [who, operation, `node ${node}`, ...words, "=", outcome, `(${formatMicroseconds(took)})`]
    .join(" ");
}

/** What the kernel knew before the trace began has no name in it: looked for now. */
function pathsOf(mountPoint: string, nodes: Set<number>): Record<string, string> {
  const paths: Record<string, string> = {};
  if (nodes.size === 0) return paths;
  using tree = new MountedTree(mountPoint);
  let seen = 0;
  for (const { ino, path } of tree.walk("/", {})) {
    if (nodes.delete(ino)) paths[ino] = path;
    if (nodes.size === 0 || ++seen >= MAX_NAMES) break;
  }
  return paths;
}
