/** Files whose content cannot be had, or not be changed: encrypted ones, and those under fs-verity. @module */

import { ENOKEY, EPERM } from "../errno.ts";
import { InodeFlag } from "../layout/inode.ts";
import type { Inode } from "../volume/inode.ts";

const SEALED = InodeFlag.ENCRYPT | InodeFlag.VERITY;

/**
 * Whether the content of a file may be read, or changed with `writing`. There are no keys here; a file under
 * fs-verity has a hash tree behind its end that must go on to fit.
 * @returns 0, -ENOKEY or -EPERM, as the kernel answers.
 */
export function mayUseContent(inode: Inode, writing: boolean): number {
  if ((inode.flags & SEALED) === 0 || inode.isDirectory) return 0;
  if (inode.has(InodeFlag.ENCRYPT)) return inode.isRegular ? -ENOKEY : 0;
  return writing ? -EPERM : 0;
}
