/** `kfsctl top TARGET`: a live view of what a mount does. @module */

import { CommandError } from "../shared/command_error.ts";
import type { CommandLine } from "../shared/command_line.ts";
import type { MountStatus } from "../shared/mount_status.ts";
import type { Subcommand } from "./commands.ts";
import { HELP_OPTION, operandsOf, STATUSES } from "./open_image.ts";
import { type Rates, ratesBetween } from "./rates.ts";
import { askMount } from "./target.ts";
import { Keys, paintFor, Screen } from "./terminal.ts";
import { topText } from "./top_text.ts";

const DEFAULT_SECONDS = 1;
/** How many looks the curve of requests shows. */
const HISTORY = 60;

export const TOP: Subcommand = {
  spec: {
    name: "kfsctl top",
    summary: "Shows live what a mount of kfs does: requests, throughput, times.",
    operands: "TARGET",
    options: [
      {
        name: "interval",
        value: "SECONDS",
        help: `how often to look (default ${DEFAULT_SECONDS})`,
      },
      { name: "once", help: "look once, over one interval, and end" },
      { name: "json", help: "print a line of JSON for each look" },
      HELP_OPTION,
    ],
    notes:
      "q or Ctrl-C ends it. Where standard output is no terminal, each look is printed below " +
      "the one\nbefore.",
  },
  statuses: STATUSES,
  run,
};

async function run(line: CommandLine): Promise<number> {
  const [path] = operandsOf(line, 0, 0, "kfsctl top TARGET");
  const milliseconds = 1000 * secondsOf(line.last("interval"));
  let before = look(path);
  const live = Deno.stdout.isTerminal() && !line.has("json") && !line.has("once");
  using screen = live ? new Screen() : undefined;
  using keys = new Keys(live);
  const history: number[] = [];
  while (!await keys.pressed("q", milliseconds)) {
    const after = look(path);
    const rates = ratesBetween(before, after);
    history.push(rates.requestsPerSecond);
    if (history.length > HISTORY) history.shift();
    show(line, screen, after, rates, history);
    if (line.has("once")) return 0;
    before = after;
  }
  return 0;
}

/** A conversation for each look: one that stays open would keep the mount from being unmounted. */
function look(path: string): MountStatus {
  using client = askMount(path);
  return client.ask<MountStatus>("status");
}

function show(
  line: CommandLine,
  screen: Screen | undefined,
  status: MountStatus,
  rates: Rates,
  history: readonly number[],
): void {
  if (line.has("json")) {
    const { mountPoint, image, pending, health } = status;
    const all = { time: new Date(), mountPoint, image, ...rates, pending, health: health.state };
    return console.log(JSON.stringify(all));
  }
  const size = screen?.size ?? { columns: 80, rows: Number.POSITIVE_INFINITY };
  const text = topText(status, rates, history, size, paintFor());
  if (screen === undefined) console.log(`${text}\n`);
  else screen.draw(text);
}

function secondsOf(text = String(DEFAULT_SECONDS)): number {
  const seconds = text === "" ? Number.NaN : Number(text);
  if (seconds >= 0.1 && seconds <= 3600) return seconds;
  throw new CommandError(`--interval: ${text} is not a number of seconds from 0.1 to 3600`);
}
