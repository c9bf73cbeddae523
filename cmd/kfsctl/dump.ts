/** `kfsctl dump IMAGE`: superblock, groups and journal, as dumpe2fs. @module */

import { badBlocks, dump, type DumpField } from "../../mod.ts";
import { parseNumber } from "../shared/amount.ts";
import { CommandError } from "../shared/command_error.ts";
import type { CommandLine } from "../shared/command_line.ts";
import type { Subcommand } from "./commands.ts";
import { dumpText } from "./dump_text.ts";
import { JSON_OPTION, offsetOf, operandsOf, STATUSES } from "./open_image.ts";

const MIN_BLOCK_BYTES = 1024;
const MAX_BLOCK_BYTES = 65536;

export const DUMP: Subcommand = {
  spec: {
    name: "kfsctl dump",
    summary:
      "Tells everything that superblock, group descriptors, bitmaps and journal superblock " +
      "say (as dumpe2fs).",
    operands: "IMAGE",
    options: [
      { letter: "h", help: "the header only, without groups" },
      { letter: "b", help: "print the list of bad blocks, nothing else" },
      { name: "superblock", value: "BLOCK", help: "a copy of the superblock; with --blocksize" },
      { name: "blocksize", value: "BYTES", help: "of that block's number" },
      JSON_OPTION,
      { name: "offset", value: "BYTES", help: "where the file system begins in the file: 1M" },
      { name: "help", help: "print this" },
    ],
    notes:
      "Nothing is replayed or locked: of an image that is in use, this is what is on the disk.",
  },
  statuses: STATUSES,
  run: (line) => Promise.resolve(run(line)),
};

function run(line: CommandLine): number {
  const [path] = operandsOf(line, 0, 0, "kfsctl dump IMAGE");
  const options = { ...placeOf(line), offset: offsetOf(line), headerOnly: line.has("h") };
  if (line.has("b")) {
    const ranges = badBlocks(path, options);
    if (line.has("json")) console.log(JSON.stringify({ image: path, badBlocks: ranges }));
    for (const [first, last] of line.has("json") ? [] : ranges) {
      for (let block = first; block <= last; block++) console.log(String(block));
    }
    return 0;
  }
  const found = dump(path, options);
  if (!line.has("json")) console.log(dumpText(found));
  else {
    const { header, journal, mmp, groups } = found;
    const object = {
      image: path,
      header: plain(header),
      journal: plain(journal),
      ...(mmp.length === 0 ? {} : { mmp: plain(mmp) }),
      ...(line.has("h") ? {} : { groups }),
    };
    console.log(JSON.stringify(object, undefined, 2));
  }
  return 0;
}

function placeOf(line: CommandLine): { superblock?: number; blockBytes?: number } {
  const [superblock, blockBytes] = [line.last("superblock"), line.last("blocksize")];
  if (superblock === undefined && blockBytes === undefined) return {};
  if (superblock === undefined || blockBytes === undefined) {
    throw new CommandError("--superblock and --blocksize go together");
  }
  const bytes = parseNumber(blockBytes, "--blocksize", MIN_BLOCK_BYTES, MAX_BLOCK_BYTES);
  if ((bytes & (bytes - 1)) !== 0) {
    throw new CommandError(`--blocksize: ${bytes} is no power of two`);
  }
  return { superblock: parseNumber(superblock, "--superblock"), blockBytes: bytes };
}

/** Names and values, as an object. */
function plain(fields: readonly DumpField[]): Record<string, unknown> {
  return Object.fromEntries(fields.map(({ name, value }) => [name, value]));
}
