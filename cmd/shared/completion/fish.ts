/** Completion for fish. @module */

import type { OptionSpec } from "../command_line.ts";
import { choicesOf, type Tool } from "../tools.ts";
import { fishQuoted } from "./quoting.ts";

/** The script for one tool: a file NAME.fish in a folder of `fish_complete_path`, or to be sourced. */
export function fishCompletion(tool: Tool): string {
  const { name, spec, commands } = tool;
  const lines = [`# fish completion for ${name}`];
  const first = "not __fish_seen_subcommand_from " + commands.map(({ name }) => name).join(" ");
  const condition = commands.length === 0 ? "" : ` -n ${fishQuoted(first)}`;
  for (const { name: command, summary } of commands) {
    lines.push(`complete -c ${name} -f${condition} -a ${command} -d ${fishQuoted(summary)}`);
  }
  for (const option of spec.options) lines.push(optionLine(tool, option, condition));
  for (const { name: command, spec } of commands) {
    const within = ` -n ${fishQuoted(`__fish_seen_subcommand_from ${command}`)}`;
    if (spec.actions !== undefined) {
      const actions = spec.actions.join(" ");
      const none = `${within.slice(0, -1)}; and not __fish_seen_subcommand_from ${actions}'`;
      lines.push(`complete -c ${name}${none} -a ${fishQuoted(actions)}`);
    }
    for (const option of spec.options) lines.push(optionLine(tool, option, within));
  }
  return `${lines.join("\n")}\n`;
}

function optionLine(tool: Tool, option: OptionSpec, condition: string): string {
  const { letter, name, value, optional, help } = option;
  const words = [`complete -c ${tool.name}${condition}`];
  if (letter !== undefined) words.push(`-s ${letter}`);
  if (name !== undefined) words.push(`-l ${name}`);
  const list = choicesOf(value);
  if (letter !== undefined && letter === tool.wordsOption) {
    const all = tool.words.map(({ word }) => word.replace(/=.*/, "=")).join(" ");
    words.push(`-x -a ${fishQuoted(`(__fish_append , ${all})`)}`);
  } else if (list.length > 0) words.push(`-x -a ${fishQuoted(list.join(" "))}`);
  else if (value !== undefined && optional !== true) words.push("-r");
  words.push(`-d ${fishQuoted(help)}`);
  return words.join(" ");
}
