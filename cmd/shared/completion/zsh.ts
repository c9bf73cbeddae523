/** Completion for zsh. @module */

import type { CommandSpec, OptionSpec } from "../command_line.ts";
import { choicesOf, type Tool } from "../tools.ts";
import { singleQuoted, zshEscaped } from "./quoting.ts";

/** The function for one tool: a file `_NAME` in a folder of `fpath`, or to be evaluated. */
export function zshCompletion(tool: Tool): string {
  const { name, spec, commands } = tool;
  const body = commands.length === 0 ? argumentsLine(tool, spec, "  ") : withCommands(tool);
  return `#compdef ${name}
${wordsFunction(tool)}_${name}() {
${body}
}
if [[ \${funcstack[1]-} == _${name} ]]; then
  _${name} "$@"
else
  compdef _${name} ${name}
fi
`;
}

function withCommands(tool: Tool): string {
  const { spec, commands } = tool;
  const list = commands.map(({ name, summary }) =>
    `    ${singleQuoted(`${zshEscaped(name)}:${zshEscaped(summary)}`)}`
  );
  const cases = commands.map(({ name, spec }) =>
    `    ${name})\n${argumentsLine(tool, spec, "      ")}\n      ;;`
  );
  return `  local -a commands
  commands=(
${list.join("\n")}
  )
  if (( CURRENT == 2 )); then
    _describe -t commands command commands
${argumentsLine(tool, spec, "    ", false)}
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
${cases.join("\n")}
  esac`;
}

function argumentsLine(
  tool: Tool,
  { options, actions = [] }: CommandSpec,
  indent: string,
  files = true,
): string {
  const specs = options.flatMap((option) => specsOf(tool, option));
  const words = actions.join(" ");
  if (words !== "") {
    specs.push(`'1:action: _alternative "action:action:(${words})" "file:file:_files"'`);
  }
  const all = files ? [...specs, "'*:file:_files'"] : specs;
  return `${indent}_arguments -s -S \\\n${all.map((spec) => `${indent}  ${spec}`).join(" \\\n")}`;
}

/** One specification for each form of an option. */
function specsOf(tool: Tool, option: OptionSpec): string[] {
  const { letter, name, value, optional, help } = option;
  const text = `[${zshEscaped(help)}]`;
  const list = choicesOf(value);
  const isWords = letter !== undefined && letter === tool.wordsOption;
  const action = isWords
    ? `_${tool.name}_words`
    : list.length > 0
    ? `(${list.join(" ")})`
    : "_files";
  const what = zshEscaped((value ?? "").toLowerCase());
  const behind = value === undefined ? "" : `${optional === true ? "::" : ":"}${what}:${action}`;
  const forms: string[] = [];
  if (letter !== undefined) {
    forms.push(singleQuoted(`*-${letter}${value === undefined ? "" : "+"}${text}${behind}`));
  }
  if (name !== undefined) {
    const equals = value === undefined ? "" : optional === true ? "=-" : "=";
    forms.push(singleQuoted(`*--${name}${equals}${text}${behind}`));
  }
  return forms;
}

/** A function for words behind commas, such as mount options. */
function wordsFunction({ name, words }: Tool): string {
  if (words.length === 0) return "";
  const specs = words.map(({ word, help }) => {
    const [first = "", value] = word.split("=");
    const behind = value === undefined ? "" : `:${value.toLowerCase()}:`;
    return `    ${singleQuoted(`${first}[${zshEscaped(help)}]${behind}`)}`;
  });
  return `_${name}_words() {
  _values -s , option \\
${specs.join(" \\\n")}
}
`;
}
