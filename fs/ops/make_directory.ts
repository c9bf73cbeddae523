/** Making a directory. @module */

import { create } from "../dir/dir.ts";
import { S_IFDIR } from "../layout/inode.ts";
import type { Credentials, Engine } from "./engine.ts";
import { maySubdirectory } from "./limits.ts";
import { makeNamed, mayMake } from "./named_node.ts";

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
  const allowed = mayMake(engine, dir, name);
  if (allowed < 0) return allowed;
  const linkable = maySubdirectory(engine, dir);
  if (linkable < 0) return linkable;
  const fullMode = S_IFDIR | (mode & 0o7777);
  return makeNamed(engine, owner, dir, name, fullMode, umask, (handle, inode) => {
    inode.links = 2;
    return create(engine.alloc, handle, inode, dir.ino);
  });
}
