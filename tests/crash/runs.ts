/**
 * Many recordings, and many states of each.
 *
 * @module
 */

import { Random } from "../harness/seed.ts";
import { type Failure, tryStates } from "./campaign.ts";
import { DATA_MODES, type DataMode } from "./data_mode.ts";
import { type Counts, type JudgeShares, newCounts } from "./judges.ts";
import { type Prepare, type Recipe, record } from "./record.ts";
import { type Shape, SHAPES } from "./shapes.ts";
import { describeParts } from "./shrink.ts";
import { Flushes } from "./states.ts";
import { WORKLOADS } from "./workloads.ts";

/** What to run. */
export interface RunOptions {
  readonly states: number;
  readonly statesOfEach: number;
  readonly seed: number;
  readonly steps: number;
  readonly judges: JudgeShares;
  /** Only these, when given. */
  readonly workload?: string;
  readonly shape?: string;
  readonly mode?: string;
  readonly background?: boolean;
  /** Only this state of the one recording that all of the above give. */
  readonly index?: number;
  readonly mostFailures: number;
  readonly log: (line: string) => void;
  readonly prepare?: Prepare;
}

/** What came of it. */
export interface RunResult {
  readonly counts: Counts;
  recordings: number;
  commits: number;
  readonly failures: string[];
}

function named<Item extends { readonly name: string }>(
  all: readonly Item[],
  name: string | undefined,
  what: string,
): readonly Item[] {
  const found = name === undefined ? all : all.filter((item) => item.name === name);
  if (found.length === 0) {
    throw new Error(`no ${what} ${name}: ${all.map((item) => item.name).join(", ")}`);
  }
  return found;
}

/** The recipe number `round`: every workload meets every shape, and the modes turn. */
function recipeOf(round: number, options: RunOptions): Recipe {
  const workloads = options.workload === undefined ? [...WORKLOADS.keys()] : [options.workload];
  const shapes: readonly Shape[] = named(SHAPES, options.shape, "shape");
  const modes: readonly DataMode[] = named(DATA_MODES, options.mode, "mode");
  const turn = Math.floor(round / workloads.length);
  const pick = <Item>(items: readonly Item[], index: number): Item => {
    const item = items[index % items.length];
    if (item === undefined) throw new Error("nothing to pick from");
    return item;
  };
  return {
    workload: pick(workloads, round),
    shape: pick(shapes, round + turn),
    // The default twice as often as each other one.
    mode: pick([...modes.slice(0, 1), ...modes], round + Math.floor(turn / shapes.length)),
    seed: options.index === undefined
      ? new Random(Math.imul(options.seed, 0x85ebca6b) + round).next()
      : options.seed,
    steps: options.steps,
    background: options.background ?? round % 2 === 0,
  };
}

/** A part of the flush boundaries, and random moments. */
function indexesOf(recipe: Recipe, boundaries: number, count: number): number[] {
  const random = new Random(recipe.seed ^ 0x5bd1e995);
  const every = Math.max(1, Math.floor((boundaries * 3) / count));
  const indexes: number[] = [];
  for (let at = random.below(every); at < boundaries; at += every) indexes.push(at);
  while (indexes.length < count) indexes.push(boundaries + random.below(1 << 24));
  return indexes;
}

/** Runs until so many states were tried, or so many failed. */
export function runStates(options: RunOptions): RunResult {
  const result: RunResult = { counts: newCounts(), recordings: 0, commits: 0, failures: [] };
  const wanted = options.index === undefined ? options.states : 1;
  for (let round = 0; result.counts.states < wanted; round++) {
    const count = Math.min(options.statesOfEach, wanted - result.counts.states);
    runOne(recipeOf(round, options), count, options, result);
    if (result.failures.length >= options.mostFailures) break;
  }
  return result;
}

function runOne(recipe: Recipe, count: number, options: RunOptions, result: RunResult): void {
  const what = `${recipe.workload} on ${recipe.shape.name}, data=${recipe.mode.name}` +
    (recipe.background ? ", background" : "");
  const recording = record(recipe, options.prepare);
  const boundaries = new Flushes(recording.events).boundaries.length;
  const indexes = options.index === undefined
    ? indexesOf(recipe, boundaries, count)
    : [options.index];
  const done = tryStates(recording, {
    indexes,
    judges: options.judges,
    mostFailures: options.mostFailures - result.failures.length,
  });
  for (const name of Object.keys(done.counts) as (keyof Counts)[]) {
    result.counts[name] += done.counts[name];
  }
  result.recordings++;
  result.commits += recording.commits;
  const { length } = recording.events;
  options.log(
    `${what}, seed ${recipe.seed}: ${recording.steps.length} steps, ${recording.commits} commits, ` +
      `${recording.logBlocks} blocks of log, ${length} events, ${boundaries} flushes, ` +
      `${done.counts.states} states`,
  );
  const blockBytes = recipe.shape.format.blockBytes ?? 4096;
  for (const failure of done.failures) {
    const text = describeFailure(recipe, failure) +
      `\n  ${describeParts(failure.parts, recording.events, blockBytes)}`;
    result.failures.push(text);
    options.log(text);
  }
}

function describeFailure(recipe: Recipe, { plan, message }: Failure): string {
  const { workload, shape, mode, seed, steps, background } = recipe;
  const replay =
    `deno task crash --workload ${workload} --shape ${shape.name} --mode ${mode.name} ` +
    `${
      background ? "--background" : "--no-background"
    } --seed ${seed} --steps ${steps} --index ${plan.index}`;
  return `FAILED: ${message}\n  replay: ${replay}\n  ` +
    `${plan.way}, ${plan.durableEvents} events durable, ${plan.events} asked for; reached the storage:`;
}

/** The numbers for people. */
export function summary({ counts, recordings, commits, failures }: RunResult): string {
  const { states, ...others } = counts;
  const asked = Object.entries(others).map(([name, count]) => `${name} ${count}`).join(", ");
  return `${states} crash states of ${recordings} recordings with ${commits} commits: ` +
    `${failures.length} failed (judged further: ${asked})`;
}
