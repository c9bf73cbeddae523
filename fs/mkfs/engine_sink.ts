/**
 * Putting a tree into a file system that was just made, with the engine's own operations.
 *
 * @module
 */

import type { BlockDevice } from "../device/device.ts";
import { DirSlot, find } from "../dir/dir.ts";
import { FsError } from "../errors.ts";
import { RoCompat } from "../layout/features.ts";
import { QuotaMagic } from "../layout/quota.ts";
import { ROOT_INODE, type Superblock } from "../layout/superblock.ts";
import { makeNode } from "../ops/create.ts";
import { Engine, SUPERUSER } from "../ops/engine.ts";
import { link } from "../ops/link.ts";
import { makeDirectory } from "../ops/make_directory.ts";
import { setAttributes } from "../ops/set_attributes.ts";
import { makeSymlink } from "../ops/symlink.ts";
import { write, writeBlocks } from "../ops/write.ts";
import type { Inode } from "../volume/inode.ts";
import { Volume } from "../volume/volume.ts";
import { resolveName, set as setXattr } from "../xattr/xattr.ts";
import { CombiningDevice } from "./combining_device.ts";
import type { NodeAttributes, TreeSink } from "./populate.ts";
import { quotaFile, type Usage } from "./quota_file.ts";

const CACHE_BYTES = 64 << 20;
const CACHED_INODES = 4096;
/** Nodes made between two times of writing metadata out. */
const NODES_PER_COMMIT = 2048;
const WRITE_OPTIONS = { privileged: true, killPrivileges: false } as const;

/** A new file system, open for filling. */
export class EngineSink implements TreeSink {
  readonly root = ROOT_INODE;
  readonly #engine: Engine;
  readonly #made: number[] = [];
  readonly #slot = new DirSlot();
  #finished = 0;
  readonly #countsQuota: boolean;

  /** @param now seconds since 1970 for the times of making and changing. */
  constructor(device: BlockDevice, now: number) {
    const clock = { read: () => undefined, seconds: now, nanoseconds: 0 };
    const volume = new Volume(new CombiningDevice(device), {
      readOnly: false,
      cacheBytes: CACHE_BYTES,
      cachedInodes: CACHED_INODES,
      clock,
      report: (message) => {
        throw new FsError(5, message);
      },
    });
    this.#engine = new Engine(volume, {
      accessTime: "noatime",
      noDirectoryAccessTime: true,
      lazyTime: false,
      sync: false,
      directorySync: false,
      discard: false,
      random: () => 0,
    });
    this.#countsQuota = volume.superblock.hasRoCompat(RoCompat.QUOTA);
    volume.setClean(false);
  }

  get superblock(): Superblock {
    return this.#engine.volume.superblock;
  }

  find(parent: number, name: Uint8Array): number {
    return find(this.#engine.alloc, this.#engine.inode(parent), name, this.#slot);
  }

  makeDirectory(parent: number, name: Uint8Array): number {
    return this.#note(makeDirectory(this.#engine, SUPERUSER, parent, name, 0o700, 0));
  }

  makeNode(parent: number, name: Uint8Array, mode: number, rdev: number): number {
    return this.#note(makeNode(this.#engine, SUPERUSER, parent, name, mode, 0, rdev));
  }

  makeSymlink(parent: number, name: Uint8Array, target: Uint8Array): number {
    return this.#note(makeSymlink(this.#engine, SUPERUSER, parent, name, target));
  }

  link(ino: number, parent: number, name: Uint8Array): number {
    return link(this.#engine, ino, parent, name);
  }

  write(ino: number, offset: number, bytes: Uint8Array): number {
    return write(this.#engine, ino, offset, bytes, WRITE_OPTIONS);
  }

  setSize(ino: number, size: number): number {
    return setAttributes(this.#engine, ino, { size }, true);
  }

  setXattr(ino: number, name: Uint8Array, value: Uint8Array): number {
    const resolved = resolveName(name);
    if (typeof resolved === "number") return resolved;
    const { index, suffix } = resolved;
    const engine = this.#engine;
    return engine.change((handle) =>
      setXattr(engine.alloc, handle, engine.inode(ino), index, suffix, value, 0, true)
    );
  }

  setAttributes(ino: number, attributes: NodeAttributes): number {
    const { mode, uid, gid, atime, mtime, ctime } = attributes;
    const engine = this.#engine;
    const result = setAttributes(engine, ino, { mode, uid, gid, atime, mtime, ctime }, true);
    engine.alloc.discardPreallocation(engine.inode(ino));
    if (++this.#finished % NODES_PER_COMMIT === 0) {
      engine.sync(false);
      engine.trim();
    }
    return result;
  }

  #note(ino: number): number {
    if (ino > 0 && this.#countsQuota) this.#made.push(ino);
    return ino;
  }

  /** Brings quota files up to date, writes everything out and marks the file system as clean. */
  finish(): void {
    const { volume } = this.#engine;
    this.#engine.sync(false);
    if (this.#countsQuota) this.#writeQuotas();
    this.#engine.sync(false);
    volume.setClean(true);
  }

  #writeQuotas(): void {
    const { superblock } = this;
    const lostFound = this.find(ROOT_INODE, new TextEncoder().encode("lost+found"));
    const inodes = [ROOT_INODE, lostFound, ...this.#made];
    const kinds: readonly (readonly [number, number, (inode: Inode) => number])[] = [
      [superblock.userQuotaInode, QuotaMagic.USER, (inode) => inode.uid],
      [superblock.groupQuotaInode, QuotaMagic.GROUP, (inode) => inode.gid],
      [superblock.projectQuotaInode, QuotaMagic.PROJECT, (inode) => inode.projectId],
    ];
    for (const [quotaIno, magic, idOf] of kinds) {
      if (quotaIno === 0) continue;
      const usage = new Map<number, Usage>();
      for (const ino of inodes) {
        const inode = this.#engine.inode(ino);
        const sum = usage.get(idOf(inode)) ?? { spaceBytes: 0, inodes: 0 };
        usage.set(idOf(inode), {
          spaceBytes: sum.spaceBytes + inode.sectors * 512,
          inodes: sum.inodes + 1,
        });
        this.#engine.trim();
      }
      this.#writeQuota(quotaIno, quotaFile(magic, usage));
    }
  }

  #writeQuota(ino: number, content: Uint8Array): void {
    const engine = this.#engine;
    const written = engine.change((handle) => {
      const inode = engine.inode(ino);
      const count = writeBlocks(engine, handle, inode, 0, content, true);
      if (count === content.length) inode.size = content.length;
      engine.dirty(handle, inode);
      return count;
    }, 1024);
    if (written === content.length) return;
    throw new FsError(28, "the file system has no space left for the quota files");
  }
}
