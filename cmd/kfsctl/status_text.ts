/** What `kfsctl status` prints. @module */

import type { ImageDescription } from "../../mod.ts";
import { formatBytes } from "../shared/amount.ts";
import type { CacheStatus, MountStatus, OperationStatus } from "../shared/mount_status.ts";
import { bars, formatMicroseconds, quantile } from "./latency.ts";
import { columns, printable, timeText } from "./printable.ts";
import type { Paint } from "./terminal.ts";

type Row = readonly [name: string, value: string];

/** Buckets that are drawn: up to half a second. */
const DRAWN_BUCKETS = 20;

/** An image that is not mounted. */
export function imageText(
  path: string,
  image: ImageDescription,
  snapshots: readonly { name: string; damaged: boolean }[],
): string {
  const rows: Row[] = [
    ["image", printable(path)],
    ...identity(image),
    ["state", stateText(image)],
    ...space(image),
    ["journal", image.journalBytes === 0 ? "none" : formatBytes(image.journalBytes)],
    ["snapshots", snapshotsText(snapshots)],
    ...format(image),
    [
      "mounted",
      `${time(image.lastMounted)}${
        image.lastMountPoint === "" ? "" : ` on ${printable(image.lastMountPoint)}`
      }, ${image.mountCount} times since the last check`,
    ],
    ...history(image),
  ];
  return columns(rows, new Set());
}

/** A mount. */
export function mountText(status: MountStatus, paint: Paint): string {
  const { volume, pending, caches } = status;
  const pid = `by process ${status.pid}, kfs ${status.version}, ${formatBytes(status.memoryBytes)}`;
  const rows: Row[] = [
    ["image", printable(status.image)],
    ["mounted", `on ${printable(status.mountPoint)}, since ${time(status.mountedAt)}, ${pid}`],
    ["options", printable(status.options.join(","))],
    ["health", healthText(status, paint)],
    ...identity(volume),
    ...space(volume),
    ["journal", journalText(status)],
    [
      "unwritten",
      `${count(pending.blocks, "block")} of metadata (${formatBytes(pending.bytes)}), ` +
      `${count(pending.commitsUnderWay, "commit")} under way, ` +
      `${count(pending.orphans, "file")} open without a name`,
    ],
    ["snapshots", snapshotsText(status.snapshots)],
    ["block cache", `${cacheText(caches.blocks)}, of ${formatBytes(caches.limitBytes)}`],
    ["inode cache", cacheText(caches.inodes)],
    ...format(volume),
    ...history(volume),
    [
      "requests",
      `${number(status.requests)}, ${status.waiting} waiting; ` +
      `${formatBytes(status.readBytes)} read, ${formatBytes(status.writtenBytes)} written`,
    ],
    [
      "fsync",
      `${number(status.fsync.requests)} asked for, answered by ${
        count(status.fsync.commits, "commit")
      }`,
    ],
    ...status.jobs.filter(({ state }) => state === "running").map((job): Row => [
      "job",
      `${job.id}: ${job.name}, ${job.progress.done} of ${job.progress.total}`,
    ]),
  ];
  const table = operationsTable(status.operations, paint);
  const notes = status.health.messages.map((message) => `  ${printable(message)}`);
  const messages = notes.length === 0
    ? ""
    : `\n\n${paint("messages", "bold")}\n${notes.join("\n")}`;
  return `${columns(rows, new Set())}\n\n${table}${messages}`;
}

/** A line for each kind of request: how many, how long they took. */
export function operationsTable(operations: readonly OperationStatus[], paint: Paint): string {
  const head = ["operation", "count", "failed", "mean", "half", "99 %", "longest"];
  const scale = `1 µs ${"·".repeat(DRAWN_BUCKETS - 9)} ½ s`;
  const rows = operations.map((operation) => [
    operation.name,
    number(operation.count),
    operation.failures === 0 ? "" : number(operation.failures),
    ...timesOf(operation),
    bars(operation.histogram, DRAWN_BUCKETS),
  ]);
  const all = [[...head, scale], ...rows];
  const [first = "", ...others] = columns(all, new Set([1, 2, 3, 4, 5, 6])).split("\n");
  return [paint(first, "bold"), ...others].join("\n");
}

