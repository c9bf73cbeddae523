/**
 * Deleting snapshots.
 *
 * An older snapshot may need blocks that are in the file of the one that goes: these are handed to its file, the others
 * are freed. All that takes many transactions; the record says that it is under way, and whoever opens the file system
 * next goes on.
 *
 * @module
 */

import { DirSlot, find, remove } from "../dir/dir.ts";
import { EBUSY, EROFS } from "../errno.ts";
import { Corrupt, FsError } from "../errors.ts";
import type { Handle } from "../journal/transaction.ts";
import { placeExtent } from "../map/extent_allocate.ts";
import { lookup, newMapping, removeRange } from "../map/map.ts";
import type { SnapshotChain, SnapshotEntry } from "../snapshot/chain.ts";
import type { Snapshots } from "../snapshot/snapshots.ts";
import { Need } from "../snapshot/space.ts";
import type { Inode } from "../volume/inode.ts";
import { chargeSectors } from "../volume/usage.ts";
import { removeAll } from "../xattr/xattr.ts";
import { FREES_A_STEP } from "./delete_inode.ts";
import type { Engine } from "./engine.ts";
import { freeInode } from "./new_inode.ts";
import { storeEntry } from "./snapshot_files.ts";

/** Runs that one transaction handle moves. */
const RUNS_A_STEP = 8;

const slot = new DirSlot();
const mapping = newMapping();

/** Deletes a snapshot and frees the blocks that no other one needs. @throws FsError, Corrupt, DeviceError */
export function deleteSnapshot(engine: Engine, entry: SnapshotEntry): void {
  for (const _ of deletionSteps(engine, entry));
}

/**
 * As `deleteSnapshot`, in steps; between them anything may be done but with snapshots. When it is not gone on with,
 * whoever opens the file system next does.
 * @returns the block that it has come to, at each step.
 */
export function* deletionSteps(engine: Engine, entry: SnapshotEntry): Generator<number, void> {
  const { snapshots, volume } = engine;
  if (snapshots === null || volume.readOnly) {
    throw new FsError(EROFS, "the file system is read-only");
  }
  if (snapshots.busy) throw new FsError(EBUSY, "another snapshot is being deleted");
  snapshots.busy = true;
  try {
    const doomed = { ...entry, deleting: true };
    storeEntry(engine, doomed);
    yield* finish(engine, snapshots, doomed);
  } finally {
    snapshots.busy = false;
  }
}

/** Does the rest of deletions that were cut short. @throws FsError, Corrupt, DeviceError */
export function finishDeletions(engine: Engine, snapshots: Snapshots): void {
  snapshots.busy = true;
  try {
    for (const entry of snapshots.chain.entries) {
      if (!entry.deleting) continue;
      for (const _ of finish(engine, snapshots, entry));
    }
  } finally {
    snapshots.busy = false;
  }
}

function* finish(
  engine: Engine,
  snapshots: Snapshots,
  entry: SnapshotEntry,
): Generator<number, void> {
  const { chain } = snapshots;
  // What was freed so far belongs to the newest one's file from now on.
  engine.volume.commit(false);
  const heir = heirOf(chain, entry);
  if (heir === undefined) {
    if (chain.newest?.ino === entry.ino) snapshots.keeper.stop();
    yield* freeAll(engine, entry);
  } else {
    const mover = new Mover(engine, chain, entry, heir);
    while (yield* mover.pass());
  }
  removeFile(engine, snapshots, entry);
}

/** The next older snapshot, if it can be read. */
function heirOf(chain: SnapshotChain, entry: SnapshotEntry): SnapshotEntry | undefined {
  const heir = chain.entries[chain.indexOf(entry.ino) - 1];
  return heir === undefined || heir.damaged || entry.damaged ? undefined : heir;
}

function* freeAll(engine: Engine, entry: SnapshotEntry): Generator<number, void> {
  const { blocksCount } = engine.volume.geometry;
  for (let left = blocksCount; left > 0; yield blocksCount - left) {
    change(engine, (handle) => {
      const file = engine.inode(entry.ino);
      const stopped = removeRange(engine.alloc, handle, file, 0, 2 ** 32, FREES_A_STEP);
      engine.dirty(handle, file);
      left = Math.max(0, stopped);
      return Math.min(stopped, 0);
    });
  }
}

