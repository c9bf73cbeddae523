/** `kfsctl frag TARGET`: how files and free space are fragmented, and a map of the disk. @module */

import { formatBytes, parseNumber } from "../shared/amount.ts";
import { CommandError } from "../shared/command_error.ts";
import type { CommandLine } from "../shared/command_line.ts";
import type { Subcommand } from "./commands.ts";
import { htmlMap, LISTED_FILES, svgMap, terminalMap } from "./disk_map.ts";
import { COMMON_OPTIONS, JSON_OPTION, operandsOf, STATUSES } from "./open_image.ts";
import { columns, printable } from "./printable.ts";
import type { Survey } from "../shared/survey.ts";
import { surveyOf } from "./survey.ts";

/** Files listed unless --files says otherwise. */
const USUAL_FILES = 10;
/** Parts of the map in a file. */
const FILE_CELLS = 4096;
/** Lines of the map in a terminal. */
const MAP_LINES = 16;
const MAX_FILES = 100_000;

export const FRAG: Subcommand = {
  spec: {
    name: "kfsctl frag",
    summary: "Shows how files and free space are fragmented (as filefrag and e2freefrag), " +
      "and draws a map of the disk.",
    operands: "TARGET",
    options: [
      { name: "files", value: "N", help: `list N files, the most extents first (${USUAL_FILES})` },
      { name: "map", help: "draw the disk in the terminal" },
      { name: "svg", value: "FILE", help: "write the map as an SVG picture" },
      { name: "html", value: "FILE", help: "write the map as an HTML page of its own" },
      JSON_OPTION,
      ...COMMON_OPTIONS,
    ],
  },
  statuses: STATUSES,
  run,
};

async function run(line: CommandLine): Promise<number> {
  const [path] = operandsOf(line, 0, 0, "kfsctl frag TARGET");
  const filesText = line.last("files");
  const files = filesText === undefined
    ? USUAL_FILES
    : parseNumber(filesText, "--files", 0, MAX_FILES);
  const width = terminalWidth();
  const drawn = line.has("svg") || line.has("html");
  const cells = drawn ? FILE_CELLS : width * MAP_LINES;
  const found = await surveyOf(line, path, cells, Math.max(files, LISTED_FILES));
  write(line.last("svg"), () => svgMap(found));
  write(line.last("html"), () => htmlMap(path, found));
  if (line.has("json")) console.log(JSON.stringify(plain(path, found, files), undefined, 2));
  else if (!drawn || line.has("map")) console.log(text(found, files, line.has("map"), width));
  return 0;
}

function write(file: string | undefined, content: () => string): void {
  if (file === undefined) return;
  try {
    Deno.writeTextFileSync(file, content());
  } catch (error) {
    throw new CommandError(`${file}: ${error instanceof Error ? error.message : error}`);
  }
}

function terminalWidth(): number {
  try {
    return Math.max(20, Math.min(200, Deno.consoleSize().columns));
  } catch {
    return 80;
  }
}

function totals({ fileCount, fragmentedFiles, extents }: Survey) {
  return { files: fileCount, fragmentedFiles, extents };
}

function text(found: Survey, wanted: number, map: boolean, width: number): string {
  const { files, fragmentedFiles, extents } = totals(found);
  const percent = files === 0 ? 0 : Math.round(100 * fragmentedFiles / files);
  const parts = [
    `${files.toLocaleString("en")} files and directories with blocks, ` +
    `${extents.toLocaleString("en")} extents; ` +
    `${fragmentedFiles.toLocaleString("en")} (${percent} %) in more than one piece`,
  ];
  const listed = found.worst.slice(0, wanted);
  if (listed.length > 0) {
    const rows = listed.map(({ ino, path, extents, bytes }) => [
      String(extents),
      formatBytes(bytes),
      printable(path ?? `inode ${ino}`),
    ]);
    parts.push(columns([["extents", "size", "file"], ...rows], new Set([0, 1])));
  }
  parts.push(freeText(found));
  if (map) parts.push(terminalMap(found, width));
  return parts.join("\n\n");
}

function freeText(found: Survey): string {
  const { freeBytes } = found.description;
  const rows = found.freeClasses.map(({ fromBytes, runs, bytes }) => [
    formatBytes(fromBytes),
    runs.toLocaleString("en"),
    formatBytes(bytes),
    `${(100 * bytes / Math.max(1, freeBytes)).toFixed(1)} %`,
    "#".repeat(Math.round(40 * bytes / Math.max(1, freeBytes))),
  ]);
  const head = `free: ${formatBytes(freeBytes)} in ${found.freeRuns.toLocaleString("en")} runs, ` +
    `the largest of ${formatBytes(found.largestFreeBytes)}`;
  if (rows.length === 0) return head;
  const table = columns(
    [["runs from", "count", "bytes", "share", ""], ...rows],
    new Set([0, 1, 2, 3]),
  );
  return `${head}\n${table}`;
}

function plain(path: string, found: Survey, wanted: number): unknown {
  const { freeClasses, freeRuns, largestFreeBytes, description } = found;
  return {
    image: path,
    ...totals(found),
    mostFragmented: found.worst.slice(0, wanted),
    free: {
      bytes: description.freeBytes,
      runs: freeRuns,
      largestBytes: largestFreeBytes,
      classes: freeClasses,
    },
  };
}
