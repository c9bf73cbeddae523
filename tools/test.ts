/**
 * `deno task test [PATH-PART …]`: sets the machine up, runs every test that it can run, lists what was
 * skipped and why, and ends with the line `N passed, N failed, N skipped`.
 *
 * Environment: KFS_BIN_DIR=dist tests the compiled commands; KFS_SEED, KFS_STEPS steer the random tests;
 * KFS_KEEP=1 keeps what the tests made; KFS_TEST_SILENCE is the longest silence in seconds (300);
 * KFS_TEST_LANES is how many groups of tests run at the same time.
 *
 * @module
 */

import {
  endProcessesOf,
  makeScratchRoot,
  releaseUnder,
  removeScratch,
  SCRATCH_VARIABLE,
} from "../tests/harness/scratch.ts";
import { SKIP_LOG_VARIABLE, type SkipRecord } from "../tests/harness/skip.ts";
import { setUp } from "./setup.ts";
import type { TestCase } from "./junit.ts";
import { type TestGroup, testGroups } from "./test_groups.ts";
import { runGroup } from "./test_process.ts";

/** Two groups at the same time want this much: each may run a virtual machine or a large check. */
const MEMORY_OF_TWO_BYTES = 6 * 1024 ** 3;

interface Outcome {
  passed: number;
  readonly failed: string[];
  readonly skipped: string[];
}

function readSkips(log: string): ReadonlyMap<string, string> {
  const reasons = new Map<string, string>();
  for (const line of Deno.readTextFileSync(log).split("\n")) {
    if (line === "") continue;
    const record = JSON.parse(line) as SkipRecord;
    // What a machine lacks is recorded under "*" by tests that cannot tell their names.
    const others = record.name === "*" ? reasons.get("*") : undefined;
    const known = others === undefined || others.split(" or ").includes(record.reason);
    reasons.set(record.name, known ? others ?? record.reason : `${others} or ${record.reason}`);
  }
  return reasons;
}

function reasonOf(name: string, reasons: ReadonlyMap<string, string>): string {
  const step = name.split(" > ").at(-1) ?? name;
  return reasons.get(name) ?? reasons.get(step) ?? reasons.get("*") ?? "no reason recorded";
}

/** Tests that the harness defines for a file are reported under the harness's name: say the file. */
function suiteOf(entry: TestCase, group: TestGroup): string {
  return entry.suite.endsWith("tests/harness/skip.ts") ? group.name : entry.suite;
}

function count(
  entry: TestCase,
  group: TestGroup,
  outcome: Outcome,
  reasons: ReadonlyMap<string, string>,
): void {
  const name = `${suiteOf(entry, group)}: ${entry.name}`;
  if (entry.outcome === "passed") outcome.passed++;
  else if (entry.outcome === "failed") outcome.failed.push(name);
  else outcome.skipped.push(`${name}: ${reasonOf(entry.name, reasons)}`);
}

async function runAll(filters: readonly string[], scratch: string): Promise<Outcome> {
  const outcome: Outcome = { passed: 0, failed: [], skipped: [] };
  const waiting = [...testGroups(filters).entries()];
  const lanes = Math.min(laneCount(), waiting.length);
  const lane = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [index, group] = next;
      await runOne(group, `${scratch}/${index}`, lanes === 1, outcome);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return outcome;
}

/** Groups that run at the same time: as many as there are processors, and memory, two at the most. */
function laneCount(): number {
  const wanted = Number(Deno.env.get("KFS_TEST_LANES") ?? "0");
  if (Number.isInteger(wanted) && wanted > 0) return wanted;
  const { total } = Deno.systemMemoryInfo();
  return navigator.hardwareConcurrency > 1 && total >= MEMORY_OF_TWO_BYTES ? 2 : 1;
}

/** Runs a group in a scratch folder of its own. @param live shows what it says at once, else in the end. */
async function runOne(
  group: TestGroup,
  folder: string,
  live: boolean,
  outcome: Outcome,
): Promise<void> {
  Deno.mkdirSync(folder);
  // A test that works as another user has to get to its own folder below.
  Deno.chmodSync(folder, 0o711);
  const skipLog = `${folder}/skips`;
  Deno.writeTextFileSync(skipLog, "");
  const silenceMs = Number(Deno.env.get("KFS_TEST_SILENCE") ?? "300") * 1000;
  const env = { [SCRATCH_VARIABLE]: folder, [SKIP_LOG_VARIABLE]: skipLog };
  if (!live) console.log(`${group.name}: begins`);
  const result = await runGroup(group, env, { silenceMs, live });
  const reasons = readSkips(skipLog);
  for (const entry of result.cases) count(entry, group, outcome, reasons);
  if (result.trouble !== undefined) outcome.failed.push(`${group.name}: ${result.trouble}`);
  const left = releaseUnder(folder);
  endProcessesOf(folder);
  if (left.length > 0) console.log(`released what ${group.name} left: ${left.join(" ")}`);
}

function list(title: string, lines: readonly string[]): void {
  if (lines.length === 0) return;
  console.log(`\n${title}`);
  for (const line of lines) console.log(`  ${line}`);
}

/** An interrupted run leaves no mount, no daemon and no image behind. */
function cleanUpOnSignals(scratch: string): void {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    Deno.addSignalListener(signal, () => {
      endProcessesOf(scratch);
      removeScratch(scratch);
      console.log(`interrupted by ${signal}`);
      Deno.exit(130);
    });
  }
}

async function main(): Promise<number> {
  setUp("test");
  const scratch = makeScratchRoot();
  cleanUpOnSignals(scratch);
  try {
    const outcome = await runAll(Deno.args, scratch);
    list("Skipped:", outcome.skipped);
    list("Failed:", outcome.failed);
    const { passed, failed, skipped } = outcome;
    console.log(`\n${passed} passed, ${failed.length} failed, ${skipped.length} skipped`);
    return failed.length === 0 && passed > 0 ? 0 : 1;
  } finally {
    removeScratch(scratch);
  }
}

// `deno test` takes a file of this name for a test module: then there is nothing to do.
if (import.meta.main) Deno.exit(await main());
