/**
 * What was done, how often, and how long it took, in the text format of Prometheus (version 0.0.4).
 *
 * @module
 */

import { OPCODE, opcodeName } from "../../ffi/fuse/abi.ts";

/** Upper bounds of the histograms' buckets, in microseconds. */
const BOUNDS_US = [
  ...[10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000, 250_000],
  ...[500_000, 1_000_000, 2_500_000, 10_000_000],
];
const MICROSECONDS = 1e6;

/** Of one operation. */
interface Tally {
  /** By bucket, the last for what took longer than all. */
  readonly buckets: Float64Array;
  sumUs: number;
  errors: number;
}

/** Figures of a daemon since its start. */
export class Metrics {
  readonly #tallies = new Map<number, Tally>();
  #bytesRead = 0;
  #bytesWritten = 0;
  #connections = 0;
  #frontEnds = 0;
  #faults = 0;

  /** A request was answered. @param bytes that a READ gave, or a WRITE took. */
  count(opcode: number, error: number, microseconds: number, bytes: number): void {
    let tally = this.#tallies.get(opcode);
    if (tally === undefined) {
      tally = { buckets: new Float64Array(BOUNDS_US.length + 1), sumUs: 0, errors: 0 };
      this.#tallies.set(opcode, tally);
    }
    let bucket = 0;
    while (bucket < BOUNDS_US.length && microseconds > (BOUNDS_US[bucket] ?? 0)) bucket++;
    tally.buckets[bucket] = (tally.buckets[bucket] ?? 0) + 1;
    tally.sumUs += microseconds;
    if (error !== 0) tally.errors++;
    else if (opcode === OPCODE.READ) this.#bytesRead += bytes;
    else if (opcode === OPCODE.WRITE) this.#bytesWritten += bytes;
  }

  /** A front-end has come, or has left. */
  connected(): void {
    this.#connections++;
    this.#frontEnds++;
  }
  disconnected(): void {
    this.#frontEnds--;
  }

  /** A queue was stopped, or a connection closed, for breaking the rules. */
  faulted(): void {
    this.#faults++;
  }

  /** Everything as text. */
  text(): string {
    const lines = [
      ...single("kfsd_front_ends", "gauge", "Front-ends connected now", this.#frontEnds),
      ...single("kfsd_connections_total", "counter", "Front-ends since start", this.#connections),
      ...single(
        "kfsd_faults_total",
        "counter",
        "Queues and connections ended for breaking the rules",
        this.#faults,
      ),
      ...single("kfsd_read_bytes_total", "counter", "Bytes that guests read", this.#bytesRead),
      ...single(
        "kfsd_written_bytes_total",
        "counter",
        "Bytes that guests wrote",
        this.#bytesWritten,
      ),
    ];
    const tallies = [...this.#tallies].map(([opcode, tally]) => {
      return { label: `operation="${opcodeName(opcode).toLowerCase().replace(" ", "_")}"`, tally };
    });
    lines.push(...head("kfsd_request_errors_total", "counter", "Requests that failed"));
    for (const { label, tally } of tallies) {
      lines.push(`kfsd_request_errors_total{${label}} ${tally.errors}`);
    }
    lines.push(...head("kfsd_request_duration_seconds", "histogram", "Requests by operation"));
    for (const { label, tally } of tallies) lines.push(...histogram(label, tally));
    return `${lines.join("\n")}\n`;
  }
}

function histogram(label: string, { buckets, sumUs }: Tally): string[] {
  const name = "kfsd_request_duration_seconds";
  let total = 0;
  const lines = [...buckets].map((count, index) => {
    total += count;
    const bound = BOUNDS_US[index];
    const limit = bound === undefined ? "+Inf" : String(bound / MICROSECONDS);
    return `${name}_bucket{${label},le="${limit}"} ${total}`;
  });
  return [
    ...lines,
    `${name}_sum{${label}} ${sumUs / MICROSECONDS}`,
    `${name}_count{${label}} ${total}`,
  ];
}

function head(name: string, type: string, help: string): string[] {
  return [`# HELP ${name} ${help}.`, `# TYPE ${name} ${type}`];
}

function single(name: string, type: string, help: string, value: number): string[] {
  return [...head(name, type, help), `${name} ${value}`];
}
