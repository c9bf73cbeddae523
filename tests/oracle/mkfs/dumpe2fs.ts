/**
 * What dumpe2fs tells of an image, and what of it may differ between two runs of the same mkfs.
 *
 * @module
 */

import { must } from "../../harness/commands.ts";

/**
 * Lines of the header that may differ: the random identities, the clock, what follows from them (the
 * superblock's checksum), and the count of what was written so far, which depends on how it was written.
 */
export const MAY_DIFFER: readonly string[] = [
  "Filesystem UUID",
  "Journal UUID",
  "Directory Hash Seed",
  "Checksum Seed",
  "Checksum",
  "Filesystem created",
  "Last write time",
  "Last checked",
  "Next check after",
  "Lifetime writes",
  "MMP magic",
  "MMP sequence number",
  "MMP update date",
  "mmp_update_date",
  "mmp_update_time",
  "MMP nodename",
  "MMP device name",
];

function mayDiffer(line: string): boolean {
  return MAY_DIFFER.some((key) =>
    line.trimStart().toLowerCase().startsWith(`${key.toLowerCase()}:`)
  );
}

/** The header (`dumpe2fs -h`), without what may differ. */
export function header(image: string): readonly string[] {
  const text = must("dumpe2fs", ["-h", image], { env: { LC_ALL: "C", TZ: "UTC" } });
  return text.split("\n").filter((line) => !mayDiffer(line));
}

/**
 * The groups, without checksums (they contain the UUID) and without the mark that an inode table is
 * zeroed already (a sparse file reads as zeros; mke2fs leaves the mark to the kernel).
 */
export function groups(image: string): readonly string[] {
  const text = must("dumpe2fs", [image], { env: { LC_ALL: "C" } });
  const start = text.search(/^Group 0:/m);
  return text.slice(start).split("\n").map((line) =>
    line.replaceAll(/,? csum 0x[0-9a-f]+/g, "")
      .replace(/ITABLE_ZEROED(, )?/, "").replace(/, \]/, "]").replace(/ *\[\] */, "").trimEnd()
  );
}

/** The lines of which only one side has them, marked `<` and `>`. */
export function lineDifferences(
  left: readonly string[],
  right: readonly string[],
): readonly string[] {
  const lines: string[] = [];
  for (let index = 0; index < Math.max(left.length, right.length); index++) {
    if (left[index] === right[index]) continue;
    lines.push(`< ${left[index] ?? "(nothing)"}`, `> ${right[index] ?? "(nothing)"}`);
  }
  return lines;
}
