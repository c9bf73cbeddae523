/**
 * The command line of kfs.
 *
 * It is read by hand: loading an option library costs 50 ms, a third of the time that a mount may take,
 * and the shape is the fixed one of mount helpers.
 *
 * @module
 */

import {
  applyMountOptions,
  defaultOptions,
  type KfsOptions,
  mountOptionWords,
  OptionError,
} from "./mount_options.ts";
import type { CommandSpec, OptionSpec } from "../shared/command_line.ts";

/** What the command line asks for. */
export type Request =
  | { readonly kind: "mount"; readonly options: KfsOptions }
  | { readonly kind: "help" }
  | { readonly kind: "version" };

/** An option of one letter; without help it is not shown. */
interface Flag {
  readonly apply: (options: KfsOptions) => void;
  readonly help?: string;
}

const FLAGS: Readonly<Record<string, Flag>> = {
  f: { apply: (options) => void (options.foreground = true), help: "stay in the foreground" },
  d: {
    apply: (options) => {
      options.foreground = true;
      options.debug = true;
    },
    help: "print each operation (implies -f)",
  },
  s: {
    apply: (options) => void (options.singleThread = true),
    help: "no threads beside the one that serves: everybody waits for the disk",
  },
  r: { apply: (options) => void (options.readOnly = true), help: "read-only, as -o ro" },
  w: { apply: (options) => void (options.readOnly = false) },
  // What mount(8) hands to its helpers: verbose, no mtab, sloppy.
  v: { apply: () => {} },
  n: { apply: () => {} },
};

/** Reads the arguments. @throws OptionError */
export function parseArguments(words: readonly string[]): Request {
  const options = defaultOptions();
  const places: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? "";
    if (word === "--help" || word === "-h") return { kind: "help" };
    if (word === "--version" || word === "-V") return { kind: "version" };
    if (word === "--") {
      places.push(...words.slice(i + 1));
      break;
    }
    if (!word.startsWith("-") || word === "-") places.push(word);
    else i += letters(options, word, words[i + 1]);
  }
  const [image, mountPoint, ...extra] = places;
  if (image === undefined || mountPoint === undefined) {
    throw new OptionError(
      "an image and a mount point are needed: kfs IMAGE MOUNTPOINT [-o OPTIONS]",
    );
  }
  if (extra.length > 0) throw new OptionError(`unexpected argument: ${extra[0]}`);
  if (options.vhostUser !== "" && (options.writeback || options.singleThread)) {
    const other = options.writeback ? "writeback: machines would not see what it holds back" : "-s";
    throw new OptionError(`vhost-user does not go with ${other}`);
  }
  options.image = image;
  options.mountPoint = mountPoint;
  return { kind: "mount", options };
}

/** Reads a word of option letters. @returns how many following words it took. */
function letters(options: KfsOptions, word: string, next: string | undefined): number {
  for (let i = 1; i < word.length; i++) {
    const letter = word.charAt(i);
    if (letter === "o" || letter === "t") {
      const rest = word.slice(i + 1);
      const value = rest !== "" ? rest : next;
      if (value === undefined) throw new OptionError(`-${letter} needs a value`);
      if (letter === "o") applyMountOptions(options, value);
      return rest === "" ? 1 : 0;
    }
    const flag = Object.hasOwn(FLAGS, letter) ? FLAGS[letter] : undefined;
    if (flag === undefined) throw new OptionError(`unknown option: ${word}`);
    flag.apply(options);
  }
  return 0;
}

/** The command line, as the help and the manual page show it. */
export function kfsSpec(): CommandSpec {
  const flags = Object.entries(FLAGS).flatMap(([letter, { help }]): OptionSpec[] =>
    help === undefined ? [] : [{ letter, help }]
  );
  return {
    name: "kfs",
    summary: "Mounts the ext2, ext3 or ext4 file system in IMAGE (a file or a block device) on " +
      "MOUNTPOINT.",
    operands: "IMAGE MOUNTPOINT",
    options: [
      { letter: "o", value: "OPTION,…", help: "mount options, see below" },
      ...flags,
      { letter: "h", name: "help", help: "this text" },
      { letter: "V", name: "version", help: "the version" },
    ],
    notes: "Unmount with: umount MOUNTPOINT, or fusermount3 -u MOUNTPOINT.",
  };
}

/** The help text. */
export function helpText(): string {
  const { operands, summary, options, notes } = kfsSpec();
  const flags = options.map(({ letter, value, help }) =>
    `  -${letter}${value === undefined ? "" : ` ${value}`}`.padEnd(14) + help
  );
  const words = mountOptionWords().map(({ word, help }) => `  ${word.padEnd(22)}${help}`);
  return `kfs ${operands} [-o OPTION,…] [-f] [-d] [-s]

${summary.replace(" (a file", "\n(a file")}
${notes}

${flags.join("\n")}

Options after -o:
${words.join("\n")}
`;
}
