/** How help shows a command: formatted by commander. @module */

import { Command, Option } from "commander";
import { type CommandSpec, valueText } from "./command_line.ts";

/** The help text. */
export function formatHelp(spec: CommandSpec): string {
  const command = new Command(spec.name)
    .description(spec.summary)
    .usage(`[options] ${spec.operands}`)
    .helpOption(false)
    .configureHelp({ helpWidth: 100 });
  for (const option of spec.options) {
    const names = [
      option.letter === undefined ? "" : `-${option.letter}`,
      option.name === undefined ? "" : `--${option.name}`,
    ];
    const value = valueText(option);
    const flags = names.filter((name) => name !== "").join(", ") + value;
    command.addOption(new Option(flags, option.help));
  }
  const notes = spec.notes === undefined ? "" : `\n${spec.notes}\n`;
  return command.helpInformation() + notes;
}
