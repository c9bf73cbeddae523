/**
 * The project's TypeScript files, for the checks.
 *
 * @module
 */

import { projectRoot } from "./process.ts";

const SKIPPED = new Set(["node_modules", "dist", "tmp", "fixtures"]);

function* walk(folder: string, prefix: string): Generator<string> {
  for (const entry of Deno.readDirSync(folder)) {
    if (entry.name.startsWith(".")) continue;
    const path = `${prefix}${entry.name}`;
    if (entry.isDirectory) {
      if (!SKIPPED.has(path)) yield* walk(`${folder}/${entry.name}`, `${path}/`);
    } else if (entry.isFile && entry.name.endsWith(".ts")) {
      yield path;
    }
  }
}

/** Paths of all TypeScript files, relative to the project's root, sorted. */
export function sourceFiles(): readonly string[] {
  return [...walk(projectRoot, "")].sort();
}

/** True for a file that only `deno test` runs or that only tests import. */
export function isTest(path: string): boolean {
  const name = path.slice(path.lastIndexOf("/") + 1);
  return path.endsWith("_test.ts") || path.startsWith("tests/") || path.includes("/testing/") ||
    /^testing(_\w+)?\.ts$/.test(name);
}
