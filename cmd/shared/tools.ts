/**
 * The four tools as their help describes them: what manual pages and completions are made from.
 *
 * @module
 */

import type { CommandSpec } from "./command_line.ts";

/** A tool. */
export interface Tool {
  readonly name: string;
  /** In half a sentence. */
  readonly purpose: string;
  /** The command line; for a tool with commands what holds before the command. */
  readonly spec: CommandSpec;
  readonly commands: readonly ToolCommand[];
  /** Words of an option's list, such as those after `-o`. */
  readonly words: readonly { readonly word: string; readonly help: string }[];
  /** The option that takes these words. */
  readonly wordsOption: string;
}

/** A command of a tool. */
export interface ToolCommand {
  readonly name: string;
  readonly summary: string;
  readonly spec: CommandSpec;
}

type Load = () => Promise<Tool>;

const plain = (spec: CommandSpec, purpose: string): Tool => ({
  name: spec.name,
  purpose,
  spec,
  commands: [],
  words: [],
  wordsOption: "",
});

const LOADS: Readonly<Record<string, Load>> = {
  mkfs: async () =>
    plain((await import("../mkfs/command.ts")).MKFS, "make ext2, ext3 and ext4 file systems"),
  kfs: async () => {
    const { kfsSpec } = await import("../kfs/arguments.ts");
    const { mountOptionWords } = await import("../kfs/mount_options.ts");
    return {
      ...plain(kfsSpec(), "mount ext4 images through FUSE"),
      words: mountOptionWords(),
      wordsOption: "o",
    };
  },
  kfsctl: async () => {
    const { COMMANDS } = await import("../kfsctl/commands.ts");
    const commands = COMMANDS.map(async ({ name, summary, load }) => {
      return { name, summary, spec: (await load()).spec };
    });
    const spec: CommandSpec = {
      name: "kfsctl",
      summary: "Looks after ext4 images and mounts of kfs.",
      operands: "COMMAND TARGET",
      options: [
        { letter: "h", name: "help", help: "list the commands" },
        { letter: "V", name: "version", help: "print the version" },
      ],
    };
    return { ...plain(spec, "look after ext4 images"), commands: await Promise.all(commands) };
  },
  kfsd: async () =>
    plain((await import("../kfsd/options.ts")).SPEC, "share files with virtual machines"),
};

/** Their names. */
export const TOOL_NAMES: readonly string[] = Object.keys(LOADS);

/** The description of one; undefined for a name that is none. */
export async function loadTool(name: string): Promise<Tool | undefined> {
  return Object.hasOwn(LOADS, name) ? await LOADS[name]?.() : undefined;
}

/** What may stand in an option's place for its value, where that is a choice: `a|b|c`. */
export function choicesOf(value: string | undefined): readonly string[] {
  return value?.includes("|") === true ? value.split("|") : [];
}
