/** `kfsctl trim TARGET`: gives free space back to what holds the file system. @module */

import { trimMounted } from "../../ffi/libc/trim.ts";
import type { Image } from "../../mod.ts";
import { formatBytes, parseBytes } from "../shared/amount.ts";
import { CommandError } from "../shared/command_error.ts";
import type { CommandLine } from "../shared/command_line.ts";
import { ProgressBar } from "../shared/progress.ts";
import type { Subcommand } from "./commands.ts";
import { digHoles } from "./dig_holes.ts";
import { COMMON_OPTIONS, JSON_OPTION, openImage, operandsOf, STATUSES } from "./open_image.ts";

export const TRIM: Subcommand = {
  spec: {
    name: "kfsctl trim",
    summary: "Discards the free blocks of what is mounted (as fstrim), or punches those of an " +
      "image out of its file.",
    operands: "TARGET",
    options: [
      { name: "start", value: "BYTES", help: "where in the file system to begin (0)" },
      { letter: "l", name: "length", value: "BYTES", help: "how far to go (to the end)" },
      { letter: "m", name: "minimum", value: "BYTES", help: "leave shorter free runs alone (0)" },
      { name: "sparsify", help: "of an image: also make holes of all zeros in use" },
      JSON_OPTION,
      ...COMMON_OPTIONS,
    ],
    notes:
      "TARGET is a directory of a mount, an image file or a block device. The journal of an\n" +
      "image is replayed first; one with errors is refused.",
  },
  statuses: STATUSES,
  run: (line) => Promise.resolve(run(line)),
};

/** What was asked for, in bytes. */
interface Range {
  readonly start: number;
  readonly length: number | undefined;
  readonly minimum: number;
}

/** What came of it. Sizes are those that the image file takes on the host; unknown for a device. */
interface Trimmed {
  readonly trimmedBytes: number;
  readonly beforeBytes?: number;
  readonly afterBytes?: number;
}

function run(line: CommandLine): number {
  const [path] = operandsOf(line, 0, 0, "kfsctl trim TARGET");
  const range = rangeOf(line);
  const info = Deno.statSync(path);
  const result = info.isDirectory ? trimMount(line, path, range) : trimImage(line, path, range);
  if (line.has("json")) console.log(JSON.stringify({ target: path, ...result }, undefined, 2));
  else console.log(text(path, result));
  return 0;
}

function rangeOf(line: CommandLine): Range {
  const bytes = (key: string, option: string): number | undefined => {
    const value = line.last(key);
    return value === undefined ? undefined : parseBytes(value, option, 1);
  };
  return {
    start: bytes("start", "--start") ?? 0,
    length: bytes("l", "--length"),
    minimum: bytes("m", "--minimum") ?? 0,
  };
}

/** Through the mount, whoever serves it. */
function trimMount(line: CommandLine, path: string, range: Range): Trimmed {
  for (const option of ["sparsify", "offset"]) {
    if (line.has(option)) throw new CommandError(`--${option} is for images that are not mounted`);
  }
  const { start, length = Number.MAX_SAFE_INTEGER - start, minimum } = range;
  return { trimmedBytes: trimMounted(path, start, length, minimum) };
}

function trimImage(line: CommandLine, path: string, { start, length, minimum }: Range): Trimmed {
  mustBeSound(line, path);
  const isFile = Deno.statSync(path).isFile;
  if (line.has("sparsify") && !isFile) throw new CommandError("--sparsify is for image files");
  const before = takenBytes(path);
  using image = openImage(line, path, false);
  const options = { start, minimum, ...(length === undefined ? {} : { length }) };
  const trimmedBytes = image.trim(options);
  if (line.has("sparsify")) sparsify(line, path, image);
  image.close();
  if (!isFile) return { trimmedBytes };
  return { trimmedBytes, beforeBytes: before, afterBytes: takenBytes(path) };
}

/** What bitmaps that may be wrong call free is not to be lost. @throws CommandError */
function mustBeSound(line: CommandLine, path: string): void {
  using image = openImage(line, path, true);
  const { hasErrors, inUse, features } = image.describe();
  if (hasErrors) throw new CommandError(`${path} has errors: repair it first (e2fsck -f ${path})`);
  if (inUse && !features.includes("has_journal")) {
    const what = "was not closed cleanly and has no journal";
    throw new CommandError(`${path} ${what}: check it first (e2fsck -f ${path})`);
  }
}

function sparsify(line: CommandLine, path: string, image: Image): void {
  const bar = new ProgressBar(!line.has("json"));
  const offset = parseBytes(line.last("offset") ?? "0", "--offset", 1);
  image.sync();
  digHoles(path, offset, offset + image.describe().bytes, (done, total) => {
    bar.update("Looking for zeros", done, total);
  });
  bar.clear();
}

function takenBytes(path: string): number {
  return (Deno.statSync(path).blocks ?? 0) * 512;
}

function text(path: string, { trimmedBytes, beforeBytes, afterBytes }: Trimmed): string {
  const trimmed = `${path}: ${formatBytes(trimmedBytes)} of free space trimmed`;
  if (beforeBytes === undefined || afterBytes === undefined) return trimmed;
  return `${trimmed}; the file takes ${formatBytes(afterBytes)} (before: ${
    formatBytes(beforeBytes)
  })`;
}
