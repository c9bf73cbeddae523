/** What a trace tells. @module */

import type { TraceLine } from "../shared/trace_file.ts";
import { formatBytes } from "../shared/amount.ts";
import { formatMicroseconds } from "./latency.ts";
import { columns, printable } from "./printable.ts";
import type { Paint } from "./terminal.ts";
import { TracePaths } from "./trace_paths.ts";
import type { Trace } from "./trace_reader.ts";

const BUSIEST = 10;
/** Times that are kept of one kind of request; beyond that every second one is dropped, and so on. */
const MAX_TIMES = 100_000;

/** One kind of request. Times are microseconds. */
export interface OperationSummary {
  readonly name: string;
  readonly count: number;
  readonly failures: number;
  readonly bytes: number;
  readonly mean: number;
  readonly half: number;
  readonly most99: number;
  readonly longest: number;
}

/** One file. */
export interface FileSummary {
  readonly path: string;
  readonly requests: number;
  readonly readBytes: number;
  readonly writtenBytes: number;
  readonly microseconds: number;
}

/** All of it. */
export interface TraceSummary {
  readonly image: string;
  readonly mountPoint: string;
  readonly started: string;
  readonly microseconds: number;
  readonly requests: number;
  readonly lost: number;
  /** The most frequent first. */
  readonly operations: readonly OperationSummary[];
  /** Those that took most of the time first. */
  readonly files: readonly FileSummary[];
  readonly callers: readonly { readonly pid: number; readonly requests: number }[];
}

/** Reads a trace through. */
export function summarize(trace: Trace): TraceSummary {
  const operations = new Map<string, Tally>();
  const files = new Map<number, { -readonly [Key in keyof FileSummary]: FileSummary[Key] }>();
  const callers = new Map<number, number>();
  const paths = new TracePaths(trace.tail?.paths ?? {});
  let requests = 0;
  let microseconds = trace.tail?.microseconds ?? 0;
  for (const line of trace.requests()) {
    requests++;
    microseconds = Math.max(microseconds, line.at + line.took);
    tallyOf(operations, line.operation).add(line);
    callers.set(line.callerPid, (callers.get(line.callerPid) ?? 0) + 1);
    paths.follow(line);
    const file = files.get(line.node) ??
      { path: "", requests: 0, readBytes: 0, writtenBytes: 0, microseconds: 0 };
    files.set(line.node, file);
    file.path = paths.of(line.node) ?? (file.path || `node ${line.node}`);
    file.requests++;
    file.microseconds += line.took;
    if (line.operation === "READ") file.readBytes += Math.max(0, line.result);
    if (line.operation === "WRITE" && line.result >= 0) file.writtenBytes += line.size ?? 0;
  }
  const { image, mountPoint, started } = trace.head;
  return {
    ...{ image, mountPoint, started, microseconds, requests, lost: trace.tail?.lost ?? 0 },
    operations: [...operations].map(([name, tally]) => tally.summary(name))
      .sort((a, b) => b.count - a.count),
    files: [...files.values()].sort((a, b) => b.microseconds - a.microseconds).slice(0, BUSIEST),
    callers: [...callers].map(([pid, count]) => ({ pid, requests: count }))
      .sort((a, b) => b.requests - a.requests).slice(0, BUSIEST),
  };
}

function tallyOf(tallies: Map<string, Tally>, name: string): Tally {
  const tally = tallies.get(name) ?? new Tally();
  tallies.set(name, tally);
  return tally;
}

/** Adds up one kind of request. */
class Tally {
  #count = 0;
  #failures = 0;
  #bytes = 0;
  #sum = 0;
  #longest = 0;
  #every = 1;
  #times: number[] = [];

  add({ operation, result, size, took }: TraceLine): void {
    if (this.#count++ % this.#every === 0) this.#times.push(took);
    if (this.#times.length > MAX_TIMES) {
      this.#times = this.#times.filter((_, index) => index % 2 === 0);
      this.#every *= 2;
    }
    if (result < 0) this.#failures++;
    else if (operation === "READ") this.#bytes += result;
    else if (operation === "WRITE") this.#bytes += size ?? 0;
    this.#sum += took;
    this.#longest = Math.max(this.#longest, took);
  }

  summary(name: string): OperationSummary {
    const times = this.#times.sort((a, b) => a - b);
    const atShare = (share: number): number => times[Math.ceil(share * times.length) - 1] ?? 0;
    return {
      ...{ name, count: this.#count, failures: this.#failures, bytes: this.#bytes },
      mean: this.#sum / this.#count,
      half: atShare(0.5),
      most99: atShare(0.99),
      longest: this.#longest,
    };
  }
}

/** For people. */
export function summaryText(summary: TraceSummary, paint: Paint): string {
  const { operations, files, lost } = summary;
  const rows = operations.map((operation) => [
    operation.name,
    operation.count.toLocaleString("en"),
    operation.failures === 0 ? "" : operation.failures.toLocaleString("en"),
    operation.bytes === 0 ? "" : formatBytes(operation.bytes),
    ...[operation.mean, operation.half, operation.most99, operation.longest]
      .map(formatMicroseconds),
  ]);
  const head = ["operation", "count", "failed", "bytes", "mean", "half", "99 %", "longest"];
  const fileRows = files.map((file) => [
    file.requests.toLocaleString("en"),
    formatMicroseconds(file.microseconds),
    formatBytes(file.readBytes),
    formatBytes(file.writtenBytes),
    printable(file.path),
  ]);
  const fileHead = ["requests", "time", "read", "written", "busiest files and directories"];
  return [
    `${summary.requests.toLocaleString("en")} requests to ${printable(summary.mountPoint)} ` +
    `(${printable(summary.image)}) in ${formatMicroseconds(summary.microseconds)}` +
    (lost === 0 ? "" : `; ${lost.toLocaleString("en")} more were lost`),
    "",
    table(head, rows, new Set([1, 2, 3, 4, 5, 6, 7]), paint),
    "",
    table(fileHead, fileRows, new Set([0, 1, 2, 3]), paint),
  ].join("\n");
}

function table(head: string[], rows: string[][], right: ReadonlySet<number>, paint: Paint): string {
  const [first = "", ...others] = columns([head, ...rows], right).split("\n");
  return [paint(first, "bold"), ...others].join("\n");
}
