/**
 * The commands under test: run from source, or (KFS_BIN_DIR=dist) the compiled ones.
 *
 * @module
 */

import { type Finished, projectRoot, run, type RunOptions } from "../../tools/process.ts";
import type { Need } from "./skip.ts";

/** The environment variable that names a folder with compiled commands. */
export const BIN_DIR_VARIABLE = "KFS_BIN_DIR";

/** The words that start the command `name` (a program and its first arguments). */
export function commandLine(name: string): readonly [string, ...string[]] {
  const folder = Deno.env.get(BIN_DIR_VARIABLE);
  if (folder === undefined) return [Deno.execPath(), "run", "-A", `${projectRoot}/cmd/${name}.ts`];
  return [`${folder.startsWith("/") ? folder : `${projectRoot}/${folder}`}/${name}`];
}

/** Runs one of the project's commands to its end. */
export function runCommand(
  name: string,
  args: readonly string[],
  options: RunOptions = {},
): Finished {
  const [program, ...first] = commandLine(name);
  return run(program, [...first, ...args], options);
}

/** Runs a program that has to succeed; returns its standard output. */
export function must(program: string, args: readonly string[], options: RunOptions = {}): string {
  return demand(`${program} ${args.join(" ")}`, run(program, args, options));
}

/** Runs one of the project's commands, which has to succeed; returns its standard output. */
export function mustCommand(
  name: string,
  args: readonly string[],
  options: RunOptions = {},
): string {
  return demand(`${name} ${args.join(" ")}`, runCommand(name, args, options));
}

function demand(what: string, done: Finished): string {
  if (done.code === 0) return done.stdout;
  throw new Error(`${what}: status ${done.code}\n${done.stdout}${done.stderr}`);
}

/** Needs the entry module (or the compiled executable) of a command to be there. */
export function command(name: string): Need {
  return () => {
    const [program, ...first] = commandLine(name);
    const path = first.at(-1) ?? program;
    try {
      Deno.statSync(path);
      return undefined;
    } catch {
      return `there is no ${path}`;
    }
  };
}
