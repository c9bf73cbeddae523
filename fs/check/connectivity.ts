/**
 * Third pass: every directory hangs below the root, and ".." names its parent.
 *
 * @module
 */

import { ROOT_INODE } from "../layout/superblock.ts";
import type { CheckContext } from "./context.ts";
import { PagedNumbers } from "./paged_numbers.ts";

/** Marks of the walk: the number of the walk that came by, or that all above is known. */
const DONE = 0xffffffff;

/** Checks the tree of directories. */
export function checkConnectivity(check: CheckContext): void {
  const { findings, directories, usedInodes, directoryInodes } = check;
  if (!usedInodes.has(ROOT_INODE)) findings.add("root_missing", { inode: ROOT_INODE });
  else if (!directoryInodes.has(ROOT_INODE)) {
    findings.add("root_no_directory", { inode: ROOT_INODE });
  }
  const marks = new PagedNumbers();
  marks.set(ROOT_INODE, DONE);
  for (let index = 0; index < directories.count; index++) {
    if ((index & 0xfff) === 0) check.step("connections", index, directories.count);
    const ino = directories.inode(index);
    climb(check, marks, ino, index + 1);
    const parent = directories.parents.get(ino);
    const dotDot = directories.dotDots.get(ino);
    if (dotDot !== parent) findings.add("dot_dot_inode", { inode: ino }, dotDot, parent);
  }
}

/** Goes up from a directory until what is known. @param walk a number of its own, from 1 on. */
function climb(check: CheckContext, marks: PagedNumbers, start: number, walk: number): void {
  const { findings, directories } = check;
  let ino = start;
  while (marks.get(ino) === 0) {
    marks.set(ino, walk);
    const parent = directories.parents.get(ino);
    if (parent === 0) {
      findings.add("directory_unconnected", { inode: ino });
      break;
    }
    ino = parent;
  }
  if (marks.get(ino) === walk && directories.parents.get(ino) !== 0) {
    findings.add("directory_loop", { inode: ino });
  }
  for (let at = start; marks.get(at) === walk; at = directories.parents.get(at)) {
    marks.set(at, DONE);
    if (directories.parents.get(at) === 0) break;
  }
}
