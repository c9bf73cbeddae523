/** Renaming. @module */

import { EBUSY, ENOENT, ENOTDIR } from "../fs/errno.ts";
import { EXCHANGE, NOREPLACE, rename as renameEntry, WHITEOUT } from "../fs/ops/rename.ts";
import type { Core } from "./core.ts";
import { bytesOf, type Path } from "./path.ts";

/** How `rename` works: the flags of Linux's renameat2. */
export interface RenameOptions {
  /** Fail with EEXIST when the new name exists, instead of replacing it. */
  readonly noReplace?: boolean;
  /** Both names exist, and each gets what the other had. */
  readonly exchange?: boolean;
  /** Leave a whiteout (a character device 0:0) under the old name. */
  readonly whiteout?: boolean;
}

/** A name that is not "." or "..". */
interface NamePlace {
  readonly ino: number;
  readonly parent: number;
  readonly name: Uint8Array;
  readonly trailingSlash: boolean;
}

function findName(core: Core, path: Path): NamePlace {
  const { resolver } = core;
  const ino = core.must(resolver.walk(bytesOf(path), "never"));
  if (resolver.isSpecial) core.refuse(EBUSY);
  const { parent, name, trailingSlash } = resolver;
  return { ino, parent, name, trailingSlash };
}

export function rename(core: Core, oldPath: Path, newPath: Path, options: RenameOptions): void {
  const flags = (options.noReplace === true ? NOREPLACE : 0) |
    (options.exchange === true ? EXCHANGE : 0) | (options.whiteout === true ? WHITEOUT : 0);
  core.run("rename", oldPath, () => {
    const { engine, owner } = core;
    const from = findName(core, oldPath);
    const to = findName(core, newPath);
    if (from.ino === 0) core.refuse(ENOENT);
    const isDirectory = engine.inode(from.ino).isDirectory;
    if (!isDirectory && (from.trailingSlash || to.trailingSlash)) core.refuse(ENOTDIR);
    core.must(renameEntry(engine, owner, from.parent, from.name, to.parent, to.name, flags));
  }, newPath);
}
