/** Making a snapshot of the whole file system. @module */

import { add } from "../dir/dir.ts";
import { ENOSPC, EROFS } from "../errno.ts";
import { FsError } from "../errors.ts";
import type { Handle } from "../journal/transaction.ts";
import { InodeFlag, S_IFREG } from "../layout/inode.ts";
import { Incompat } from "../layout/features.ts";
import {
  STATE_VALID,
  Superblock,
  SUPERBLOCK_BYTES,
  SUPERBLOCK_OFFSET,
} from "../layout/superblock.ts";
import { allocateRange, initialiseMap, newMapping } from "../map/map.ts";
import type { SnapshotEntry } from "../snapshot/chain.ts";
import { readCommitted } from "../snapshot/committed.ts";
import { checkName, checkSupported, Snapshots } from "../snapshot/snapshots.ts";
import type { Inode } from "../volume/inode.ts";
import { type Engine, SUPERUSER } from "./engine.ts";
import { entryType } from "./limits.ts";
import { discard, makeInode } from "./named_node.ts";
import { clearContent } from "./delete_inode.ts";
import { recordDamage } from "./open_snapshots.ts";
import { makeDirectories, writeRecord } from "./snapshot_files.ts";

const MODE = S_IFREG | 0o600;
const HOW = { unwritten: false, privileged: true, append: false, metadata: false };
const mapping = newMapping();

/**
 * Makes a snapshot of what is in the file system now. Takes one commit and one small change, however large the file
 * system is; durable on return.
 * @throws FsError: EINVAL for the name, EEXIST, EOPNOTSUPP, EROFS, ENOSPC, …
 */
export function createSnapshot(engine: Engine, name: string): SnapshotEntry {
  const { volume, alloc } = engine;
  if (volume.readOnly) throw new FsError(EROFS, "the file system is read-only");
  checkSupported(volume);
  checkName(name, engine.snapshots);
  const { own, files } = makeDirectories(engine);
  engine.hiddenInode = own;
  const snapshots = engine.snapshots ??= new Snapshots(alloc);
  snapshots.directory = files;
  snapshots.also = engine.quota;
  if (volume.stamp === "void") recordDamage(engine);
  // What is committed now is what the snapshot shows.
  engine.sync(false);
  if (alloc.unhiddenClusters <= snapshots.keeper.reserveBlocks + snapshots.keeper.transactionNeed) {
    throw new FsError(ENOSPC, "not enough free space to keep blocks for a snapshot");
  }
  const entry = makeEntry(engine, snapshots, name);
  volume.commit(true);
  return entry;
}

function makeEntry(engine: Engine, snapshots: Snapshots, name: string): SnapshotEntry {
  let entry: SnapshotEntry | undefined;
  const result = engine.change((handle) => {
    const dir = engine.inode(snapshots.directory);
    const inode = makeInode(engine, handle, SUPERUSER, dir, MODE, 0);
    if (typeof inode === "number") return inode;
    const record = recordOf(engine, snapshots);
    const filled = fill(engine, handle, inode) || writeRecord(engine, handle, inode, record) ||
      addName(engine, handle, dir, name, inode);
    if (filled < 0) {
      clearContent(engine, handle, inode);
      discard(engine, handle, inode);
      return filled;
    }
    entry = { ...record, name, ino: inode.ino };
    // From here on, and for this very transaction, blocks are kept for the new one.
    snapshots.chain.entries = [...snapshots.chain.entries, entry];
    snapshots.start();
    return 0;
  });
  if (entry === undefined) {
    throw new FsError(-result, `no snapshot can be made (errno ${-result})`);
  }
  return entry;
}

function recordOf(
  { volume, now, nowNsec }: Engine,
  { chain }: Snapshots,
): Omit<SnapshotEntry, "name" | "ino"> {
  const { geometry: { blocksCount, clusterBlocks }, groups } = volume;
  return {
    number: (chain.newest?.number ?? 0) + 1,
    seconds: now,
    nanoseconds: nowNsec,
    blocksCount,
    usedBlocks: blocksCount - groups.totalFreeClusters * clusterBlocks,
    damaged: false,
    deleting: false,
  };
}

/** An empty map of the disk's size, with the superblock in its place. @returns 0 or the allocator's answer. */
function fill(engine: Engine, handle: Handle, inode: Inode): number {
  const { volume, alloc } = engine;
  const { geometry } = volume;
  inode.links = 1;
  // Its blocks may have been metadata: whoever frees them tells the journal.
  inode.flags = InodeFlag.NODUMP | InodeFlag.NOATIME | InodeFlag.JOURNAL_DATA;
  initialiseMap(inode, true);
  inode.size = geometry.blocksCount * geometry.blockBytes;
  const block = geometry.superblockBlock;
  const allocated = allocateRange(alloc, handle, inode, block, 1, HOW, mapping);
  if (allocated < 0) return allocated;
  const bytes = new Uint8Array(geometry.blockBytes);
  readCommitted(volume, block, 0, bytes);
  bytes.set(superblockCopy(engine), SUPERBLOCK_OFFSET % geometry.blockBytes);
  volume.device.write(bytes, mapping.diskBlock * geometry.blockBytes);
  return 0;
}

/** The superblock as of a file system that was unmounted. */
function superblockCopy({ volume }: Engine): Uint8Array {
  const bytes = new Uint8Array(SUPERBLOCK_BYTES);
  bytes.set(volume.superblock.bytes);
  const copy = new Superblock(bytes);
  copy.featureIncompat = (copy.featureIncompat & ~Incompat.RECOVER) >>> 0;
  copy.state |= STATE_VALID;
  copy.snapshotStamp = 0;
  copy.setChecksum();
  return bytes;
}

function addName(
  engine: Engine,
  handle: Handle,
  dir: Inode,
  name: string,
  inode: Inode,
): number {
  const type = entryType(engine, MODE);
  const bytes = new TextEncoder().encode(name);
  const added = add(engine.alloc, handle, dir, bytes, inode.ino, type, true);
  if (added === 0) engine.stamp(handle, dir, true);
  return added;
}
