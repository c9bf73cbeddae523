/**
 * Doing again what fast commits tell of: the last changes before a crash, recorded as operations.
 *
 * Each operation states what is to be, so doing one twice changes nothing. Blocks that change hands within one fast
 * commit are freed first and mapped again at its end; none that is to be mapped is given to anything else.
 *
 * @module
 */

import { NEEDS_COMMIT } from "../alloc/allocator.ts";
import { add, create, DirSlot, find, remove } from "../dir/dir.ts";
import { ENOSPC } from "../errno.ts";
import { Corrupt, FsError } from "../errors.ts";
import type { FastCommit } from "../journal/fast_commits.ts";
import type { Handle } from "../journal/transaction.ts";
import type { FastOperation } from "../layout/fast_commit.ts";
import { InodeFlag } from "../layout/inode.ts";
import { convertToWritten, lookup, newMapping, removeRange } from "../map/map.ts";
import type { Inode } from "../volume/inode.ts";
import { deleteInode, FREES_A_STEP, hasBlocks } from "./delete_inode.ts";
import type { Engine } from "./engine.ts";
import { addSubdirectory, dropSubdirectory, entryType } from "./limits.ts";
import { storedOrphans } from "./orphan_list.ts";
import { mayTransfer, transfer } from "./owners.ts";
import { adoptRecorded, decodeRecorded } from "./replay_inode.ts";
import { mapRecorded } from "./replay_map.ts";

type Of<Kind extends FastOperation["kind"]> = Extract<FastOperation, { kind: Kind }>;
type MapOperation = Of<"map">;

const slot = new DirSlot();
const run = newMapping();

/**
 * Does the operations of all fast commits, in transactions of `engine`, and commits the last.
 * @throws Unsupported for an attribute block, which no fast commit can bring; Corrupt when they contradict the image.
 */
export function replayFastCommits(engine: Engine, commits: readonly FastCommit[]): void {
  // Otherwise the first commit would drop the list.
  engine.orphans.useList(storedOrphans(engine));
  new Replay(engine).run(commits);
}

class Replay {
  /** Directories that have no content yet. */
  readonly #bare = new Set<number>();
  /** Inodes that operations concerned. */
  readonly #touched = new Set<number>();
  #later: MapOperation[] = [];

  constructor(readonly engine: Engine) {}

  run(commits: readonly FastCommit[]): void {
    const { engine } = this;
    this.#keepBack(commits);
    for (const commit of commits) {
      for (const operation of commit) this.#apply(operation);
      // What was freed can be mapped from here on.
      engine.volume.commit(false);
      for (const operation of this.#later) this.#map(operation);
      this.#later = [];
    }
    for (const ino of this.#touched) this.#settle(ino);
    engine.volume.commit(true);
  }

  /** Blocks that will be mapped must not be given to directories and maps before. */
  #keepBack(commits: readonly FastCommit[]): void {
    const { blocksCount, clusterBlocks } = this.engine.volume.geometry;
    const ranges = commits.flat().filter((operation) => operation.kind === "map")
      .sort((a, b) => a.diskBlock - b.diskBlock);
    let end = 0;
    for (const { ino, diskBlock, blocks } of ranges) {
      if (diskBlock + blocks > blocksCount || diskBlock === 0) {
        throw new Corrupt("fast commit", `inode ${ino}`, `block ${diskBlock} is out of range`);
      }
      const from = Math.max(end, diskBlock - diskBlock % clusterBlocks);
      const last = diskBlock + blocks + clusterBlocks - 1;
      end = Math.max(end, Math.min(last - last % clusterBlocks, blocksCount));
      if (end > from) this.engine.alloc.keepBack(from, end - from);
    }
  }

  #apply(operation: FastOperation): void {
    switch (operation.kind) {
      case "inode":
        return this.#inode(operation);
      case "create":
      case "link":
        return this.#name(operation);
      case "unlink":
        return this.#unlink(operation);
      case "map":
        return this.#clearFor(operation);
      case "unmap":
        return this.#unmap(operation);
    }
  }

