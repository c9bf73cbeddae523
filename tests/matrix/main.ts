/**
 * `deno task matrix`: tries every case and writes docs/matrix.md.
 *
 * @module
 */

import { run } from "../../tools/process.ts";
import { endWith, readTaskLine } from "../harness/task_line.ts";
import { Scratch } from "../harness/scratch.ts";
import { allCases } from "./all_cases.ts";
import { keyOf, PAGE, writePage } from "./page.ts";
import { type CaseOutcome, makeSource, tryCase } from "./try_case.ts";

const HELP = "deno task matrix: tries kfs on every kind of image and writes docs/matrix.md";

function main(): number {
  const { help } = readTaskLine(Deno.args, { help: { type: "boolean", short: "h" } });
  if (help === true) {
    console.log(HELP);
    return 0;
  }
  return tryAll();
}

function tryAll(): number {
  using scratch = new Scratch("matrix");
  const source = makeSource(scratch);
  const outcomes = new Map<string, CaseOutcome>();
  const faults: string[] = [];
  const cases = allCases();
  for (const [index, wanted] of cases.entries()) {
    const key = keyOf(wanted);
    try {
      if (!outcomes.has(key)) outcomes.set(key, tryCase(wanted, source, scratch));
    } catch (error) {
      faults.push(`${key}: ${error instanceof Error ? error.message : error}`);
      console.log(faults.at(-1));
    }
    if ((index + 1) % 50 === 0) console.log(`${index + 1} of ${cases.length}`);
  }
  console.log(`${outcomes.size} kinds of images, ${faults.length} faults`);
  if (faults.length > 0) return 1;
  const version = run("mke2fs", ["-V"]).stderr.split("\n")[0] ?? "";
  writePage(outcomes, Deno.osRelease(), version.replace(/ \(.*/, ""));
  console.log(`written: ${PAGE}`);
  return 0;
}

if (import.meta.main) await endWith("matrix", main);
