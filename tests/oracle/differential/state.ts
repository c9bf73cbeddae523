/**
 * Comparing the state of the two sides.
 *
 * @module
 */

import * as libc from "../../harness/libc.ts";
import { describe, takeTree, type Tree, type TreeEntry } from "../../harness/tree.ts";

/** Files longer than this are compared by status and attributes only, not read after every step. */
const LONGEST_READ_BYTES = 16 * 1024 * 1024;

const EXPLICIT_SLACK_SECONDS = 3600;

/**
 * A time that an operation set by itself is "now" on both sides; one that was set explicitly (the
 * operations use times far from now) is compared to the nanosecond.
 */
function coarseTime(time: string): string {
  const seconds = Number(time.split(".")[0]);
  return Math.abs(seconds - Date.now() / 1000) < EXPLICIT_SLACK_SECONDS ? "now" : time;
}

/** The entry as it can be compared between two file systems. */
export function comparable(entry: TreeEntry): TreeEntry {
  const modified = entry["modified"];
  return modified === undefined ? entry : { ...entry, modified: coarseTime(modified) };
}

/** The state of one path, or its error. */
export function stateOf(root: string, path: string): TreeEntry {
  const full = `${root}/${path}`;
  const status = libc.lstat(full);
  if (typeof status === "number") return { error: String(status) };
  if (status.sizeBytes > LONGEST_READ_BYTES) {
    return { mode: String(status.mode), size: String(status.sizeBytes), links: `${status.links}` };
  }
  return comparable(describe(full, {}));
}

/** The whole tree as it can be compared; `long` names the paths whose content is not read. */
export function wholeTree(root: string): Tree {
  const tree = takeTree(root, { longestReadBytes: LONGEST_READ_BYTES, without: ["lost+found"] });
  return new Map([...tree].map(([path, entry]) => [path, comparable(entry)]));
}
