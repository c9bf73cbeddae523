/** `kfsctl status TARGET`: what kind of file system it is, how full, and how its mount does. @module */

import { CommandError } from "../shared/command_error.ts";
import type { CommandLine } from "../shared/command_line.ts";
import type { MountStatus } from "../shared/mount_status.ts";
import type { Subcommand } from "./commands.ts";
import {
  COMMON_OPTIONS,
  JSON_OPTION,
  offsetOf,
  openImage,
  operandsOf,
  STATUSES,
} from "./open_image.ts";
import { MountClient } from "./mount_client.ts";
import { imageText, mountText } from "./status_text.ts";
import { findTarget } from "./target.ts";
import { Keys, paintFor, Screen } from "./terminal.ts";

const DEFAULT_WATCH_SECONDS = 2;

export const STATUS: Subcommand = {
  spec: {
    name: "kfsctl status",
    summary:
      "Shows what kind of file system it is, its state, how full it is, and what its mount does.",
    operands: "TARGET",
    options: [
      JSON_OPTION,
      {
        name: "watch",
        value: "SECONDS",
        optional: true,
        help: `show it again and again (every ${DEFAULT_WATCH_SECONDS} seconds), until q or Ctrl-C`,
      },
      ...COMMON_OPTIONS,
    ],
    notes:
      "TARGET is a mount point, a path in a mount, or an image; for one that is mounted by kfs,\n" +
      "the mount is asked. A journal that waits for its replay is looked at as if it had been\nreplayed.",
  },
  statuses: STATUSES,
  run,
};

async function run(line: CommandLine): Promise<number> {
  const [path] = operandsOf(line, 0, 0, "kfsctl status TARGET");
  const watch = line.has("watch");
  const seconds = secondsOf(line.last("watch"));
  if (!watch) {
    console.log(statusOf(line, path));
    return 0;
  }
  const live = Deno.stdout.isTerminal() && !line.has("json");
  let text = statusOf(line, path);
  using screen = live ? new Screen() : undefined;
  using keys = new Keys(live);
  for (;; text = statusOf(line, path)) {
    if (screen === undefined) console.log(text);
    else screen.draw(text);
    if (await keys.pressed("q", seconds * 1000)) return 0;
  }
}

function secondsOf(text = ""): number {
  const seconds = text === "" ? DEFAULT_WATCH_SECONDS : Number(text);
  if (seconds >= 0.1 && seconds <= 86_400) return seconds;
  throw new CommandError(`--watch: ${text} is not a number of seconds from 0.1 to 86400`);
}

/** With `--watch` JSON comes in lines. */
function statusOf(line: CommandLine, path: string): string {
  const indent = line.has("watch") ? undefined : 2;
  const target = findTarget(path, offsetOf(line));
  if (target.kind === "mount") {
    using client = new MountClient(target.mountPoint);
    const status = client.ask<MountStatus>("status");
    return line.has("json")
      ? JSON.stringify(status, undefined, indent)
      : mountText(status, paintFor());
  }
  using image = openImage(line, path, true);
  const description = image.describe();
  const snapshots = image.snapshots.list();
  if (!line.has("json")) return imageText(path, description, snapshots);
  return JSON.stringify({ image: path, ...description, snapshots }, undefined, indent);
}