/** Hands the blocks of one snapshot's file to the next older one's. */
class Mover {
  readonly #need: Need;
  /** File block up to which a pass has come. */
  #at = 0;

  constructor(
    readonly engine: Engine,
    chain: SnapshotChain,
    readonly from: SnapshotEntry,
    readonly to: SnapshotEntry,
  ) {
    this.#need = new Need(chain, to.ino);
  }

  /** Goes through the file once. @returns whether there was anything: more may have come meanwhile */
  *pass(): Generator<number, boolean> {
    const { engine } = this;
    const { blocksCount } = engine.volume.geometry;
    let any = false;
    this.#at = 0;
    for (; this.#at < blocksCount; yield this.#at) {
      change(engine, (handle) => {
        for (let runs = 0; runs < RUNS_A_STEP && this.#at < blocksCount;) {
          lookup(engine.alloc, this.#file(), this.#at, blocksCount - this.#at, mapping);
          const { blocks } = mapping;
          if (mapping.diskBlock !== 0) {
            const moved = this.#run(handle, this.#at, blocks, mapping.diskBlock);
            if (moved < 0) return moved;
            any = true;
            runs++;
            this.#at += moved;
          } else this.#at += blocks;
        }
        return 0;
      });
    }
    return any;
  }

  #file(): Inode {
    return this.engine.inode(this.from.ino);
  }

  /** Deals with the start of a run of the file. @returns how many blocks, or the allocator's negative answer */
  #run(handle: Handle, fileBlock: number, blocks: number, diskBlock: number): number {
    const { alloc } = this.engine;
    const heir = this.engine.inode(this.to.ino);
    const run = this.#need.run(fileBlock, blocks);
    const count = Math.abs(run);
    const file = this.#file();
    if (run > 0) {
      const placed = placeExtent(alloc, handle, heir, fileBlock, count, diskBlock, false);
      if (placed < 0) return placed;
      const sectors = this.engine.volume.geometry.blockBytes / 512;
      chargeSectors(this.engine.volume, handle, heir, count * sectors);
      alloc.detached.diskBlock = diskBlock;
      alloc.detached.blocks = count;
    }
    try {
      const result = removeRange(alloc, handle, file, fileBlock, fileBlock + count, 1);
      if (result !== fileBlock) {
        throw new Corrupt("extent node", `inode ${file.ino}`, "a run cannot be taken out");
      }
    } finally {
      alloc.detached.blocks = 0;
    }
    this.engine.dirty(handle, file);
    return count;
  }
}

/** Takes away the file, which has no blocks any more; the older one is the newest then, if it was that. */
function removeFile(engine: Engine, snapshots: Snapshots, entry: SnapshotEntry): void {
  const { alloc } = engine;
  const name = new TextEncoder().encode(entry.name);
  change(engine, (handle) => {
    const { chain } = snapshots;
    const dir = engine.inode(snapshots.directory);
    const inode = engine.inode(entry.ino);
    if (find(alloc, dir, name, slot) !== entry.ino) {
      throw new Corrupt("directory", `inode ${dir.ino}`, `no entry for inode ${entry.ino}`);
    }
    const wasNewest = chain.newest?.ino === entry.ino;
    chain.entries = chain.entries.filter(({ ino }) => ino !== entry.ino);
    if (wasNewest) snapshots.start();
    remove(alloc, handle, dir, slot);
    removeAll(alloc, handle, inode);
    freeInode(engine, handle, inode);
    engine.stamp(handle, dir, true);
    return 0;
  });
}

/** A change that must succeed; may use what is held back, for nodes of the heir's map. @throws FsError */
function change(engine: Engine, work: (handle: Handle) => number): void {
  const { alloc } = engine;
  const { heldBack } = alloc;
  let result: number;
  alloc.heldBack = 0;
  try {
    result = engine.change(work);
  } finally {
    // Unless it is not the last snapshot that went.
    if (alloc.keeper !== null) alloc.heldBack = Math.max(heldBack, alloc.heldBack);
  }
  if (result < 0) throw new FsError(-result, `a snapshot cannot be deleted (errno ${-result})`);
}
