/**
 * `deno task check`: formatting, lint, types, the engine without Deno, import directions, file rules.
 *
 * @module
 */

import { checkFiles } from "./check_files.ts";
import { checkImports } from "./check_imports.ts";
import { projectRoot, run } from "./process.ts";
import { isTest, sourceFiles } from "./source_files.ts";

/** One thing that is checked; `run` returns what is wrong, empty when nothing is. */
interface Check {
  readonly name: string;
  readonly run: () => string;
}

function deno(...args: readonly string[]): string {
  const done = run(Deno.execPath(), args, { cwd: projectRoot, env: { NO_COLOR: "1" } });
  return done.code === 0 ? "" : `${done.stdout}${done.stderr}`.trim() || `status ${done.code}`;
}

/** The engine must not see Deno's globals: type-checked with libraries that do not declare them. */
function engineWithoutDeno(): string {
  const files = sourceFiles().filter((path) => path.startsWith("fs/") && !isTest(path));
  if (files.length === 0) return "";
  return deno("check", "--no-lock", "--config", "tools/engine_types.json", ...files);
}

const CHECKS: readonly Check[] = [
  { name: "deno fmt --check", run: () => deno("fmt", "--check") },
  { name: "deno lint", run: () => deno("lint") },
  { name: "deno check", run: () => deno("check", ...sourceFiles()) },
  { name: "fs/ without Deno's globals", run: engineWithoutDeno },
  { name: "import directions", run: () => checkImports().join("\n") },
  { name: "file names and lengths", run: () => checkFiles().join("\n") },
];

function main(): number {
  const failed: string[] = [];
  for (const check of CHECKS) {
    const faults = check.run();
    console.log(`${faults === "" ? "ok    " : "FAILED"}  ${check.name}`);
    if (faults === "") continue;
    failed.push(check.name);
    console.log(faults.replaceAll(/^/gm, "    "));
  }
  console.log(failed.length === 0 ? "check: all is well" : `check: failed: ${failed.join(", ")}`);
  return failed.length === 0 ? 0 : 1;
}

Deno.exit(main());
