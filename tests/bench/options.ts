/**
 * The command line of the bench.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { roomyFolder } from "../harness/scratch.ts";

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
  --json FILE         writes the figures to FILE, too`;

/** Reads the command line; throws on unknown options. */
export function parseOptions(args: readonly string[]): BenchOptions | "help" {
  const { values } = parseArgs({
    args: [...args],
    options: {
      help: { type: "boolean", short: "h" },
      quick: { type: "boolean" },
      rounds: { type: "string" },
      only: { type: "string", multiple: true },
      targets: { type: "string" },
      json: { type: "string" },
      dir: { type: "string" },
      passthrough: { type: "string" },
      growth: { type: "string" },
    },
  });
  if (values.help === true) return "help";
  const quick = values.quick ?? false;
  return {
    quick,
    rounds: countOf("rounds", values.rounds ?? (quick ? "2" : "5")),
    only: values.only ?? [],
    targets: values.targets?.split(",") ?? [
      "kfs",
      "no journal",
      "fuse2fs",
      "kernel",
      "passthrough_ll",
    ],
    json: values.json,
    folder: values.dir ?? roomyFolder(),
    passthrough: values.passthrough ?? Deno.env.get("KFS_PASSTHROUGH"),
    growth: countOf("growth", values.growth ?? (quick ? "10000" : "100000")),
  };
}

function countOf(option: string, value: string): number {
  if (!/^[1-9]\d{0,8}$/.test(value)) {
    throw new Error(`--${option} ${value}: use a number from 1 on`);
  }
  return Number(value);
}
