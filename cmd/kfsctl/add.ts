/** `kfsctl add FILE`: keeps the state of a file as a version. @module */

import type { KeptVersion } from "../../mod.ts";
import { formatBytes } from "../shared/amount.ts";
import type { CommandLine } from "../shared/command_line.ts";
import { ProgressBar } from "../shared/progress.ts";
import type { Subcommand } from "./commands.ts";
import { COMMON_OPTIONS, JSON_OPTION, openImage, STATUSES } from "./open_image.ts";
import { printable } from "./printable.ts";
import { askForFile, fileTarget } from "./version_target.ts";

const WORDS = "kfsctl add FILE, or IMAGE PATH";

export const ADD: Subcommand = {
  spec: {
    name: "kfsctl add",
    summary: "Keeps the state that a file is in as a version of it.",
    operands: "FILE | IMAGE PATH",
    options: [
      { letter: "m", name: "note", value: "TEXT", help: "a line about the version" },
      JSON_OPTION,
      ...COMMON_OPTIONS,
    ],
    notes:
      "FILE is in a mount of kfs. Versions share what is equal in them, and belong to the file\n" +
      "whatever it is called; kfsctl log lists them, kfsctl restore brings one back.",
  },
  statuses: STATUSES,
  run,
};

async function run(line: CommandLine): Promise<number> {
  const target = fileTarget(line, 0, WORDS);
  const note = line.last("m") ?? "";
  let kept: KeptVersion;
  if (target.kind === "mount") {
    flush(`${target.mountPoint}${target.path}`);
    kept = await askForFile(line, target, "version.add", { note }, "Reading");
  } else {
    using image = openImage(line, target.image, false);
    const bar = new ProgressBar(!line.has("json"));
    const total = Deno.stderr.isTerminal() ? image.stat(target.path).size : 0;
    try {
      const progress = (done: number): void => bar.update("Reading", done, total);
      kept = image.addVersion(target.path, { note, progress });
    } finally {
      bar.clear();
    }
  }
  if (line.has("json")) console.log(JSON.stringify({ path: target.path, ...kept }));
  else console.log(textOf(target.path, kept));
  return 0;
}

/** What the kernel has not written yet (write-back caching) is to be kept too. */
function flush(path: string): void {
  try {
    using file = Deno.openSync(path);
    file.syncDataSync();
  } catch {
    // Not to be opened by this user: what is written is kept.
  }
}

function textOf(path: string, { number, unchanged, size, newBytes }: KeptVersion): string {
  const name = printable(path);
  if (unchanged) return `${name}: as in version ${number}, nothing to keep`;
  return `${name}: version ${number} kept, ${formatBytes(size)}, ${
    formatBytes(newBytes)
  } of it new`;
}
