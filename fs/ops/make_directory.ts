/** Making a directory. @module */

import { add, create as createContent, DirSlot, find } from "../dir/dir.ts";
import { EEXIST } from "../errno.ts";
import { InodeFlag, S_IFDIR } from "../layout/inode.ts";
import { discard, makeInode } from "./create.ts";
import { clearContent } from "./delete_inode.ts";
import type { Credentials, Engine } from "./engine.ts";
import { addSubdirectory, entryType, mayAdd, maySubdirectory } from "./limits.ts";

const slot = new DirSlot();

/**
 * Makes directory `name` in `parent`.
 * @returns the new inode's number, or a negated errno (EEXIST, EMLINK, ENOSPC, …).
 */
export function makeDirectory(
  engine: Engine,
  owner: Credentials,
  parent: number,
  name: Uint8Array,
  mode: number,
  umask: number,
): number {
  const dir = engine.inode(parent);
  const allowed = mayAdd(engine, dir, name);
  if (allowed < 0) return allowed;
  if (find(engine.alloc, dir, name, slot) !== 0) return -EEXIST;
  const linkable = maySubdirectory(engine, dir);
  if (linkable < 0) return linkable;
  const fullMode = S_IFDIR | (mode & 0o7777);
  return engine.changeNames(dir.has(InodeFlag.DIRSYNC), (handle) => {
    const inode = makeInode(engine, handle, owner, dir, fullMode, umask);
    if (typeof inode === "number") return inode;
    let result = createContent(engine.alloc, handle, inode, dir.ino);
    if (result >= 0) {
      result = add(
        engine.alloc,
        handle,
        dir,
        name,
        inode.ino,
        entryType(engine, fullMode),
        owner.uid === 0,
      );
    }
    if (result < 0) {
      clearContent(engine, handle, inode);
      discard(engine, handle, inode);
      return result;
    }
    inode.links = 2;
    addSubdirectory(engine, dir);
    engine.stamp(handle, dir, true);
    return inode.ino;
  });
}
