/** Completion for bash. @module */

import { type OptionSpec } from "../command_line.ts";
import { choicesOf, type Tool } from "../tools.ts";
import { singleQuoted } from "./quoting.ts";

/** The script for one tool; to be sourced, or put where bash-completion looks. */
export function bashCompletion(tool: Tool): string {
  const { name, spec, commands } = tool;
  const names = commands.map(({ name }) => name);
  const cases = commands.map(({ name, spec }) => branch(name, spec.options, spec.actions));
  const top = branch("", spec.options, names);
  return `# bash completion for ${name}
_${name}_complete() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]}
  local command='' options='' words='' choices='' values='' i
${commands.length === 0 ? "" : FIND_COMMAND}
  case $command in
${[top, ...cases].join("\n")}
  esac
${listWords(tool)}  if [[ -n $choices && $cur != -* ]]; then
    COMPREPLY=($(compgen -W "$choices" -- "$cur"))
  elif [[ -n $words && $cur != -* && ( -z $command || $prev == "$command" ) ]]; then
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
    [[ -z $command ]] || COMPREPLY+=($(compgen -f -- "$cur"))
  elif [[ $cur == -* && " $values " != *" $prev "* ]]; then
    COMPREPLY=($(compgen -W "$options" -- "$cur"))
  else
    COMPREPLY=($(compgen -f -- "$cur"))
  fi
}
complete -o filenames -F _${name}_complete ${name}
`;
}

const FIND_COMMAND = `  for ((i = 1; i < COMP_CWORD; i++)); do
    if [[ \${COMP_WORDS[i]} != -* ]]; then command=\${COMP_WORDS[i]}; break; fi
  done
`;

/** The options of a command, or of the tool itself under the empty name. */
function branch(
  name: string,
  options: readonly OptionSpec[],
  words: readonly string[] = [],
): string {
  const all = options.flatMap(dashed);
  const withValue = options.filter(({ value, optional }) => value !== undefined && !optional);
  const choices = options.flatMap((option) => {
    const list = choicesOf(option.value);
    if (list.length === 0) return [];
    return [`        ${dashed(option).join("|")}) choices=${singleQuoted(list.join(" "))} ;;`];
  });
  const lines = [
    `    ${name === "" ? "''" : name})`,
    `      options=${singleQuoted(all.join(" "))}`,
    `      values=${singleQuoted(withValue.flatMap(dashed).join(" "))}`,
    ...(words.length === 0 ? [] : [`      words=${singleQuoted(words.join(" "))}`]),
    ...(choices.length === 0 ? [] : ["      case $prev in", ...choices, "      esac"]),
    "      ;;",
  ];
  return lines.join("\n");
}

function dashed({ letter, name }: OptionSpec): string[] {
  return [
    ...(letter === undefined ? [] : [`-${letter}`]),
    ...(name === undefined ? [] : [`--${name}`]),
  ];
}

/** Words behind commas, such as mount options. */
function listWords({ words, wordsOption }: Tool): string {
  if (words.length === 0) return "";
  const list = words.map(({ word }) => word.replace(/=.*/, "=")).join(" ");
  return `  if [[ $prev == -${wordsOption} ]]; then
    local before=''
    [[ $cur == *,* ]] && before=\${cur%,*},
    COMPREPLY=($(compgen -P "$before" -W ${singleQuoted(list)} -- "\${cur##*,}"))
    compopt -o nospace
    return
  fi
`;
}
