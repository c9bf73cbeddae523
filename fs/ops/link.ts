/** Another name for an inode. @module */

import { add, DirSlot, find } from "../dir/dir.ts";
import { EEXIST, EMLINK, ENOENT, EPERM, EXDEV } from "../errno.ts";
import { InodeFlag } from "../layout/inode.ts";
import type { Engine } from "./engine.ts";
import { entryType, mayAdd } from "./limits.ts";

const slot = new DirSlot();

/**
 * Gives inode `ino` the name `name` in `parent`. An unnamed file (O_TMPFILE) gets its first name so.
 * @returns 0 or a negated errno (EEXIST, EMLINK, EPERM, EXDEV for another project, …).
 */
export function link(engine: Engine, ino: number, parent: number, name: Uint8Array): number {
  const inode = engine.inode(ino);
  const dir = engine.inode(parent);
  const allowed = mayAdd(engine, dir, name);
  if (allowed < 0) return allowed;
  if (inode.isDirectory || inode.has(InodeFlag.IMMUTABLE | InodeFlag.APPEND)) return -EPERM;
  if (inode.links >= engine.volume.geometry.maxLinks) return -EMLINK;
  if (inode.links === 0 && !inode.orphan) return -ENOENT;
  if (dir.has(InodeFlag.PROJINHERIT) && dir.projectId !== inode.projectId) return -EXDEV;
  if (find(engine.alloc, dir, name, slot) !== 0) return -EEXIST;
  return engine.changeNames(dir.has(InodeFlag.DIRSYNC), (handle) => {
    const added = add(engine.alloc, handle, dir, name, ino, entryType(engine, inode.mode));
    if (added < 0) return added;
    engine.orphans.remove(inode);
    inode.links++;
    engine.stamp(handle, inode, false);
    engine.stamp(handle, dir, true);
    return 0;
  });
}