function timesOf({ timed, microseconds, histogram, longest }: OperationStatus): string[] {
  if (timed === 0) return ["", "", "", ""];
  const atShare = (share: number): number => Math.min(longest, quantile(histogram, share));
  return [microseconds / timed, atShare(0.5), atShare(0.99), longest].map(formatMicroseconds);
}

function identity(image: ImageDescription): Row[] {
  return [
    ["label", image.label === "" ? "none" : printable(image.label)],
    ["UUID", image.uuid],
  ];
}

function space(image: ImageDescription): Row[] {
  const reserved = formatBytes(Math.max(0, image.freeBytes - image.availableBytes));
  return [
    ["size", `${formatBytes(image.bytes)} in blocks of ${formatBytes(image.blockBytes)}`],
    ["used", used(image.usableBytes - image.freeBytes, image.usableBytes, formatBytes)],
    ["free", `${formatBytes(image.freeBytes)}, of these ${reserved} for root only`],
    ["inodes", used(image.inodes - image.freeInodes, image.inodes, number)],
    ["directories", number(image.directories)],
  ];
}

function format(image: ImageDescription): Row[] {
  return [
    [
      "groups",
      `${number(image.groups)}, each of ${number(image.blocksPerGroup)} blocks, ` +
      `${number(image.inodesPerGroup)} inodes of ${image.inodeBytes} bytes`,
    ],
    ["features", image.features.join(" ")],
    ["made", time(image.created)],
  ];
}

function history(image: ImageDescription): Row[] {
  return [
    ["written", `${time(image.lastWritten)}, ${formatBytes(image.writtenBytes)} in all`],
    ["checked", time(image.lastChecked)],
  ];
}

function journalText({ journal }: MountStatus): string {
  if (journal === null) return "none";
  const where = journal.external ? ", on another device" : "";
  const free = formatBytes(journal.bytes - journal.usedBytes);
  const done = `${count(journal.commits, "commit")} of ${
    count(journal.transactions, "transaction")
  }`;
  const state = journal.aborted === null ? "" : `; given up: ${printable(journal.aborted)}`;
  return `${formatBytes(journal.bytes)}${where}, ${free} free; ${done}, ` +
    `${formatBytes(journal.logBytes)} logged${state}`;
}

function snapshotsText(snapshots: readonly { name: string; damaged: boolean }[]): string {
  if (snapshots.length === 0) return "none";
  const damaged = snapshots.filter((one) => one.damaged).length;
  const newest = printable(snapshots.at(-1)?.name ?? "");
  const bad = damaged === 0 ? "" : `, ${number(damaged)} of them damaged`;
  return `${number(snapshots.length)}${bad}; the newest is ${newest}`;
}

function healthText({ health }: MountStatus, paint: Paint): string {
  const errors = health.errorCount === 0
    ? ""
    : `, ${count(health.errorCount, "error")} recorded: run kfsctl check`;
  switch (health.state) {
    case "good":
      return paint(`good${errors}`, errors === "" ? "green" : "yellow");
    case "errors":
      return paint(`damaged${errors}`, "yellow");
    case "read-only":
      return paint(`made read-only by an error${errors}`, "red");
    case "stopped":
      return paint(`stopped: ${printable(health.stopped)}${errors}`, "red");
  }
}

function cacheText({ hits, misses, count: kept, limit }: CacheStatus): string {
  const asked = hits + misses;
  const rate = asked === 0 ? "" : ` (${(Math.floor(1000 * hits / asked) / 10).toFixed(1)} %)`;
  return `${number(hits)} hits of ${number(asked)}${rate}; ${number(kept)} kept of ${
    number(limit)
  }`;
}

function used(part: number, all: number, form: (value: number) => string): string {
  const percent = all === 0 ? 0 : Math.round(100 * part / all);
  return `${form(part)} of ${form(all)} (${percent} %)`;
}

function stateText(image: ImageDescription): string {
  const errors = image.hasErrors
    ? `, with errors (${image.errorCount} recorded): run kfsctl check`
    : "";
  return `${image.inUse ? "not closed cleanly" : "clean"}${errors}`;
}

/** From a mount, dates come as texts. */
function time(date: Date | string | null): string {
  return date === null ? "never" : `${timeText(new Date(date))} UTC`;
}

function number(value: number): string {
  return value.toLocaleString("en");
}

function count(value: number, noun: string): string {
  return `${number(value)} ${noun}${value === 1 ? "" : "s"}`;
}
