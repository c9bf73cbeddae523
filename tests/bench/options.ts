/**
 * The command line of the bench.
 *
 * @module
 */

import { roomyFolder } from "../harness/scratch.ts";
import { oneOf, readTaskLine, wholeNumber } from "../harness/task_line.ts";

/** How the bench runs. */
export interface BenchOptions {
  readonly quick: boolean;
  readonly rounds: number;
  /** Rows whose name contains one of these; all when empty. */
  readonly only: readonly string[];
  readonly targets: readonly string[];
  readonly json: string | undefined;
  /** Where the images lie: tmpfs unless told otherwise. */
  readonly folder: string;
  /** The C example `passthrough_ll` of libfuse. */
  readonly passthrough: string | undefined;
  /** How many files one directory grows to. */
  readonly growth: number;
  /** Runs kfs and mkfs from their modules, not bundled as in the executables. */
  readonly source: boolean;
}

/** What `--help` prints. */
export const HELP =
  `deno task bench [options]: kfs beside fuse2fs and the kernel's ext4 on a loop device

  --quick             fewer files, less data, fewer rounds
  --rounds N          rounds, interleaved over the targets (5; 2 with --quick)
  --only ROW          only rows whose name contains ROW; may be given again
  --targets A,B       of kfs, "no journal", fuse2fs, kernel, passthrough_ll (all that this machine can run)
  --passthrough PATH  libfuse's example passthrough_ll (or KFS_PASSTHROUGH)
  --dir FOLDER        where the images lie (tmpfs)
  --growth N          files to create in one directory (100000; 10000 with --quick)
  --source            kfs and mkfs from their modules, not bundled as in the executables
  --json FILE         writes the figures to FILE, too`;

const TEXT = { type: "string" } as const;
const FLAG = { type: "boolean" } as const;
const OPTIONS = {
  help: { ...FLAG, short: "h" },
  quick: FLAG,
  rounds: TEXT,
  only: { ...TEXT, multiple: true },
  targets: TEXT,
  json: TEXT,
  dir: TEXT,
  passthrough: TEXT,
  growth: TEXT,
  source: FLAG,
} as const;
const TARGETS = ["kfs", "no journal", "fuse2fs", "kernel", "passthrough_ll"];

/** Reads the command line. @throws LineError */
export function parseOptions(args: readonly string[]): BenchOptions | "help" {
  const values = readTaskLine(args, OPTIONS);
  if (values.help === true) return "help";
  const quick = values.quick ?? false;
  return {
    quick,
    rounds: countOf("rounds", values.rounds ?? (quick ? "2" : "5")),
    only: values.only ?? [],
    targets: values.targets?.split(",").map((name) => oneOf("targets", name, TARGETS)) ?? TARGETS,
    json: values.json,
    folder: values.dir ?? roomyFolder(),
    passthrough: values.passthrough ?? Deno.env.get("KFS_PASSTHROUGH"),
    growth: countOf("growth", values.growth ?? (quick ? "10000" : "100000")),
    source: values.source ?? false,
  };
}

function countOf(option: string, value: string): number {
  return wholeNumber(option, value, 1, 999_999_999);
}
