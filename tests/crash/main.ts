/**
 * `deno task crash [--states N] [--seed S] [--workload W] [--shape X] [--mode M] [--steps N] [--index I]`:
 * tries crash states, 100,000 unless told otherwise; with an index just that one, seen by every judge.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { kernelExt4 } from "../harness/mount.ts";
import type { JudgeShares } from "./judges.ts";
import { type RunOptions, runStates, summary } from "./runs.ts";

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

function numberOf(text: string | undefined, usual: number): number {
  const value = text === undefined ? usual : Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`${text} is not a number`);
  return value;
}

function readOptions(): RunOptions {
  const text = { type: "string" } as const;
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      states: text,
      seed: text,
      workload: text,
      shape: text,
      mode: text,
      steps: text,
      index: text,
      failures: text,
      background: { type: "boolean" },
      "no-background": { type: "boolean" },
    },
  });
  const { workload, shape, mode, index } = values;
  const background = values.background ?? (values["no-background"] ? false : undefined);
  const judges = index === undefined ? LONG : ALL;
  return {
    states: numberOf(values.states, 100_000),
    statesOfEach: Math.min(500, Math.ceil(numberOf(values.states, 100_000) / 25)),
    seed: numberOf(values.seed, Date.now() >>> 0),
    steps: numberOf(values.steps, 250),
    judges: kernelExt4() === undefined ? judges : { ...judges, kernel: 0 },
    mostFailures: numberOf(values.failures, 5),
    log: (line) => console.log(line),
    ...(background === undefined ? {} : { background }),
    ...(workload === undefined ? {} : { workload }),
    ...(shape === undefined ? {} : { shape }),
    ...(mode === undefined ? {} : { mode }),
    ...(index === undefined ? {} : { index: numberOf(index, 0) }),
  };
}

const options = readOptions();
console.log(`seed ${options.seed}`);
const result = runStates(options);
console.log(summary(result));
Deno.exit(result.failures.length === 0 ? 0 : 1);
