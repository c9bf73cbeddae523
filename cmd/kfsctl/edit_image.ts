/**
 * What the commands that change a whole file system have in common.
 *
 * @module
 */

import type { CommandLine } from "../shared/command_line.ts";
import { usedBy } from "../shared/in_use.ts";
import { offsetOf } from "./open_image.ts";

/** @throws Refused when the image is mounted, behind a loop device, or swap. */
export function mustBeUnused(path: string): void {
  const user = usedBy(path);
  if (user !== undefined) throw new Refused(user);
}

/** Where the file system is, and where reports go. */
export function editOptions(line: CommandLine, path: string) {
  const offset = offsetOf(line);
  return {
    ...(offset === 0 ? {} : { offset }),
    report: (message: string) => console.error(`${path}: ${message}`),
  };
}

/** Said in one line; not the command line is at fault. */
export class Refused extends Error {
  readonly errno = 16;
  override readonly name = "Refused";
}
