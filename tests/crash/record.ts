/**
 * Runs a workload on an image in memory and keeps everything that reached the device.
 *
 * @module
 */

import { MemoryDevice } from "../../fs/device/memory.ts";
import { RecordingDevice } from "../../fs/device/recording.ts";
import { finishEngine, openEngine, type OpenOptions } from "../../fs/ops/open_volume.ts";
import type { Volume } from "../../fs/volume/volume.ts";
import { Random } from "../harness/seed.ts";
import { Actor, type Step } from "./actor.ts";
import { crashOptions } from "./engine_options.ts";
import type { DataMode } from "./data_mode.ts";
import { DeferredQueue } from "./deferred_queue.ts";
import { EngineTarget } from "./engine_target.ts";
import { devicesOf } from "./parts.ts";
import { makeBase, type Shape } from "./shapes.ts";
import type { CrashEvent } from "./states.ts";
import { type Workload, WORKLOADS } from "./workloads.ts";

/** What determines a recording. */
export interface Recipe {
  readonly shape: Shape;
  readonly workload: string;
  readonly mode: DataMode;
  readonly seed: number;
  readonly steps: number;
  /** The journal is written in the background. */
  readonly background: boolean;
}

/** A workload's whole life, from the mount to the unmount. */
export interface Recording {
  readonly recipe: Recipe;
  /** The image before it. */
  readonly base: Uint8Array<ArrayBuffer>;
  readonly events: readonly CrashEvent[];
  readonly steps: readonly Step[];
  readonly reports: readonly string[];
  /** Commits that the engine made. */
  readonly commits: number;
  /** Blocks that were written to the log; it is a ring of about 1000. */
  readonly logBlocks: number;
}

/** Changes the volume before anything is done: for trying the tests themselves. */
export type Prepare = (volume: Volume, device: RecordingDevice) => void;

/** Does the recipe's work. The same recipe gives the same recording. */
export function record(recipe: Recipe, prepare: Prepare = () => {}): Recording {
  const { shape, seed, steps } = recipe;
  const base = makeBase(shape, seed);
  const memory = new MemoryDevice(base.length);
  memory.write(base, 0);
  const device = new RecordingDevice(memory);
  const reports: string[] = [];
  const queue = recipe.background ? new DeferredQueue() : undefined;
  const devices = devicesOf(device, shape.journalBytes ?? 0);
  const options = optionsOf(recipe, queue, (text) => reports.push(text));
  const engine = openEngine(devices.device, { ...options, ...devices });
  prepare(engine.volume, device);
  const target = new EngineTarget(engine, device, queue);
  const actor = new Actor(target, new Random(seed), {
    everyStepDurable: recipe.mode.everyStepDurable === true,
    // Of content in the journal one transaction takes about 60 blocks.
    ...(recipe.mode.promise === "journal" ? { longestWriteBytes: 32 << 10 } : {}),
  });
  workloadNamed(recipe.workload)(actor, steps);
  const end = device.events.length;
  for (const node of [...actor.opened]) actor.close(node);
  finishEngine(engine);
  actor.ended(end);
  const { transactions: { counters: { commits } }, journal } = engine.volume;
  const logBlocks = journal?.counters.logBlocks ?? 0;
  return { recipe, base, events: device.events, steps: actor.steps, reports, commits, logBlocks };
}

function optionsOf(
  { mode }: Recipe,
  queue: DeferredQueue | undefined,
  report: (text: string) => void,
): OpenOptions {
  const changed = queue === undefined ? mode.options : { ...mode.options, writeQueue: queue };
  return crashOptions(report, changed);
}

function workloadNamed(name: string): Workload {
  const workload = WORKLOADS.get(name);
  if (workload === undefined) {
    throw new Error(`no workload ${name}: ${[...WORKLOADS.keys()].join(", ")}`);
  }
  return workload;
}
