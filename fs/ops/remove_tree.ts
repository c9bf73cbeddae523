/** Removing a directory with everything in it. @module */

import { DirSlot, find } from "../dir/dir.ts";
import { FsError } from "../errors.ts";
import { InodeFlag } from "../layout/inode.ts";
import type { Engine } from "./engine.ts";
import { readDirectory } from "./read_directory.ts";
import { findDirectories, RESTORE_DIRECTORY } from "./snapshot_files.ts";
import { removeDirectory, unlink } from "./unlink.ts";

const slot = new DirSlot();

/** A name in a directory. */
export interface Name {
  readonly name: Uint8Array;
  readonly ino: number;
}

/** The names in a directory, without the dots. @throws FsError */
export function namesIn(engine: Engine, directory: number): Name[] {
  const names: Name[] = [];
  const result = readDirectory(engine, directory, 0, (bytes, start, end, ino) => {
    const name = bytes.slice(start, end);
    const dots = name[0] === 0x2e && (name.length === 1 || (name.length === 2 && name[1] === 0x2e));
    if (!dots) names.push({ name, ino });
    return true;
  });
  if (result < 0) throw new FsError(-result, `the directory ${directory} cannot be read`);
  return names;
}

interface Level {
  readonly directory: number;
  readonly parent: number;
  readonly name: Uint8Array;
}

/** Removes the entry `name` of `parent`, and all below it, immutable or not. @throws FsError, Corrupt, DeviceError */
export function removeTree(engine: Engine, parent: number, name: Uint8Array, ino: number): void {
  const stack: Level[] = [];
  const enter = (level: Level): void => {
    free(engine, level.directory);
    stack.push(level);
  };
  if (engine.inode(ino).isDirectory) enter({ directory: ino, parent, name });
  else leave(engine, parent, name, ino);
  for (let level = stack.at(-1); level !== undefined; level = stack.at(-1)) {
    const { directory } = level;
    let deeper = false;
    for (const entry of namesIn(engine, directory)) {
      if (engine.inode(entry.ino).isDirectory) {
        enter({ directory: entry.ino, parent: directory, name: entry.name });
        deeper = true;
        break;
      }
      leave(engine, directory, entry.name, entry.ino);
    }
    if (deeper) continue;
    stack.pop();
    must(removeDirectory(engine, level.parent, level.name));
    engine.trim();
  }
}

function leave(engine: Engine, parent: number, name: Uint8Array, ino: number): void {
  // A file with names elsewhere keeps its flags.
  const inode = engine.inode(ino);
  const fixed = inode.flags & (InodeFlag.IMMUTABLE | InodeFlag.APPEND);
  const stays = inode.links > 1;
  free(engine, ino);
  must(unlink(engine, parent, name));
  if (fixed !== 0 && stays) setFixed(engine, ino, fixed);
  engine.trim();
}

/** Takes away what keeps an inode from being removed. */
function free(engine: Engine, ino: number): void {
  if (engine.inode(ino).has(InodeFlag.IMMUTABLE | InodeFlag.APPEND)) setFixed(engine, ino, 0);
}

function setFixed(engine: Engine, ino: number, fixed: number): void {
  must(engine.change((handle) => {
    const inode = engine.inode(ino);
    const others = inode.flags & ~(InodeFlag.IMMUTABLE | InodeFlag.APPEND);
    inode.flags = (others | fixed) >>> 0;
    engine.dirty(handle, inode);
    return 0;
  }));
}

function must(result: number): void {
  if (result < 0) throw new FsError(-result, `something cannot be removed (errno ${-result})`);
}

/** Removes what a restoring that was cut short left. @throws FsError, Corrupt, DeviceError */
export function removeLeftovers(engine: Engine): void {
  const { own } = findDirectories(engine);
  if (own === 0) return;
  const ino = find(engine.alloc, engine.inode(own), RESTORE_DIRECTORY, slot);
  if (ino !== 0) removeTree(engine, own, RESTORE_DIRECTORY, ino);
}
