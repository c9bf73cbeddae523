/** `kfsctl restore IMAGE --from NAME`: everything, or a part, back from a snapshot. @module */

import { CommandError } from "../shared/command_error.ts";
import type { CommandLine, OptionSpec } from "../shared/command_line.ts";
import { offsetOf, openImage, operandsOf } from "./open_image.ts";
import { findTarget } from "./target.ts";

/** Options of `kfsctl restore` that are about snapshots. */
export const FROM_SNAPSHOT: readonly OptionSpec[] = [
  { name: "from", value: "NAME", help: "from this snapshot of IMAGE" },
  { name: "path", value: "PATH", help: "with --from: only this file or directory (everything)" },
  { name: "to", value: "DIR", help: "with --from: into this directory, not in place" },
];

/** Restores from a snapshot. @returns the exit status */
export function restoreFromSnapshot(line: CommandLine): number {
  const [text] = operandsOf(line, 0, 0, "kfsctl restore IMAGE --from NAME");
  const [from, path, to] = [line.last("from"), line.last("path"), line.last("to")];
  if (from === undefined) throw new CommandError("wanted: kfsctl restore IMAGE --from NAME");
  const target = findTarget(text, offsetOf(line));
  if (target.kind === "mount") {
    const where = `${target.mountPoint}/.snapshots/${from}`;
    throw new CommandError(`${text} is mounted: copy from ${where}, or unmount it first`);
  }
  using image = openImage(line, target.path, false);
  const { nodes } = image.snapshots.restore(from, {
    ...(path === undefined ? {} : { path }),
    ...(to === undefined ? {} : { to }),
    warn: (message) => console.error(`${text}: ${message}`),
  });
  if (line.has("json")) console.log(JSON.stringify({ image: text, from, nodes }, undefined, 2));
  else console.log(`${nodes.toLocaleString("en")} restored from ${from}`);
  return 0;
}
