/**
 * The command lines of the long tasks (`deno task crash`, `fuzz`, `matrix`, `bench`): what is wrong with one is told
 * in one line, with exit status 2, before anything is done.
 *
 * @module
 */

import { parseArgs, type ParseArgsConfig } from "node:util";

/** The command line asks for something that the task cannot do. */
export class LineError extends Error {}

const BAD_LINE = 2;

/** The words of a command line, as `options` describe them. @throws LineError */
export function readTaskLine<Options extends NonNullable<ParseArgsConfig["options"]>>(
  args: readonly string[],
  options: Options,
): ReturnType<typeof parseArgs<{ args: string[]; options: Options }>>["values"] {
  try {
    return parseArgs({ args: [...args], options }).values;
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    // Node adds sentences about its own rules.
    throw new LineError(words.split(/[.\n]/)[0] ?? words, { cause: error });
  }
}

/** The whole number that `--option` was given. @throws LineError unless it is between `least` and `most`. */
export function wholeNumber(
  option: string,
  text: string,
  least = 0,
  most = Number.MAX_SAFE_INTEGER,
): number {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : NaN;
  if (value >= least && value <= most) return value;
  const limit = most === Number.MAX_SAFE_INTEGER ? `from ${least} on` : `from ${least} to ${most}`;
  throw new LineError(`--${option} ${text}: use a whole number ${limit}`);
}

/** The one of `names` that `--option` was given. @throws LineError */
export function oneOf(option: string, text: string, names: readonly string[]): string {
  if (names.includes(text)) return text;
  throw new LineError(`--${option} ${text}: use one of ${[...new Set(names)].join(", ")}`);
}

/** Runs the task `name` and ends the process with its status. */
export async function endWith(name: string, main: () => number | Promise<number>): Promise<never> {
  try {
    Deno.exit(await main());
  } catch (error) {
    if (!(error instanceof LineError)) throw error;
    console.error(`${name}: ${error.message}`);
    Deno.exit(BAD_LINE);
  }
}
