/** What opening a file asks of it. @module */

import { EISDIR, EPERM } from "../errno.ts";
import { InodeFlag } from "../layout/inode.ts";
import type { Engine } from "./engine.ts";
import { mayUseContent } from "./sealed_content.ts";

/** O_* flags, Linux on x86-64. */
export const O_ACCMODE = 3;
export const O_TRUNC = 0o1000;
export const O_APPEND = 0o2000;

/** 0 when the inode may be opened with these flags, else a negated errno. Permissions are the caller's to check. */
export function mayOpen(engine: Engine, ino: number, flags: number): number {
  const inode = engine.inode(ino);
  const writing = (flags & O_ACCMODE) !== 0;
  if (inode.isDirectory) return writing ? -EISDIR : 0;
  const sealed = mayUseContent(inode, writing || (flags & O_TRUNC) !== 0);
  if (sealed < 0) return sealed;
  if (inode.has(InodeFlag.IMMUTABLE) && (writing || (flags & O_TRUNC) !== 0)) return -EPERM;
  if (!inode.has(InodeFlag.APPEND)) return 0;
  if (writing && (flags & O_APPEND) === 0) return -EPERM;
  return (flags & O_TRUNC) !== 0 ? -EPERM : 0;
}
