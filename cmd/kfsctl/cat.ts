/** `kfsctl cat TARGET PATH…`: writes files of an image or a mount to standard output. @module */

import type { CommandLine } from "../shared/command_line.ts";
import type { Subcommand } from "./commands.ts";
import { COMMON_OPTIONS, operandsOf, STATUSES } from "./open_image.ts";
import { openTree } from "./tree.ts";

const PIECE_BYTES = 1 << 20;

export const CAT: Subcommand = {
  spec: {
    name: "kfsctl cat",
    summary: "Writes files of an image, without mounting it, or of a mount to standard output.",
    operands: "TARGET PATH…",
    options: COMMON_OPTIONS,
  },
  statuses: STATUSES,
  run: (line) => Promise.resolve(run(line)),
};

function run(line: CommandLine): number {
  const most = Number.POSITIVE_INFINITY;
  const [path, ...files] = operandsOf(line, 1, most, "kfsctl cat TARGET PATH…");
  using opened = openTree(line, path);
  const piece = new Uint8Array(PIECE_BYTES);
  for (const name of files) {
    using file = opened.tree.open(opened.pathOf(name));
    for (let count = file.read(piece); count !== null; count = file.read(piece)) {
      writeAll(piece.subarray(0, count));
    }
  }
  return 0;
}

function writeAll(bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length;) done += Deno.stdout.writeSync(bytes.subarray(done));
}
