/**
 * kfsctl: looks after ext4 images. One command a module, in `cmd/kfsctl/`.
 *
 * @module
 */

import { COMMANDS, type Subcommand } from "./kfsctl/commands.ts";
import { overviewText } from "./kfsctl/overview.ts";
import { CommandError, errorLine } from "./shared/command_error.ts";
import { type CommandSpec, helpText, parseCommandLine } from "./shared/command_line.ts";
import { startWhenLoaded } from "./shared/start.ts";
import { VERSION } from "./shared/version.ts";

/** Exit status when there is no such command. */
const USAGE_STATUS = 16;

/** What asks for help: -h, unless the command has another use for it. */
function helpKey({ options }: CommandSpec): string {
  const option = options.find(({ name }) => name === "help");
  return option?.letter ?? option?.name ?? "h";
}

async function runSubcommand(command: Subcommand, args: readonly string[]): Promise<number> {
  const { spec, statuses } = command;
  try {
    const line = parseCommandLine(spec, args);
    if (line.has(helpKey(spec))) {
      console.log(await helpText(spec));
      return 0;
    }
    return await command.run(line);
  } catch (error) {
    const text = errorLine(error);
    if (text === undefined) console.error(`${spec.name}: internal error:`, error);
    else console.error(`${spec.name}: ${text}`);
    if (text === undefined) return statuses.fault;
    return error instanceof CommandError ? statuses.usage : statuses.failure;
  }
}

/** Runs kfsctl with these arguments; returns the exit status. */
export async function main(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name === "-h" || name === "--help" || name === "help") {
    console.log(overviewText(COMMANDS));
    return name === undefined ? USAGE_STATUS : 0;
  }
  if (name === "-V" || name === "--version") {
    console.log(`kfsctl (kfs) ${VERSION}`);
    return 0;
  }
  const known = COMMANDS.find((command) => command.name === name);
  if (known === undefined) {
    console.error(`kfsctl: there is no command ${name} (kfsctl --help lists all)`);
    return USAGE_STATUS;
  }
  return await runSubcommand(await known.load(), rest);
}

if (import.meta.main) startWhenLoaded(async () => Deno.exit(await main(Deno.args)));
