/** `kfsctl status IMAGE`: what kind of file system it is, and how full. @module */

import type { ImageDescription } from "../../mod.ts";
import { formatBytes } from "../shared/amount.ts";
import type { CommandLine } from "../shared/command_line.ts";
import type { Subcommand } from "./commands.ts";
import { COMMON_OPTIONS, JSON_OPTION, openImage, operandsOf, STATUSES } from "./open_image.ts";
import { columns, printable, timeText } from "./printable.ts";

export const STATUS: Subcommand = {
  spec: {
    name: "kfsctl status",
    summary: "Shows what kind of file system an image holds, its state, and how full it is.",
    operands: "IMAGE",
    options: [JSON_OPTION, ...COMMON_OPTIONS],
    notes: "A journal that waits for its replay is looked at as if it had been replayed.",
  },
  statuses: STATUSES,
  run: (line) => Promise.resolve(run(line)),
};

function run(line: CommandLine): number {
  const [path] = operandsOf(line, 0, 0, "kfsctl status IMAGE");
  using image = openImage(line, path, true);
  const description = image.describe();
  if (line.has("json")) console.log(JSON.stringify({ image: path, ...description }, undefined, 2));
  else console.log(text(path, description));
  return 0;
}

function text(path: string, image: ImageDescription): string {
  const time = (date: Date | null): string => date === null ? "never" : `${timeText(date)} UTC`;
  const rows = [
    ["image", printable(path)],
    ["label", image.label === "" ? "none" : printable(image.label)],
    ["UUID", image.uuid],
    ["state", stateText(image)],
    ["size", `${formatBytes(image.bytes)} in blocks of ${formatBytes(image.blockBytes)}`],
    ["used", used(image.usableBytes - image.freeBytes, image.usableBytes, formatBytes)],
    [
      "free",
      `${formatBytes(image.freeBytes)}, of these ${
        formatBytes(
          Math.max(0, image.freeBytes - image.availableBytes),
        )
      } for root only`,
    ],
    ["inodes", used(image.inodes - image.freeInodes, image.inodes, (n) => n.toLocaleString("en"))],
    ["directories", image.directories.toLocaleString("en")],
    ["journal", image.journalBytes === 0 ? "none" : formatBytes(image.journalBytes)],
    [
      "groups",
      `${image.groups.toLocaleString("en")}, each of ` +
      `${image.blocksPerGroup.toLocaleString("en")} blocks, ` +
      `${image.inodesPerGroup.toLocaleString("en")} inodes of ${image.inodeBytes} bytes`,
    ],
    ["features", image.features.join(" ")],
    ["made", time(image.created)],
    [
      "mounted",
      `${time(image.lastMounted)}${
        image.lastMountPoint === "" ? "" : ` on ${printable(image.lastMountPoint)}`
      }, ${image.mountCount} times since the last check`,
    ],
    ["written", `${time(image.lastWritten)}, ${formatBytes(image.writtenBytes)} in all`],
    ["checked", time(image.lastChecked)],
  ];
  return columns(rows, new Set());
}

function used(count: number, all: number, format: (value: number) => string): string {
  const percent = all === 0 ? 0 : Math.round(100 * count / all);
  return `${format(count)} of ${format(all)} (${percent} %)`;
}

function stateText(image: ImageDescription): string {
  const errors = image.hasErrors
    ? `, with errors (${image.errorCount} recorded): run kfsctl check`
    : "";
  return `${image.inUse ? "not closed cleanly" : "clean"}${errors}`;
}
