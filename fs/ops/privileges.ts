/** What a change by somebody unprivileged takes from a file: set-id bits and capabilities. @module */

import { ENODATA } from "../errno.ts";
import type { Handle } from "../journal/transaction.ts";
import { S_ISGID, S_ISUID } from "../layout/inode.ts";
import type { Inode } from "../volume/inode.ts";
import { XattrIndex } from "../layout/xattr_name.ts";
import { removeStored } from "../xattr/store.ts";
import { hasNoXattrs } from "../xattr/xattr.ts";
import type { Engine } from "./engine.ts";

const CAPABILITY = new TextEncoder().encode("capability");
const GROUP_EXECUTE = 0o10;

/**
 * Clears set-user-id, set-group-id of what is group-executable, and `security.capability`; directories keep theirs.
 * @returns 0; -ENOSPC, -EDQUOT or NEEDS_COMMIT, with nothing changed, when attributes that are shared must be copied
 *   and there is no room.
 */
export function dropPrivileges(engine: Engine, handle: Handle, inode: Inode): number {
  if (inode.isDirectory) return 0;
  const { alloc } = engine;
  if (!hasNoXattrs(inode)) {
    const removed = removeStored(alloc, handle, inode, XattrIndex.SECURITY, CAPABILITY, true);
    if (removed < 0 && removed !== -ENODATA) return removed;
  }
  let mode = inode.mode & ~S_ISUID;
  if ((mode & GROUP_EXECUTE) !== 0) mode &= ~S_ISGID;
  if (mode !== inode.mode) {
    inode.mode = mode;
    engine.dirty(handle, inode);
  }
  return 0;
}
