/** `kfsctl completion SHELL [TOOL…]`: prints what a shell needs to complete command lines. @module */

import { CommandError } from "../shared/command_error.ts";
import type { CommandLine } from "../shared/command_line.ts";
import { bashCompletion } from "../shared/completion/bash.ts";
import { fishCompletion } from "../shared/completion/fish.ts";
import { zshCompletion } from "../shared/completion/zsh.ts";
import { loadTool, type Tool, TOOL_NAMES } from "../shared/tools.ts";
import type { Subcommand } from "./commands.ts";
import { HELP_OPTION, STATUSES } from "./open_image.ts";
import { write } from "./terminal.ts";

const SHELLS: Readonly<Record<string, (tool: Tool) => string>> = {
  bash: bashCompletion,
  zsh: zshCompletion,
  fish: fishCompletion,
};

export const COMPLETION: Subcommand = {
  spec: {
    name: "kfsctl completion",
    summary: "Prints what a shell needs to complete command lines of mkfs, kfs, kfsctl and kfsd.",
    operands: "bash|zsh|fish [TOOL…]",
    actions: Object.keys(SHELLS),
    options: [HELP_OPTION],
    notes: "bash: source <(kfsctl completion bash)\n" +
      "zsh:  source <(kfsctl completion zsh), behind compinit\n" +
      "fish: kfsctl completion fish | source",
  },
  statuses: STATUSES,
  run,
};

async function run(line: CommandLine): Promise<number> {
  const [shell = "", ...names] = line.operands;
  const script = Object.hasOwn(SHELLS, shell) ? SHELLS[shell] : undefined;
  if (script === undefined) {
    throw new CommandError(`wanted: kfsctl completion ${COMPLETION.spec.operands}`);
  }
  const scripts: string[] = [];
  for (const name of names.length === 0 ? TOOL_NAMES : names) {
    const tool = await loadTool(name);
    if (tool === undefined) {
      throw new CommandError(`there is no tool ${name}: ${TOOL_NAMES.join(", ")}`);
    }
    scripts.push(script(tool));
  }
  write(scripts.join("\n"));
  return 0;
}
