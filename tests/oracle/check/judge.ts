/**
 * e2fsck's verdict beside the checker's.
 *
 * @module
 */

import { check, type CheckReport, knownToE2fsck } from "../../../fs/check/check.ts";
import { openFileDevice } from "../../../ffi/device/open.ts";
import { run } from "../../../tools/process.ts";

/** What `e2fsck -fn` says. */
export interface E2fsckVerdict {
  /** Exit status 0. */
  readonly clean: boolean;
  /**
   * Something was found, whatever the exit status: `-n` forgets some problems of the superblock and the group
   * descriptors, and takes others (free counts) as no errors.
   */
  readonly complained: boolean;
  /** What it complained of. */
  readonly complaints: string;
  readonly status: number;
}

/** Seconds after which e2fsck is taken to be in a loop. */
const LIMIT_SECONDS = "20";
/** Questions that are about tidiness, not about faults. */
const TIDY = /Optimize\? no/;

/** Asks e2fsck. */
export function askE2fsck(image: string): E2fsckVerdict {
  const words = ["timeout", LIMIT_SECONDS, "e2fsck", "-fn", image];
  const done = run(words[0] ?? "", words.slice(1), { env: { LC_ALL: "C" } });
  const lines = done.stdout.split("\n").filter((line) =>
    /\? no|IGNORED|Still has errors/i.test(line) && !TIDY.test(line)
  );
  const clean = done.code === 0;
  const complaints = lines.slice(0, 4).join("; ").slice(0, 400);
  return { clean, complained: !clean || lines.length > 0, complaints, status: done.code };
}

/** Asks the checker about a file. */
export function askChecker(image: string, journal: "replay" | "ignore" = "ignore"): CheckReport {
  const device = openFileDevice(image, { readOnly: true, lock: false });
  try {
    return check(device, { journal });
  } finally {
    device.close();
  }
}

/** How two verdicts go together. */
export type Agreement =
  | "same"
  /** e2fsck finds errors and the checker none. */
  | "missed"
  /** The checker finds errors that e2fsck mentions, but forgets in its exit status. */
  | "forgiven"
  /** The checker finds errors of which e2fsck says nothing. */
  | "stricter";

/** Compares. */
export function compare(theirs: E2fsckVerdict, ours: CheckReport): Agreement {
  if (theirs.clean === ours.clean) return "same";
  if (!theirs.clean) return "missed";
  return theirs.complained ? "forgiven" : "stricter";
}

/** Whether all that the checker finds is of a kind at which e2fsck does not look. */
export function isBeyondE2fsck(report: CheckReport): boolean {
  return Object.keys(report.counts).every((code) => {
    const isError = report.findings.some((found) =>
      found.code === code && found.severity === "error"
    );
    return !isError || !knownToE2fsck(code as keyof CheckReport["counts"]);
  });
}

/** The first findings, for messages. */
export function describe(report: CheckReport, most = 4): string {
  return report.findings.filter(({ severity }) => severity !== "note").slice(0, most)
    .map(({ message }) => message).join("; ");
}
