/**
 * Holds the rules for files: names in snake_case that say something, and a length that one concept needs.
 *
 * @module
 */

import { projectRoot } from "./process.ts";
import { sourceFiles } from "./source_files.ts";

const LONGEST_LINES = 450;
const EMPTY_NAMES = new Set(["util", "utils", "helper", "helpers", "misc", "common"]);

function nameFault(path: string): string | undefined {
  const name = path.split("/").at(-1)?.replace(/\.ts$/, "") ?? "";
  if (!/^[a-z0-9]+(_[a-z0-9]+)*$/.test(name)) return "the file's name is not snake_case";
  if (EMPTY_NAMES.has(name)) return `the name ${name} says nothing`;
  return undefined;
}

function lengthFault(path: string): string | undefined {
  const lines = Deno.readTextFileSync(`${projectRoot}/${path}`).split("\n").length - 1;
  if (lines <= LONGEST_LINES) return undefined;
  return `${lines} lines; ${LONGEST_LINES} is the most`;
}

/** All faults as `file: reason` lines. */
export function checkFiles(): readonly string[] {
  return sourceFiles().flatMap((path) => {
    const faults = [nameFault(path), lengthFault(path)];
    return faults.flatMap((reason) => reason === undefined ? [] : [`${path}: ${reason}`]);
  });
}
