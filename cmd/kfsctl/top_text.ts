/** What `kfsctl top` shows. @module */

import { formatBytes } from "../shared/amount.ts";
import type { MountStatus } from "../shared/mount_status.ts";
import { bars, formatMicroseconds, quantile } from "./latency.ts";
import { columns, printable } from "./printable.ts";
import type { OperationRate, Rates } from "./rates.ts";
import type { Paint, Size } from "./terminal.ts";

/** Buckets that are drawn: up to half a second. */
const DRAWN_BUCKETS = 20;
const SHARE_WIDTH = 8;

/** A screenful: `size.rows` lines at most, of `size.columns` characters at most but for styles. */
export function topText(
  status: MountStatus,
  rates: Rates,
  history: readonly number[],
  size: Size,
  paint: Paint,
): string {
  const head = [
    title(status, size.columns, paint),
    cut(throughput(status, rates), size.columns),
    cut(state(status, rates), size.columns),
    cut(`requests  ${curve(history, Math.max(10, size.columns - 10))}`, size.columns),
    "",
  ];
  const [first = "", ...rows] = table(rates).split("\n").map((line) => cut(line, size.columns));
  const room = Math.max(1, size.rows - head.length - 1);
  const idle = rates.operations.length === 0 ? ["nothing was asked for"] : [];
  return [...head, paint(first, "bold"), ...rows.slice(0, room - 1), ...idle].join("\n");
}

function title({ mountPoint, image, mountedAt, health }: MountStatus, width: number, paint: Paint) {
  const upSeconds = Math.max(0, Math.floor((Date.now() - new Date(mountedAt).getTime()) / 1000));
  const left = `${printable(mountPoint)}  (${printable(image)})`;
  const right = `up ${duration(upSeconds)}  `;
  const room = Math.max(1, width - right.length - health.state.length - 2);
  const style = health.state === "good" ? "green" : health.state === "errors" ? "yellow" : "red";
  return `${paint(cut(left, room).padEnd(room), "bold")}  ${right}${paint(health.state, style)}`;
}

function throughput(status: MountStatus, rates: Rates): string {
  return `${rate(rates.requestsPerSecond)} requests/s, ${status.waiting} waiting   ` +
    `read ${formatBytes(Math.round(rates.readBytesPerSecond))}/s   ` +
    `write ${formatBytes(Math.round(rates.writtenBytesPerSecond))}/s   ` +
    `fsync ${rate(rates.syncsPerSecond)}/s`;
}

function state({ volume, journal, pending }: MountStatus, rates: Rates): string {
  const usedBytes = volume.usableBytes - volume.freeBytes;
  const cache = rates.cacheHits === null ? "idle" : `${(rates.cacheHits * 100).toFixed(1)} %`;
  const log = journal === null
    ? "no journal"
    : `journal ${percent(journal.usedBytes, journal.bytes)}, ${
      rate(rates.commitsPerSecond)
    } commits/s`;
  return `${percent(usedBytes, volume.usableBytes)} of ${formatBytes(volume.usableBytes)} used  ` +
    `unwritten ${formatBytes(pending.bytes)}  ${log}  cache ${cache}`;
}

function table(rates: Rates): string {
  const head = ["operation", "/s", "failed/s", "mean", "99 %", "busy", "", "times: 1 µs to ½ s"];
  const rows = rates.operations.map((operation) => [
    operation.name,
    rate(operation.perSecond),
    operation.failuresPerSecond === 0 ? "" : rate(operation.failuresPerSecond),
    ...timesOf(operation),
    `${Math.round(100 * operation.share)} %`,
    "▉".repeat(Math.min(SHARE_WIDTH, Math.round(operation.share * SHARE_WIDTH)))
      .padEnd(SHARE_WIDTH),
    bars(operation.histogram, DRAWN_BUCKETS),
  ]);
  return columns([head, ...rows], new Set([1, 2, 3, 4, 5]));
}

function timesOf({ mean, histogram }: OperationRate): string[] {
  if (mean === 0) return ["", ""];
  return [formatMicroseconds(mean), formatMicroseconds(quantile(histogram, 0.99))];
}

/** The newest at the right. */
function curve(history: readonly number[], width: number): string {
  return bars(history.slice(-width).map(Math.round), Math.min(width, history.length)).padStart(
    Math.min(width, 60),
  );
}

function rate(value: number): string {
  if (value > 0 && value < 9.95) return value.toFixed(1);
  return Math.round(value).toLocaleString("en");
}

function percent(part: number, all: number): string {
  return `${all === 0 ? 0 : Math.round(100 * part / all)} %`;
}

function duration(seconds: number): string {
  const two = (value: number): string => String(Math.floor(value)).padStart(2, "0");
  const days = Math.floor(seconds / 86_400);
  const clock = `${two((seconds % 86_400) / 3600)}:${two((seconds % 3600) / 60)}:${
    two(seconds % 60)
  }`;
  return days === 0 ? clock : `${days} d ${clock}`;
}

function cut(line: string, width: number): string {
  return [...line].length <= width ? line : [...line].slice(0, width).join("");
}
