/** `kfsctl log FILE`: the versions of a file, and letting go of them. @module */

import type { Pruned, VersionSummary } from "../../mod.ts";
import { formatBytes, parseNumber } from "../shared/amount.ts";
import { CommandError } from "../shared/command_error.ts";
import type { CommandLine } from "../shared/command_line.ts";
import type { Subcommand } from "./commands.ts";
import { COMMON_OPTIONS, JSON_OPTION, openImage, STATUSES } from "./open_image.ts";
import { columns, printable, timeText } from "./printable.ts";
import { askForFile, type FileTarget, fileTarget } from "./version_target.ts";

const WORDS = "kfsctl log FILE, or IMAGE PATH";
const MOST_NUMBER = 999_999_999;

export const LOG: Subcommand = {
  spec: {
    name: "kfsctl log",
    summary: "Lists the versions of a file that kfsctl add kept, the newest first.",
    operands: "FILE | IMAGE PATH",
    options: [
      { name: "prune", value: "N", help: "let go of all but the N newest" },
      { name: "delete", value: "VERSION", help: "let go of one" },
      JSON_OPTION,
      ...COMMON_OPTIONS,
    ],
    notes:
      "changed: content that the version before does not have; alone: content that no other\n" +
      "version has, which is freed with it. Times are in UTC.",
  },
  statuses: STATUSES,
  run,
};

type Which = { readonly keep: number } | { readonly remove: number };

async function run(line: CommandLine): Promise<number> {
  const target = fileTarget(line, 0, WORDS);
  const which = whichOf(line);
  if (which === undefined) {
    const versions = await list(line, target);
    if (line.has("json")) console.log(JSON.stringify(versions, undefined, 2));
    else console.log(textOf(versions));
    return 0;
  }
  const pruned = await prune(line, target, which);
  if (line.has("json")) console.log(JSON.stringify(pruned));
  else {
    const removed = pruned.removed.length === 0 ? "none" : pruned.removed.join(", ");
    console.log(`${printable(target.path)}: ${removed} removed, ${pruned.kept.length} kept`);
  }
  return 0;
}

function whichOf(line: CommandLine): Which | undefined {
  const [keep, remove] = [line.last("prune"), line.last("delete")];
  if (keep !== undefined && remove !== undefined) {
    throw new CommandError("--prune and --delete exclude each other");
  }
  if (keep !== undefined) return { keep: parseNumber(keep, "--prune", 0, MOST_NUMBER) };
  if (remove !== undefined) return { remove: parseNumber(remove, "--delete", 1, MOST_NUMBER) };
  return undefined;
}

async function list(line: CommandLine, target: FileTarget): Promise<VersionSummary[]> {
  if (target.kind === "mount") return await askForFile(line, target, "version.log", {}, "Reading");
  using image = openImage(line, target.image, true);
  return image.versions(target.path);
}

async function prune(line: CommandLine, target: FileTarget, which: Which): Promise<Pruned> {
  if (target.kind === "mount") {
    return await askForFile(line, target, "version.prune", which, "Removing");
  }
  using image = openImage(line, target.image, false);
  return image.pruneVersions(target.path, which);
}

function textOf(versions: readonly VersionSummary[]): string {
  const rows = versions.toReversed().map((version) => [
    String(version.number),
    timeText(new Date(version.time.seconds * 1000)),
    formatBytes(version.size),
    formatBytes(version.changedBytes),
    formatBytes(version.aloneBytes),
    remarks(version),
  ]);
  const head = ["version", "kept", "size", "changed", "alone", ""];
  return columns([head, ...rows], new Set([0, 2, 3, 4]));
}

function remarks({ note, changed, path }: VersionSummary): string {
  const others = changed.filter((what) => what !== "size" && what !== "path");
  const parts = [
    ...(note === "" ? [] : [printable(note)]),
    ...(others.length === 0 ? [] : [`${others.join(", ")} changed`]),
    ...(changed.includes("path") ? [`renamed to ${printable(path)}`] : []),
  ];
  return parts.join("; ");
}
