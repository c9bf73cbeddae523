/**
 * Command lines: an option table, read getopt-fashion (`-qF`, `-b1024`, `-b 1024`, `--json`,
 * `--name=value`, `--`, options behind operands).
 *
 * Ordinary command lines are read here, because loading commander takes as long as the rest of a
 * command's start; `help_text.ts` loads it when help is asked for, from the same table.
 *
 * @module
 */

import { CommandError } from "./command_error.ts";

/** Not in the graph of this module, nor in the commands' bundles: few starts need it. */
const HELP_TEXT = new URL("./help_text.ts", import.meta.url).href;

/** One option. At least one of `letter` and `name`. */
export interface OptionSpec {
  readonly letter?: string;
  /** Long name without dashes. */
  readonly name?: string;
  /** What the value is called in help; undefined for an option without one. */
  readonly value?: string;
  /** The value may be left out; it is given as `--name=value` only. */
  readonly optional?: boolean;
  readonly help: string;
}

/** A command. */
export interface CommandSpec {
  readonly name: string;
  readonly summary: string;
  /** Operands as help shows them, e.g. `DEVICE [SIZE]`. */
  readonly operands: string;
  /** Words that the first operand may be, for completion. */
  readonly actions?: readonly string[];
  readonly options: readonly OptionSpec[];
  /** Printed behind the options in help. */
  readonly notes?: string;
}

/** Options and operands of a command line. Options go by letter, or by name if they have none. */
export class CommandLine {
  readonly operands: string[] = [];
  readonly #values = new Map<string, string[]>();

  add(key: string, value: string): void {
    const values = this.#values.get(key);
    if (values === undefined) this.#values.set(key, [value]);
    else values.push(value);
  }
  has(key: string): boolean {
    return this.#values.has(key);
  }
  /** How often an option was given. */
  count(key: string): number {
    return this.#values.get(key)?.length ?? 0;
  }
  /** All values of an option. */
  all(key: string): readonly string[] {
    return this.#values.get(key) ?? [];
  }
  /** The last value of an option. */
  last(key: string): string | undefined {
    return this.#values.get(key)?.at(-1);
  }
}

function keyOf(option: OptionSpec): string {
  return option.letter ?? option.name ?? "";
}

/** Reads the arguments. @throws CommandError for an unknown option, or a missing or superfluous value. */
export function parseCommandLine(spec: CommandSpec, args: readonly string[]): CommandLine {
  const line = new CommandLine();
  for (let index = 0; index < args.length; index++) {
    const argument = args[index] ?? "";
    if (argument === "--") {
      line.operands.push(...args.slice(index + 1));
      break;
    }
    if (argument.startsWith("--")) index += readLong(spec, line, argument, args[index + 1]);
    else if (argument.startsWith("-") && argument !== "-") {
      index += readLetters(spec, line, argument, args[index + 1]);
    } else line.operands.push(argument);
  }
  return line;
}

/** Returns how many further arguments were used. */
function readLong(
  spec: CommandSpec,
  line: CommandLine,
  argument: string,
  next: string | undefined,
): number {
  const equals = argument.indexOf("=");
  const name = argument.slice(2, equals < 0 ? undefined : equals);
  const option = spec.options.find((candidate) => candidate.name === name);
  if (option === undefined) throw unknown(spec, `--${name}`);
  if (option.value === undefined) {
    if (equals >= 0) throw new CommandError(`option --${name} takes no value`);
    line.add(keyOf(option), "");
    return 0;
  }
  const value = equals >= 0 ? argument.slice(equals + 1) : option.optional === true ? "" : next;
  if (value === undefined) throw missing(`--${name}`, option.value);
  line.add(keyOf(option), value);
  return equals >= 0 || option.optional === true ? 0 : 1;
}

function readLetters(
  spec: CommandSpec,
  line: CommandLine,
  argument: string,
  next: string | undefined,
): number {
  for (let at = 1; at < argument.length; at++) {
    const letter = argument[at] ?? "";
    const option = spec.options.find((candidate) => candidate.letter === letter);
    if (option === undefined) throw unknown(spec, `-${letter}`);
    if (option.value === undefined) {
      line.add(letter, "");
      continue;
    }
    const rest = argument.slice(at + 1);
    const value = rest === "" ? next : rest;
    if (value === undefined) throw missing(`-${letter}`, option.value);
    line.add(letter, value);
    return rest === "" ? 1 : 0;
  }
  return 0;
}

function unknown(spec: CommandSpec, option: string): CommandError {
  return new CommandError(`unknown option ${option} (${spec.name} --help lists all)`);
}

function missing(option: string, value: string): CommandError {
  return new CommandError(`option ${option} needs a value: ${value}`);
}

/** How help shows an option's value: ` <N>`, `[=N]` when it may be left out. */
export function valueText({ value, optional }: OptionSpec): string {
  if (value === undefined) return "";
  return optional === true ? `[=${value}]` : ` <${value}>`;
}

/** The help text. */
export async function helpText(spec: CommandSpec): Promise<string> {
  const module: typeof import("./help_text.ts") = await import(HELP_TEXT);
  return module.formatHelp(spec);
}
