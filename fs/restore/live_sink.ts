/**
 * A directory of an opened file system, to be copied into.
 *
 * @module
 */

import { DirSlot, find } from "../dir/dir.ts";
import { InodeFlag } from "../layout/inode.ts";
import type { NodeAttributes, TreeSink } from "../mkfs/populate.ts";
import { setAttribute } from "../ops/attributes.ts";
import { makeNode } from "../ops/create.ts";
import { type Engine, SUPERUSER } from "../ops/engine.ts";
import { setProject } from "../ops/inode_flags.ts";
import { link } from "../ops/link.ts";
import { makeDirectory } from "../ops/make_directory.ts";
import { setAttributes } from "../ops/set_attributes.ts";
import { makeSymlink } from "../ops/symlink.ts";
import { write } from "../ops/write.ts";

const NODES_PER_COMMIT = 512;
const WRITE = { privileged: true, killPrivileges: false } as const;
/** Flags that change nothing about how content is stored. */
const PLAIN_FLAGS = InodeFlag.IMMUTABLE | InodeFlag.APPEND | InodeFlag.NODUMP | InodeFlag.NOATIME |
  InodeFlag.SYNC | InodeFlag.DIRSYNC | InodeFlag.TOPDIR | InodeFlag.NOTAIL;

/** What a snapshot's node has more than others. */
interface Extra {
  readonly flags?: number;
  readonly projectId?: number;
}

/** Puts nodes into a directory. */
export class LiveSink implements TreeSink {
  readonly #slot = new DirSlot();
  #finished = 0;

  /** @param root inode number of the directory. */
  constructor(readonly engine: Engine, readonly root: number) {}

  find(parent: number, name: Uint8Array): number {
    return find(this.engine.alloc, this.engine.inode(parent), name, this.#slot);
  }

  makeDirectory(parent: number, name: Uint8Array): number {
    return makeDirectory(this.engine, SUPERUSER, parent, name, 0o700, 0);
  }

  makeNode(parent: number, name: Uint8Array, mode: number, rdev: number): number {
    return makeNode(this.engine, SUPERUSER, parent, name, mode, 0, rdev);
  }

  makeSymlink(parent: number, name: Uint8Array, target: Uint8Array): number {
    return makeSymlink(this.engine, SUPERUSER, parent, name, target);
  }

  link(ino: number, parent: number, name: Uint8Array): number {
    return link(this.engine, ino, parent, name);
  }

  write(ino: number, offset: number, bytes: Uint8Array): number {
    return write(this.engine, ino, offset, bytes, WRITE);
  }

  setSize(ino: number, size: number): number {
    return setAttributes(this.engine, ino, { size }, true);
  }

  setXattr(ino: number, name: Uint8Array, value: Uint8Array): number {
    const how = { flags: 0, killSgid: false, privileged: true };
    return setAttribute(this.engine, ino, name, value, how);
  }

  setAttributes(ino: number, attributes: NodeAttributes & Extra): number {
    const { engine } = this;
    const { mode, uid, gid, atime, mtime, ctime, flags = 0, projectId = 0 } = attributes;
    const inode = engine.inode(ino);
    if (projectId !== inode.projectId) {
      const given = setProject(engine, ino, projectId);
      if (given < 0) return given;
    }
    const result = setAttributes(engine, ino, { mode, uid, gid, atime, mtime, ctime }, true);
    if (result < 0) return result;
    engine.alloc.discardPreallocation(engine.inode(ino));
    const wanted = ((inode.flags & ~PLAIN_FLAGS) | (flags & PLAIN_FLAGS)) >>> 0;
    if (wanted !== inode.flags) {
      engine.change((handle) => {
        const changed = engine.inode(ino);
        changed.flags = wanted;
        engine.dirty(handle, changed);
        return 0;
      });
    }
    if (++this.#finished % NODES_PER_COMMIT === 0) engine.sync(false);
    engine.trim();
    return 0;
  }
}
