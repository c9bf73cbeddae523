/**
 * `deno task bench`: kfs beside fuse2fs and the kernel's ext4 on a loop device, the same work, interleaved.
 *
 * It reports; nothing fails for being slow.
 *
 * @module
 */

import { makeScratchRoot, removeScratch } from "../harness/scratch.ts";
import * as libc from "../harness/libc.ts";
import { mount } from "../harness/mount.ts";
import { endWith } from "../harness/task_line.ts";
import { useBundledCommands } from "./bundled_commands.ts";
import { runMkfs, runMount } from "./commands.ts";
import { DATA_SCENARIOS } from "./data.ts";
import { runGrowth } from "./growth.ts";
import { Results } from "./measure.ts";
import { createEmpty, MANY_FOLDER, manyCount, METADATA_SCENARIOS } from "./metadata.ts";
import { type BenchOptions, HELP, parseOptions } from "./options.ts";
import { linesOf, table } from "./report.ts";
import type { Scenario } from "./scenario.ts";
import {
  makeBenchImage,
  PassthroughTarget,
  startTarget,
  type Target,
  type TargetName,
  unavailable,
} from "./target.ts";
import { TREE_SCENARIOS } from "./tree_copy.ts";

const ALL_TARGETS: readonly TargetName[] = [
  "kfs",
  "no journal",
  "fuse2fs",
  "kernel",
  "passthrough_ll",
];
const SCENARIOS: readonly Scenario[] = [
  ...METADATA_SCENARIOS,
  ...DATA_SCENARIOS,
  ...TREE_SCENARIOS,
];

/** The image that all targets get a copy of: with a large folder when its row is wanted. */
function makeBase(folder: string, wantsListing: boolean, options: BenchOptions): string {
  const base = `${folder}/base.img`;
  makeBenchImage(base, "2G");
  if (!wantsListing) return base;
  const server: TargetName = unavailable("kernel", options) === undefined ? "kernel" : "kfs";
  using mounted = mount(server, base, `${folder}/base.mnt`);
  fillMany(mounted.mountpoint, options);
  mounted.unmount();
  return base;
}

function fillMany(root: string, options: BenchOptions): void {
  const many = `${root}/${MANY_FOLDER}`;
  libc.mkdir(many);
  createEmpty(many, 0, manyCount(options.quick));
}

function runScenarios(
  folder: string,
  names: readonly TargetName[],
  results: Results,
  options: BenchOptions,
): void {
  const wanted = SCENARIOS.filter((scenario) => scenario.rows.some((row) => results.wants(row)));
  if (wanted.length === 0) return;
  const listing = wanted.some((scenario) => scenario.rows.some((row) => row.startsWith("readdir")));
  const base = makeBase(folder, listing, options);
  using stack = new DisposableStack();
  const targets = names.map((name) => stack.use(startTarget(name, folder, base, options)));
  for (const target of targets) {
    // Not through the mount: passthrough_ll would keep a descriptor open for each file.
    if (listing && target instanceof PassthroughTarget) fillMany(target.source, options);
  }
  for (let round = 0; round < options.rounds; round++) {
    for (const scenario of wanted) {
      for (const target of targets) runOne(scenario, target, results, options);
    }
    console.error(`bench: round ${round + 1} of ${options.rounds}`);
  }
  recordMemory(targets, results);
}

function runOne(
  scenario: Scenario,
  target: Target,
  results: Results,
  options: BenchOptions,
): void {
  try {
    scenario.run(target, results, options);
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    throw new Error(`${target.name}, ${scenario.rows.join("/")}: ${words}`, { cause: error });
  }
}

function recordMemory(targets: readonly Target[], results: Results): void {
  for (const target of targets) {
    const resident = target.residentMiB();
    if (resident !== undefined) {
      results.record("resident memory at the end", "MiB", target.name, resident);
    }
  }
}

function availableTargets(options: BenchOptions): readonly TargetName[] {
  return ALL_TARGETS.filter((name) => {
    const reason = unavailable(name, options);
    if (reason !== undefined) console.error(`bench: without ${name}: ${reason}`);
    return reason === undefined;
  });
}

function writeJson(file: string, results: Results, options: BenchOptions): void {
  const report = {
    date: new Date().toISOString(),
    machine: {
      kernel: Deno.osRelease(),
      cpus: navigator.hardwareConcurrency,
      deno: Deno.version.deno,
    },
    options,
    rows: linesOf(results),
  };
  Deno.writeTextFileSync(file, `${JSON.stringify(report, undefined, 2)}\n`);
}

function main(): number {
  const options = parseOptions(Deno.args);
  if (options === "help") {
    console.log(HELP);
    return 0;
  }
  const names = availableTargets(options);
  const results = new Results(options.only);
  const folder = makeScratchRoot(options.folder);
  try {
    if (!options.source) useBundledCommands(`${folder}/commands`);
    runScenarios(folder, names, results, options);
    for (let round = 0; round < options.rounds; round++) {
      runMkfs(folder, results);
      runMount(folder, names, results);
    }
    runGrowth(folder, names, results, options);
  } finally {
    removeScratch(folder);
    if (results.rows.size > 0) console.log(table(linesOf(results)));
    if (options.json !== undefined) writeJson(options.json, results, options);
  }
  return 0;
}

await endWith("bench", main);
