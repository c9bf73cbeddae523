/**
 * What the commands that look into an image have in common: options, opening, exit statuses.
 *
 * @module
 */

import { type Image, open } from "../../mod.ts";
import { parseBytes } from "../shared/amount.ts";
import { CommandError } from "../shared/command_error.ts";
import type { CommandLine, OptionSpec } from "../shared/command_line.ts";
import { usedBy } from "../shared/in_use.ts";
import type { Statuses } from "./commands.ts";

/** 1: the work could not be done; 2: the command line is wrong; 70: the program is at fault. */
export const STATUSES: Statuses = { usage: 2, failure: 1, fault: 70 };

export const HELP_OPTION: OptionSpec = { letter: "h", name: "help", help: "print this" };

/** Behind the options of each command's own. */
export const COMMON_OPTIONS: readonly OptionSpec[] = [
  { name: "offset", value: "BYTES", help: "where the file system begins in the file: 1M" },
  HELP_OPTION,
];

export const JSON_OPTION: OptionSpec = { name: "json", help: "print JSON" };

/** The first operand, and at least `least` and at most `most` behind it. @throws CommandError */
export function operandsOf(
  line: CommandLine,
  least: number,
  most: number,
  words: string,
): readonly [image: string, ...others: string[]] {
  const [image, ...others] = line.operands;
  if (image === undefined || others.length < least || others.length > most) {
    throw new CommandError(`wanted: ${words}`);
  }
  return [image, ...others];
}

/** Opens the image, with what it has to say on standard error. The caller closes it. @throws FsError */
export function openImage(line: CommandLine, path: string, readOnly: boolean): Image {
  // What the kernel has mounted is not locked.
  const user = readOnly ? undefined : usedBy(path);
  if (user !== undefined) throw new CommandError(user);
  const offset = offsetOf(line);
  return open(path, {
    readOnly,
    ...(offset === 0 ? {} : { offset }),
    report: (message) => console.error(`${path}: ${message}`),
  });
}

/** Where the file system begins in the image, in bytes. @throws CommandError */
export function offsetOf(line: CommandLine): number {
  const offset = line.last("offset");
  return offset === undefined ? 0 : parseBytes(offset, "--offset", 1);
}

/** Paths within an image begin at its root, whether they say so or not. */
export function absolute(path: string): string {
  return path.startsWith("/") ? path : `/${path}`;
}
