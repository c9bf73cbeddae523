/** `kfsctl defrag TARGET [PATH]`: brings the pieces of files together. @module */

import type { TreeProgress, TreeReport } from "../../mod.ts";
import { statusOf } from "../../ffi/libc/status.ts";
import { formatBytes, parseNumber } from "../shared/amount.ts";
import type { CommandLine } from "../shared/command_line.ts";
import { ProgressBar } from "../shared/progress.ts";
import type { Subcommand } from "./commands.ts";
import { MountClient } from "./mount_client.ts";
import {
  absolute,
  COMMON_OPTIONS,
  JSON_OPTION,
  offsetOf,
  openImage,
  operandsOf,
  STATUSES,
} from "./open_image.ts";
import { columns, printable } from "./printable.ts";
import { findTarget } from "./target.ts";

const USUAL_FILES = 10;
const MOST_FILES = 10_000;
/** Interrupted: 128 and the signal's number. */
const INTERRUPTED_STATUS = 130;
/** How often a signal is looked for. */
const LOOK_MS = 50;
const WORDS = { looking: "Looking at files", moving: "Moving" } as const;

export const DEFRAG: Subcommand = {
  spec: {
    name: "kfsctl defrag",
    summary:
      "Brings the pieces of files together, in a mount of kfs or in an image, and says what " +
      "came of it.",
    operands: "TARGET [PATH]",
    options: [
      { letter: "n", name: "dry-run", help: "only tell which files are in pieces" },
      {
        letter: "f",
        name: "force",
        help: "also while there are snapshots, which hold the old places",
      },
      { name: "files", value: "N", help: `list N files, the most extents first (${USUAL_FILES})` },
      JSON_OPTION,
      ...COMMON_OPTIONS,
    ],
    notes: "TARGET is an image, or a mount point or path in a mount, which goes on working\n" +
      "meanwhile; PATH a file or directory in an image. Ctrl-C ends the work where it is: what was\n" +
      "moved stays moved, and the image is whole.",
  },
  statuses: STATUSES,
  run,
};

/** What came of it, and whether it was ended early. */
interface Outcome {
  readonly report: TreeReport;
  readonly interrupted: boolean;
}

async function run(line: CommandLine): Promise<number> {
  const [text, path = "/"] = operandsOf(line, 0, 1, "kfsctl defrag TARGET [PATH]");
  const filesText = line.last("files");
  const listed = filesText === undefined
    ? USUAL_FILES
    : parseNumber(filesText, "--files", 0, MOST_FILES);
  const target = findTarget(text, offsetOf(line));
  const { report, interrupted } = target.kind === "mount"
    ? await throughMount(line, target.mountPoint, inMount(target, path), listed)
    : await inImage(line, text, absolute(path), listed);
  const dryRun = line.has("n");
  if (line.has("json")) {
    console.log(JSON.stringify({ target: text, dryRun, interrupted, ...report }, undefined, 2));
  } else console.log(textOf(report, dryRun));
  return interrupted ? INTERRUPTED_STATUS : 0;
}

function inMount({ inside }: { readonly inside: string }, path: string): string {
  return path === "/" ? inside : `${inside === "/" ? "" : inside}${absolute(path)}`;
}

async function throughMount(
  line: CommandLine,
  mountPoint: string,
  path: string,
  listed: number,
): Promise<Outcome> {
  const { ino } = statusOf(`${mountPoint}${path}`);
  const bar = new ProgressBar(!line.has("json"));
  using client = new MountClient(mountPoint);
  try {
    const args = { ino, path, dryRun: line.has("n"), force: line.has("f"), listed };
    const report = await client.runJob<TreeReport>("defrag", args, ({ done, total, text }) => {
      bar.update(text === "moving" ? WORDS.moving : WORDS.looking, done, total);
    });
    return { report, interrupted: false };
  } finally {
    bar.clear();
  }
}

async function inImage(
  line: CommandLine,
  imagePath: string,
  path: string,
  listed: number,
): Promise<Outcome> {
  const dryRun = line.has("n");
  let interrupted = false;
  const stop = (): void => void (interrupted = true);
  const signals = ["SIGINT", "SIGTERM"] as const;
  for (const signal of signals) Deno.addSignalListener(signal, stop);
  const bar = new ProgressBar(!line.has("json"));
  try {
    using image = openImage(line, imagePath, dryRun);
    const report = await inTurns(
      image.defragmentAll(path, { dryRun, force: line.has("f"), listed }),
      ({ step, done, total }) => bar.update(WORDS[step], done, total),
      () => interrupted,
    );
    return { report, interrupted };
  } finally {
    bar.clear();
    for (const signal of signals) Deno.removeSignalListener(signal, stop);
  }
}

/** Lets signals in between the steps. */
async function inTurns(
  work: Generator<TreeProgress, TreeReport>,
  report: (progress: TreeProgress) => void,
  ended: () => boolean,
): Promise<TreeReport> {
  let looked = Date.now();
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
    report(step.value);
    if (Date.now() - looked >= LOOK_MS) {
      await new Promise((resolve) => setTimeout(resolve, 0));
      looked = Date.now();
    }
    if (ended()) return step.value.report;
  }
}

function textOf(report: TreeReport, dryRun: boolean): string {
  const number = (value: number): string => value.toLocaleString("en");
  const parts = [
    `${number(report.files)} files: ${number(report.extentsBefore)} extents, ` +
    `${number(report.idealExtents)} would do; ` +
    `${number(report.fragmentedBefore)} files in more pieces than they need`,
  ];
  if (report.listed.length > 0) {
    const head = ["before", ...(dryRun ? [] : ["after"]), "ideal", "size", "file"];
    const rows = report.listed.map(({ path, bytes, ideal, before, after }) => [
      number(before),
      ...(dryRun ? [] : [number(after)]),
      number(ideal),
      formatBytes(bytes),
      printable(path),
    ]);
    parts.push(columns([head, ...rows], new Set([0, 1, 2, ...(dryRun ? [] : [3])])));
  }
  if (!dryRun) {
    parts.push(
      `${formatBytes(report.movedBytes)} moved: ${number(report.extentsAfter)} extents now, ` +
        `${number(report.fragmentedAfter)} files in more pieces than they need`,
    );
  }
  if (report.failed > 0) parts.push(`${number(report.failed)} damaged files: run kfsctl check`);
  return parts.join("\n");
}
