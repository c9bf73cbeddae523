/**
 * `deno task crash [--states N] [--seed S] [--workload W] [--shape X] [--mode M] [--steps N] [--index I]`:
 * tries crash states, 100,000 unless told otherwise; with an index just that one, seen by every judge.
 *
 * @module
 */

import { kernelExt4 } from "../harness/mount.ts";
import { endWith, oneOf, readTaskLine, wholeNumber } from "../harness/task_line.ts";
import { DATA_MODES } from "./data_mode.ts";
import type { JudgeShares } from "./judges.ts";
import { type RunOptions, runStates, summary } from "./runs.ts";
import { SHAPES } from "./shapes.ts";
import { WORKLOADS } from "./workloads.ts";

const LONG: JudgeShares = {
  checker: 100,
  readOnly: 10,
  again: 5,
  e2fsckAfter: 10,
  e2fsckInstead: 5,
  replay: 5,
  kernel: 0.5,
};
const ALL: JudgeShares = {
  checker: 100,
  readOnly: 100,
  again: 100,
  e2fsckAfter: 100,
  e2fsckInstead: 100,
  replay: 100,
  kernel: 100,
};

const HELP = `deno task crash [options]: tries crash states; 100,000 unless told otherwise

  --states N        how many
  --seed S          draws the recordings; by default another one each time
  --failures N      ends after so many (5)
  --steps N         steps of a workload (250)
  --workload W      only this one: ${[...WORKLOADS.keys()].join(", ")}
  --shape X         only this image: ${namesOf(SHAPES)}
  --mode M          only this mode of data: ${namesOf(DATA_MODES)}
  --background, --no-background  the journal is written in the background, or not; by default in turn
  --index I         one state of the recording that all of the above give, seen by every judge`;

const TEXT = { type: "string" } as const;
const OPTIONS = {
  help: { type: "boolean", short: "h" },
  states: TEXT,
  seed: TEXT,
  workload: TEXT,
  shape: TEXT,
  mode: TEXT,
  steps: TEXT,
  index: TEXT,
  failures: TEXT,
  background: { type: "boolean" },
  "no-background": { type: "boolean" },
} as const;

function namesOf(items: readonly { readonly name: string }[]): string {
  return items.map(({ name }) => name).join(", ");
}

/** @throws LineError */
function readOptions(args: readonly string[]): RunOptions | "help" {
  const values = readTaskLine(args, OPTIONS);
  if (values.help === true) return "help";
  const { index } = values;
  const number = (option: "states" | "seed" | "steps" | "failures", usual: number, least = 1) =>
    wholeNumber(option, values[option] ?? `${usual}`, least);
  const judges = index === undefined ? LONG : ALL;
  const states = number("states", 100_000);
  const background = values.background ?? (values["no-background"] === true ? false : undefined);
  return {
    states,
    statesOfEach: Math.min(500, Math.ceil(states / 25)),
    seed: number("seed", Date.now() >>> 0, 0),
    steps: number("steps", 250),
    judges: kernelExt4() === undefined ? judges : { ...judges, kernel: 0 },
    mostFailures: number("failures", 5),
    log: (line) => console.log(line),
    ...(background === undefined ? {} : { background }),
    ...chosen("workload", values.workload, [...WORKLOADS.keys()]),
    ...chosen("shape", values.shape, SHAPES.map(({ name }) => name)),
    ...chosen("mode", values.mode, DATA_MODES.map(({ name }) => name)),
    ...(index === undefined ? {} : { index: wholeNumber("index", index) }),
  };
}

function chosen(
  option: "workload" | "shape" | "mode",
  text: string | undefined,
  names: readonly string[],
): Partial<RunOptions> {
  return text === undefined ? {} : { [option]: oneOf(option, text, names) };
}

await endWith("crash", () => {
  const options = readOptions(Deno.args);
  if (options === "help") {
    console.log(HELP);
    return 0;
  }
  console.log(`seed ${options.seed}`);
  const result = runStates(options);
  console.log(summary(result));
  return result.failures.length === 0 ? 0 : 1;
});
