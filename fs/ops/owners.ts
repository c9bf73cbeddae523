/** Giving an inode another owner, group or project, and them what it uses. @module */

import type { Handle } from "../journal/transaction.ts";
import type { Owners } from "../quota/quota.ts";
import type { Inode } from "../volume/inode.ts";
import { valueInodeCount } from "../xattr/xattr.ts";
import type { Engine } from "./engine.ts";

/**
 * Whether quotas let the inode have these owners. To be asked before anything is changed.
 * @returns 0; -EDQUOT; -ENOSPC or NEEDS_COMMIT.
 */
export function mayTransfer(engine: Engine, handle: Handle, inode: Inode, owners: Owners): number {
  const { quota } = engine;
  if (quota === null || !differs(inode, owners)) return 0;
  return quota.admitTransfer(handle, inode, owners, inodesOf(engine, inode));
}

/** Sets the owners, after `mayTransfer`. The caller dirties the inode. */
export function transfer(engine: Engine, inode: Inode, owners: Owners): void {
  if (!differs(inode, owners)) return;
  if (engine.quota !== null) {
    engine.quota.transfer(inode, owners, inodesOf(engine, inode));
    return;
  }
  inode.uid = owners.uid;
  inode.gid = owners.gid;
  inode.projectId = owners.projectId;
}

function differs(inode: Inode, { uid, gid, projectId }: Owners): boolean {
  return inode.uid !== uid || inode.gid !== gid || inode.projectId !== projectId;
}

/** The inode itself, and each that holds a value of its attributes. */
function inodesOf(engine: Engine, inode: Inode): number {
  return 1 + valueInodeCount(engine.alloc, inode);
}
