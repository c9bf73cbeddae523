/** `kfsctl tune IMAGE`: changes label, UUID, features and the like, as tune2fs. @module */

import { tune, type TuneChanges } from "../../mod.ts";
import { CommandError } from "../shared/command_error.ts";
import type { CommandLine } from "../shared/command_line.ts";
import { ProgressBar } from "../shared/progress.ts";
import type { Subcommand } from "./commands.ts";
import { editOptions, mustBeUnused } from "./edit_image.ts";
import { COMMON_OPTIONS, JSON_OPTION, operandsOf, STATUSES } from "./open_image.ts";
import { printable } from "./printable.ts";
import { changesOf, TUNE_OPTIONS } from "./tune_options.ts";

export const TUNE: Subcommand = {
  spec: {
    name: "kfsctl tune",
    summary: "Changes what the file system in an image is like: everything that is asked for, or " +
      "nothing.",
    operands: "IMAGE",
    options: [...TUNE_OPTIONS, JSON_OPTION, ...COMMON_OPTIONS],
    notes:
      "The options are those of tune2fs. The image must not be mounted. `kfsctl dump -h IMAGE`\n" +
      "shows what there is.",
  },
  statuses: STATUSES,
  run: (line) => Promise.resolve(run(line)),
};

function run(line: CommandLine): number {
  const [path] = operandsOf(line, 0, 0, "kfsctl tune OPTIONS IMAGE");
  const changes: TuneChanges = changesOf(line);
  if (Object.keys(changes).length === 0) throw new CommandError("nothing to change: see --help");
  mustBeUnused(path);
  const bar = new ProgressBar(!line.has("json"));
  try {
    const stored = tune(path, changes, { ...editOptions(line, path), progress: bar.update });
    bar.clear();
    if (line.has("json")) console.log(JSON.stringify({ image: path, stored }));
    else console.log(`${printable(path)}: ${stored === "nothing" ? "nothing to do" : "changed"}`);
  } finally {
    bar.clear();
  }
  return 0;
}
