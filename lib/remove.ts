/** Removing names, and whole trees. @module */

import { EBUSY, EINVAL, ENOENT, ENOTDIR, EUCLEAN } from "../fs/errno.ts";
import { removeDirectory, unlink } from "../fs/ops/unlink.ts";
import type { Core } from "./core.ts";
import { bytesOf, type Path } from "./path.ts";
import { type DirectoryEntry, listDirectory, type Listing, nextEntries } from "./read_directory.ts";

/** How `remove` works. */
export interface RemoveOptions {
  /** Remove a directory with all that it holds. Default false. */
  readonly recursive?: boolean;
}

/** A directory that is being emptied. */
interface Level {
  readonly parent: number;
  readonly name: Uint8Array;
  readonly listing: Listing;
  entries: readonly DirectoryEntry[];
  next: number;
}

export function remove(core: Core, path: Path, options: RemoveOptions): void {
  core.run("remove", path, () => {
    const { resolver, engine } = core;
    const found = core.must(resolver.walk(bytesOf(path), "never"));
    if (found === 0) core.refuse(ENOENT);
    if (resolver.isSpecial) core.refuse(resolver.name.length === 0 ? EBUSY : EINVAL);
    const { parent, name, trailingSlash } = resolver;
    if (!engine.inode(found).isDirectory) {
      core.must(trailingSlash ? -ENOTDIR : unlink(engine, parent, name));
    } else if (options.recursive === true) removeTree(core, parent, name, found);
    else core.must(removeDirectory(engine, parent, name));
  });
}

/** From the leaves up, without recursion: a tree may be deeper than the stack. */
function removeTree(core: Core, parent: number, name: Uint8Array, ino: number): void {
  const { engine } = core;
  const above = new Set<number>();
  const enter = (dir: number, entryName: Uint8Array, entryIno: number): Level => {
    if (above.has(entryIno)) core.refuse(EUCLEAN, `directory inode ${entryIno} lies in itself`);
    above.add(entryIno);
    const listing = listDirectory(core, entryIno);
    return { parent: dir, name: entryName, listing, entries: [], next: 0 };
  };
  const levels = [enter(parent, name, ino)];
  for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
    const dir = level.listing.ino;
    const entry = level.entries[level.next++];
    if (entry === undefined) {
      if (!level.listing.done) {
        level.entries = nextEntries(core, level.listing);
        level.next = 0;
        continue;
      }
      core.must(removeDirectory(engine, level.parent, level.name));
      above.delete(dir);
      levels.pop();
    } else if (engine.inode(entry.ino).isDirectory) {
      levels.push(enter(dir, entry.nameBytes, entry.ino));
    } else core.must(unlink(engine, dir, entry.nameBytes));
    core.tidy();
  }
}
