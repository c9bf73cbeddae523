/** `kfsctl resize IMAGE [SIZE]`: makes a file system larger or smaller, with its file. @module */

import { minimumSize, resize, type ResizeResult } from "../../mod.ts";
import { formatBytes, parseSize } from "../shared/amount.ts";
import { CommandError } from "../shared/command_error.ts";
import type { CommandLine } from "../shared/command_line.ts";
import { ProgressBar } from "../shared/progress.ts";
import type { Subcommand } from "./commands.ts";
import { editOptions, mustBeUnused } from "./edit_image.ts";
import { COMMON_OPTIONS, JSON_OPTION, openImage, operandsOf, STATUSES } from "./open_image.ts";
import { printable } from "./printable.ts";

export const RESIZE: Subcommand = {
  spec: {
    name: "kfsctl resize",
    summary: "Makes the file system in an image larger or smaller, and the image file with it.",
    operands: "IMAGE [SIZE]",
    options: [
      { letter: "M", help: "make it about as small as it can be" },
      { letter: "P", help: "print about how small it can become; change nothing" },
      { letter: "q", help: "no output" },
      JSON_OPTION,
      ...COMMON_OPTIONS,
    ],
    notes:
      "SIZE is a number of the file system's blocks, or has a suffix: 512M, 2G. Without it the file\n" +
      "system fills the file or device. The image must not be mounted. What is moved is moved\n" +
      "through the journal: a process that is killed leaves a file system that is whole.",
  },
  statuses: STATUSES,
  run: (line) => Promise.resolve(run(line)),
};

function run(line: CommandLine): number {
  const [path, size] = operandsOf(line, 0, 1, "kfsctl resize IMAGE [SIZE]");
  const chosen = [line.has("M"), line.has("P"), size !== undefined].filter(Boolean).length;
  if (chosen > 1) throw new CommandError("only one of SIZE, -M and -P");
  mustBeUnused(path);
  if (line.has("P")) return printMinimum(line, path);
  const wanted = line.has("M")
    ? "minimum"
    : size === undefined
    ? "fill"
    : bytesOf(line, path, size);
  const bar = new ProgressBar(!line.has("json") && !line.has("q"));
  try {
    const result = resize(path, wanted, { ...editOptions(line, path), progress: bar.update });
    bar.clear();
    if (line.has("json")) console.log(JSON.stringify({ image: path, ...result }, undefined, 2));
    else if (!line.has("q")) console.log(text(path, result));
  } finally {
    bar.clear();
  }
  return 0;
}

/** Bare numbers are blocks of the file system. */
function bytesOf(line: CommandLine, path: string, size: string): number {
  const parsed = parseSize(size, "SIZE");
  if ("bytes" in parsed) return parsed.bytes;
  using image = openImage(line, path, true);
  const bytes = parsed.number * image.describe().blockBytes;
  if (!Number.isSafeInteger(bytes)) throw new CommandError(`SIZE: ${size} is too large`);
  return bytes;
}

function printMinimum(line: CommandLine, path: string): number {
  const bytes = minimumSize(path, editOptions(line, path));
  using image = openImage(line, path, true);
  const blocks = bytes / image.describe().blockBytes;
  if (line.has("json")) console.log(JSON.stringify({ image: path, minimumBytes: bytes, blocks }));
  else if (!line.has("q")) {
    console.log(`${printable(path)}: about ${blocks} blocks, ${formatBytes(bytes)}`);
  }
  return 0;
}

function text(path: string, result: ResizeResult): string {
  const { oldBytes, newBytes, newBlocks, groups, stored } = result;
  const shown = printable(path);
  if (stored === "nothing") return `${shown}: ${newBlocks} blocks already; nothing to do`;
  return `${shown}: ${formatBytes(oldBytes)} before, ${
    formatBytes(newBytes)
  } now: ${newBlocks} blocks in ${groups} groups`;
}
