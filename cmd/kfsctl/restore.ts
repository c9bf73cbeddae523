/** `kfsctl restore FILE [VERSION]`: brings a version of a file back. @module */

import type { RestoredVersion } from "../../mod.ts";
import { statusOf } from "../../ffi/libc/status.ts";
import { formatBytes, parseNumber } from "../shared/amount.ts";
import type { CommandLine } from "../shared/command_line.ts";
import { ProgressBar } from "../shared/progress.ts";
import type { Subcommand } from "./commands.ts";
import { COMMON_OPTIONS, JSON_OPTION, openImage, STATUSES } from "./open_image.ts";
import { printable } from "./printable.ts";
import { FROM_SNAPSHOT, restoreFromSnapshot } from "./restore_snapshot.ts";
import { askForFile, fileTarget } from "./version_target.ts";

const WORDS = "kfsctl restore FILE [VERSION], or IMAGE PATH [VERSION]";
const MOST_NUMBER = 999_999_999;
const SEEN_TRIES = 200;
const SEEN_PAUSE_MS = 5;

export const RESTORE: Subcommand = {
  spec: {
    name: "kfsctl restore",
    summary: "Brings back a version of a file that kfsctl add kept (the newest, or the one " +
      "named), or what a snapshot holds.",
    operands: "FILE [VERSION] | IMAGE PATH [VERSION] | IMAGE --from NAME",
    options: [
      { name: "discard", help: "do not keep the state that the file is in" },
      ...FROM_SNAPSHOT,
      JSON_OPTION,
      ...COMMON_OPTIONS,
    ],
    notes:
      "The version takes the name as a new file, in one step: a crash leaves the old file or the\n" +
      "new one. Who has the old file open, and its other names, keep the old one.\n" +
      "With --from, all that is there goes and what the snapshot holds comes, in one step, too.\n" +
      "That wants an image that is not mounted; in a mount, copy from .snapshots/NAME.",
  },
  statuses: STATUSES,
  run,
};

async function run(line: CommandLine): Promise<number> {
  if (FROM_SNAPSHOT.some(({ name = "" }) => line.has(name))) return restoreFromSnapshot(line);
  const target = fileTarget(line, 1, WORDS);
  const [versionText] = target.rest;
  const number = versionText === undefined
    ? undefined
    : parseNumber(versionText, "VERSION", 1, MOST_NUMBER);
  const discard = line.has("discard");
  let restored: RestoredVersion;
  if (target.kind === "mount") {
    const args = { number: number ?? 0, discard };
    restored = await askForFile(line, target, "version.restore", args, "Restoring");
    await untilSeen(`${target.mountPoint}${target.path}`, restored.ino);
  } else {
    using image = openImage(line, target.image, false);
    const bar = new ProgressBar(!line.has("json"));
    const found = image.versions(target.path).findLast((version) =>
      number === undefined || version.number === number
    );
    try {
      const progress = (done: number): void => bar.update("Restoring", done, found?.size ?? 0);
      restored = image.restoreVersion(target.path, {
        discard,
        progress,
        ...(number === undefined ? {} : { number }),
      });
    } finally {
      bar.clear();
    }
  }
  if (line.has("json")) console.log(JSON.stringify({ path: target.path, ...restored }));
  else console.log(textOf(target.path, restored));
  return 0;
}

/** The kernel is told of the new file by a thread of its own: waits until the name leads to it. */
async function untilSeen(path: string, ino: number): Promise<void> {
  for (let tries = 0; tries < SEEN_TRIES; tries++) {
    try {
      if (statusOf(path).ino === ino) return;
    } catch {
      // Not there yet, or not to be looked at by this user.
    }
    await new Promise((resolve) => setTimeout(resolve, SEEN_PAUSE_MS));
  }
}

function textOf(path: string, { number, size, keptAs }: RestoredVersion): string {
  const kept = keptAs === undefined ? "" : `; the state before is version ${keptAs}`;
  return `${printable(path)}: version ${number} restored, ${formatBytes(size)}${kept}`;
}