  /** One change; all that can go wrong with it ends the replay. */
  #change(work: (handle: Handle) => number): number {
    const result = this.engine.change(work);
    if (result >= 0) return result;
    const text = result === -ENOSPC || result === NEEDS_COMMIT
      ? "there is no space for what fast commits tell of"
      : "fast commits cannot be replayed";
    throw new FsError(-result, `${text}: run e2fsck`);
  }

  /** A number that a fast commit may name. @throws Corrupt */
  #check(ino: number, from: number): void {
    if (ino >= from && ino <= this.engine.volume.geometry.inodesCount) return;
    throw new Corrupt("fast commit", `inode ${ino}`, "the number is out of range");
  }

  /** The inode if it is in use. */
  #used(ino: number): Inode | null {
    const { alloc, volume } = this.engine;
    this.#check(ino, 1);
    if (!alloc.inodes.isUsed(ino)) return null;
    const inode = volume.inodes.load(ino);
    return inode.mode === 0 ? null : inode;
  }

  #inode({ ino, bytes }: Of<"inode">): void {
    const { engine } = this;
    const { inodes, superblock } = engine.volume;
    this.#check(ino, superblock.firstInode);
    let inode = this.#used(ino);
    const generation = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0x64, true);
    if (inode !== null && inode.generation !== generation) {
      // The number went to another file.
      inode.links = 0;
      engine.orphans.add(inode);
      deleteInode(engine, inode);
      engine.volume.commit(false);
      inode = null;
    }
    const isNew = inode === null;
    this.#change((handle) => {
      const target = inode ?? inodes.fresh(ino);
      const record = decodeRecorded(target, bytes, isNew);
      const admitted = isNew
        ? engine.quota?.admit(handle, record) ?? 0
        : mayTransfer(engine, handle, target, record);
      if (admitted < 0) return admitted;
      if (!isNew) transfer(engine, target, record);
      if (isNew && !engine.alloc.inodes.isUsed(ino)) {
        engine.alloc.inodes.claim(handle, ino, record.isDirectory);
      }
      adoptRecorded(engine, handle, target, record, isNew);
      if (isNew) engine.volume.usage?.count(target, 0, 1);
      if (isNew && record.isDirectory && !record.has(InodeFlag.INLINE_DATA)) this.#bare.add(ino);
      return 0;
    });
    this.#touched.add(ino);
  }

  /** Gives an inode a name. A directory that has no content yet gets it. */
  #name({ kind, parent, ino, name }: Of<"create" | "link" | "unlink">): void {
    const { engine } = this;
    const dir = this.#directory(parent);
    const inode = this.#used(ino);
    if (dir === null || inode === null) {
      if (kind === "link") return;
      throw new Corrupt("fast commit", `inode ${ino}`, `made in ${parent}, but one is not in use`);
    }
    this.#touched.add(ino);
    if (this.#bare.delete(ino)) this.#fill(inode, parent);
    if (find(engine.alloc, dir, name, slot) !== 0) return;
    this.#change((handle) => {
      const type = entryType(engine, inode.mode);
      const added = add(engine.alloc, handle, dir, name, ino, type, true);
      if (added < 0) return added;
      if (inode.isDirectory) addSubdirectory(engine, dir);
      else if (kind === "link") inode.links++;
      engine.dirty(handle, inode);
      engine.stamp(handle, dir, true);
      return 0;
    });
  }

  #fill(inode: Inode, parent: number): void {
    const { engine } = this;
    this.#change((handle) => {
      inode.setFlag(InodeFlag.INDEX, false);
      inode.links = 2;
      return create(engine.alloc, handle, inode, parent, true);
    });
  }

  #directory(ino: number): Inode | null {
    const dir = this.#used(ino);
    if (dir === null || dir.isDirectory) return dir;
    throw new Corrupt(
      "fast commit",
      `inode ${ino}`,
      "names are made in it, but it is no directory",
    );
  }

  /** Takes a name away, if it still leads to this inode. */
  #unlink({ parent, ino, name }: Of<"create" | "link" | "unlink">): void {
    const { engine } = this;
    const dir = this.#directory(parent);
    const inode = this.#used(ino);
    if (dir === null || inode === null || find(engine.alloc, dir, name, slot) !== ino) return;
    this.#touched.add(ino);
    this.#change((handle) => {
      remove(engine.alloc, handle, dir, slot);
      if (inode.isDirectory) {
        dropSubdirectory(dir);
        inode.links = 0;
      } else if (inode.links > 0) inode.links--;
      engine.dirty(handle, inode);
      engine.stamp(handle, dir, true);
      return 0;
    });
  }

  /** A file that has a map of its blocks. */
  #mapped(ino: number): Inode | null {
    this.#check(ino, this.engine.volume.superblock.firstInode);
    const inode = this.#used(ino);
    if (inode === null) return null;
    if (inode.isDirectory) throw new Corrupt("fast commit", `inode ${ino}`, "is a directory");
    this.#touched.add(ino);
    if (hasBlocks(this.engine, inode)) return inode;
    throw new Corrupt("fast commit", `inode ${ino}`, "has no map of blocks");
  }

  /** Frees what a range has in place of what it is to have; that comes at the end of the fast commit. */
  #clearFor(operation: MapOperation): void {
    const { ino, fileBlock, blocks, diskBlock, unwritten } = operation;
    const inode = this.#mapped(ino);
    if (inode === null) return;
    const { alloc } = this.engine;
    for (let done = 0; done < blocks;) {
      const at = fileBlock + done;
      lookup(alloc, inode, at, blocks - done, run);
      const { blocks: count, diskBlock: found, unwritten: isUnwritten } = run;
      done += count;
      if (found === 0) continue;
      const isSame = found === diskBlock + at - fileBlock;
      if (isSame && isUnwritten && !unwritten) {
        this.#change((handle) => convertToWritten(alloc, handle, inode, at, count));
      } else if (!isSame || isUnwritten !== unwritten) this.#free(inode, at, at + count);
    }
    this.#later.push(operation);
  }

  /** Maps what of a range is a hole. */
  #map({ ino, fileBlock, blocks, diskBlock, unwritten }: MapOperation): void {
    const inode = this.#mapped(ino);
    if (inode === null) return;
    const { alloc } = this.engine;
    for (let done = 0; done < blocks;) {
      const at = fileBlock + done;
      lookup(alloc, inode, at, blocks - done, run);
      const { blocks: count, diskBlock: found } = run;
      const target = diskBlock + done;
      if (found !== 0) done += count;
      else {
        done += this.#change((handle) =>
          mapRecorded(alloc, handle, inode, at, count, target, unwritten)
        );
      }
    }
  }

  #unmap({ ino, fileBlock, blocks }: Of<"unmap">): void {
    const inode = this.#mapped(ino);
    if (inode !== null) this.#free(inode, fileBlock, fileBlock + blocks);
  }

  #free(inode: Inode, from: number, end: number): void {
    const { engine } = this;
    for (let limit = end; limit > from;) {
      limit = this.#change((handle) => {
        engine.dirty(handle, inode);
        return removeRange(engine.alloc, handle, inode, from, limit, FREES_A_STEP);
      });
    }
  }

  /** What has no name any more is deleted by whoever recovers the orphans. */
  #settle(ino: number): void {
    const inode = this.#used(ino);
    if (inode === null || inode.links > 0) return;
    this.#change((handle) => {
      this.engine.orphans.add(inode);
      this.engine.dirty(handle, inode);
      return 0;
    });
  }
}
