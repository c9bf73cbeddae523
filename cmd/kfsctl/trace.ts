/** `kfsctl trace`: records what a mount is asked; tells of a record, and does it again. @module */

import { parseNumber } from "../shared/amount.ts";
import { CommandError } from "../shared/command_error.ts";
import type { CommandLine } from "../shared/command_line.ts";
import { ProgressBar } from "../shared/progress.ts";
import type { Subcommand } from "./commands.ts";
import { columns } from "./printable.ts";
import { formatMicroseconds } from "./latency.ts";
import { HELP_OPTION, JSON_OPTION, STATUSES } from "./open_image.ts";
import { paintFor } from "./terminal.ts";
import { recordTrace } from "./trace_record.ts";
import { openTrace } from "./trace_reader.ts";
import { type Replayed, replayTrace } from "./trace_replay.ts";
import { summarize, summaryText } from "./trace_summary.ts";

const MAX_SECONDS = 30 * 86_400;

export const TRACE: Subcommand = {
  spec: {
    name: "kfsctl trace",
    summary: "Records the requests to a mount of kfs with their times, until Ctrl-C.",
    operands: "TARGET | summary FILE | replay FILE DIRECTORY",
    actions: ["summary", "replay"],
    options: [
      { letter: "o", value: "FILE", help: "write the record to a file, for summary and replay" },
      { name: "seconds", value: "N", help: "end after so many seconds" },
      { name: "pace", help: "replay: keep the times between the requests" },
      JSON_OPTION,
      HELP_OPTION,
    ],
    notes:
      "summary tells of each kind of request how many there were and how long they took, and " +
      "which\nfiles were asked for most. replay does the same again below DIRECTORY, another mount " +
      "for\nexample: names, sizes and their order, with content of its own.",
  },
  statuses: STATUSES,
  run,
};

async function run(line: CommandLine): Promise<number> {
  const [first, ...rest] = line.operands;
  if (first === "summary" && rest.length > 0) return summary(line, rest);
  if (first === "replay" && rest.length > 0) return await replay(line, rest);
  if (first === undefined || rest.length > 0) {
    throw new CommandError(`wanted: kfsctl trace ${TRACE.spec.operands}`);
  }
  if (line.has("pace")) throw new CommandError("--pace is for replay");
  const text = line.last("seconds");
  const seconds = text === undefined ? Infinity : parseNumber(text, "--seconds", 1, MAX_SECONDS);
  await recordTrace(first, { seconds, file: line.last("o"), json: line.has("json") });
  return 0;
}

/** Options of recording make no sense for what was recorded. */
function mustNotRecord(line: CommandLine): void {
  if (line.has("o") || line.has("seconds")) {
    throw new CommandError("-o and --seconds are for recording");
  }
}

function summary(line: CommandLine, [file, ...more]: readonly string[]): number {
  if (file === undefined || more.length > 0) throw new CommandError("wanted: trace summary FILE");
  mustNotRecord(line);
  if (line.has("pace")) throw new CommandError("--pace is for replay");
  const found = summarize(openTrace(file));
  if (line.has("json")) console.log(JSON.stringify(found, undefined, 2));
  else console.log(summaryText(found, paintFor()));
  return 0;
}

async function replay(line: CommandLine, operands: readonly string[]): Promise<number> {
  const [file, directory, ...more] = operands;
  if (file === undefined || directory === undefined || more.length > 0) {
    throw new CommandError("wanted: trace replay FILE DIRECTORY");
  }
  mustNotRecord(line);
  const bar = new ProgressBar(!line.has("json"));
  const done = await replayTrace(openTrace(file), directory, {
    pace: line.has("pace"),
    progress: (count) => bar.update(`${count} requests`, 0, 0),
  });
  bar.clear();
  if (line.has("json")) console.log(JSON.stringify(done, undefined, 2));
  else console.log(replayText(done));
  return 0;
}

function replayText(done: Replayed): string {
  const reasons = Object.entries(done.skipped).map(([why, count]) => `  ${count}: ${why}`);
  const rows = done.operations.map(({ name, count, took, tookThen }) => [
    name,
    String(count),
    formatMicroseconds(took / count),
    formatMicroseconds(tookThen / count),
  ]);
  const table = columns([["operation", "count", "mean", "mean then"], ...rows], new Set([1, 2, 3]));
  const skipped = reasons.length === 0 ? [] : ["left out:", ...reasons];
  const different = Object.entries(done.different).map(([what, count]) => `  ${count}: ${what}`);
  return [
    `${done.done} of ${done.requests} requests done in ${formatMicroseconds(done.microseconds)}, ` +
    `recorded over ${formatMicroseconds(done.microsecondsThen)}`,
    ...skipped,
    ...(different.length === 0 ? [] : ["with another outcome than recorded:", ...different]),
    "",
    table,
  ].join("\n");
}
