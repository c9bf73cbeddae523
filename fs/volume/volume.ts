/**
 * A volume: an opened ext4 file system, with everything that the layers above share.
 *
 * @module
 */

import { BufferCache } from "../device/cache.ts";
import type { BlockDevice } from "../device/device.ts";
import { Corrupt, DeviceError, FsError } from "../errors.ts";
import { EROFS } from "../errno.ts";
import { InPlaceStore } from "../journal/in_place.ts";
import type { JournalStore } from "../journal/journal_store.ts";
import { type Handle, type Participant, Transactions } from "../journal/transaction.ts";
import { Incompat } from "../layout/features.ts";
import { setStamp } from "../layout/snapshot_stamp.ts";
import {
  decodeSuperblock,
  STATE_ERROR,
  STATE_VALID,
  type Superblock,
  SUPERBLOCK_BYTES,
  SUPERBLOCK_OFFSET,
} from "../layout/superblock.ts";
import { Geometry } from "./geometry.ts";
import { GroupTable } from "./group_table.ts";
import type { Inode } from "./inode.ts";
import { InodeTable } from "./inode_table.ts";
import type { UsageKeeper } from "./usage.ts";

/** The time of day, for timestamps. */
export interface Clock {
  /** Fills `seconds` and `nanoseconds` with the time since 1970. */
  read(): void;
  seconds: number;
  nanoseconds: number;
}

/** What happens when the image turns out to be corrupt. */
export type ErrorBehavior = "continue" | "remount-ro" | "panic";

/** How a volume is opened. */
export interface VolumeOptions {
  readonly readOnly: boolean;
  /** Bytes of metadata kept in memory. */
  readonly cacheBytes: number;
  /** Inodes kept in memory. */
  readonly cachedInodes: number;
  /** Overrides the superblock's s_errors. */
  readonly errors?: ErrorBehavior;
  readonly clock: Clock;
  /** Told of every error that concerns the image. */
  readonly report: (message: string) => void;
  /** Called when an error is met under `errors=panic`: whoever serves the volume ends. */
  readonly panic?: () => void;
}

/** Reads the primary superblock. @throws Corrupt, DeviceError */
export function readSuperblock(device: BlockDevice): Superblock {
  const end = SUPERBLOCK_OFFSET + SUPERBLOCK_BYTES;
  if (device.sizeBytes < end) {
    const found = `the device has only ${device.sizeBytes} bytes`;
    throw new Corrupt("superblock", "offset 1024", found);
  }
  const bytes = new Uint8Array(SUPERBLOCK_BYTES);
  device.read(bytes, SUPERBLOCK_OFFSET);
  return decodeSuperblock(bytes);
}

/** Whether an error is the device's: ours, or a system call's that carries its errno. */
function isDeviceFailure(error: unknown): error is Error {
  if (error instanceof DeviceError) return true;
  return error instanceof Error && !(error instanceof FsError) && "errno" in error;
}

/** An opened file system. Does not know of files: see `fs/ops`. */
export class Volume implements Participant {
  readonly superblock: Superblock;
  readonly geometry: Geometry;
  readonly cache: BufferCache;
  readonly groups: GroupTable;
  readonly inodes: InodeTable;
  readonly transactions: Transactions;
  /** Told of what inodes use; null without quotas. */
  usage: UsageKeeper | null = null;
  /** Nothing may be changed: opened so, or an error made it so. */
  readOnly: boolean;
  /** File content has gone through the journal since the file system was opened. */
  contentInLog = false;
  /**
   * The stamp that the superblock gets (`snapshot_stamp.ts`): none, one that fits, or one that does not, so that the
   * snapshots count as damaged from now on.
   */
  stamp: "none" | "valid" | "void" = "none";
  #superblockDirty = false;
  #journal: JournalStore | null = null;

  /** @throws Corrupt, DeviceError. Which features may be opened is decided by the caller. */
  constructor(readonly device: BlockDevice, readonly options: VolumeOptions) {
    this.superblock = readSuperblock(device);
    this.geometry = new Geometry(this.superblock);
    const { blockBytes, blocksCount } = this.geometry;
    if (blocksCount * blockBytes > device.sizeBytes) {
      throw new Corrupt(
        "superblock",
        "offset 1024",
        `s_blocks_count ${blocksCount} of ${blockBytes} bytes exceeds the device's ${device.sizeBytes} bytes`,
      );
    }
    this.readOnly = options.readOnly || device.readOnly;
    this.cache = new BufferCache(device, blockBytes, options.cacheBytes);
    this.groups = new GroupTable(this.cache, this.geometry);
    this.inodes = new InodeTable(this.cache, this.geometry, this.groups, options.cachedInodes);
    this.transactions = new Transactions(this.cache, new InPlaceStore(device, blockBytes));
    this.transactions.onFailure = (error) => this.#commitFailed(error);
  }

  /** The journal that commits go through; null without one. */
  get journal(): JournalStore | null {
    return this.#journal;
  }

  /** Lets commits go through a journal from now on. */
  useJournal(journal: JournalStore): void {
    this.#journal = journal;
    this.cache.overlay = journal.blocks;
    this.transactions.useStore(journal);
  }

  /**
   * Registers the volume's own part in commits; to be called after every layer above has registered
   * its own (they dirty inodes and groups, the volume encodes those).
   */
  start(): void {
    this.transactions.register(this.inodes);
    this.transactions.register(this.groups);
    this.transactions.register(this);
  }

  /** Starts an operation. @throws FsError EROFS */
  begin(credits: number): Handle {
    if (this.readOnly) throw new FsError(EROFS, "the file system is read-only");
    return this.transactions.begin(credits);
  }

  dirtyInode(handle: Handle, inode: Inode): void {
    this.inodes.dirty(handle, inode);
  }

  /** The superblock changed and is to be written with the next commit. */
  touchSuperblock(): void {
    this.#superblockDirty = true;
  }

  beforeSeal(handle: Handle): void {
    const { superblock, groups, geometry, options } = this;
    const free = groups.totalFreeClusters * geometry.clusterBlocks;
    const changed = superblock.freeBlocksCount !== free ||
      superblock.freeInodesCount !== groups.totalFreeInodes;
    if (!changed && !this.#superblockDirty) return;
    superblock.freeBlocksCount = free;
    superblock.freeInodesCount = groups.totalFreeInodes;
    options.clock.read();
    // Another program that writes within this second shall have another time.
    superblock.writeTime = options.clock.seconds - (this.stamp === "none" ? 0 : 1);
    this.#finishSuperblock();
    const buffer = this.cache.get(geometry.superblockBlock);
    buffer.bytes.set(superblock.bytes, SUPERBLOCK_OFFSET % geometry.blockBytes);
    handle.dirty(buffer);
    this.#superblockDirty = false;
  }

  /** Writes everything out. @param durable wait for stable storage. */
  commit(durable: boolean): void {
    this.transactions.commit(durable);
  }

  /** What `errors=` says, from the option or the superblock. */
  get errorBehavior(): ErrorBehavior {
    if (this.options.errors !== undefined) return this.options.errors;
    return (["continue", "continue", "remount-ro", "panic"] as const)[
      this.superblock.errorsBehavior
    ] ??
      "continue";
  }

  /**
   * Records that the image is corrupt or the device fails, and does what `errors=` says.
   * Other errors are ignored.
   */
  fail(error: unknown, operation: string): void {
    if (!(error instanceof Corrupt) && !isDeviceFailure(error)) return;
    this.options.report(`${operation}: ${error.message}`);
    this.#recordError();
    if (this.readOnly || this.errorBehavior === "continue") return;
    this.#giveUp(error);
  }

  /** A transaction could not be stored: what it changed is in memory only, so nothing more may follow it. */
  #commitFailed(error: Error): void {
    if (this.transactions.stopped !== "") return;
    this.options.report(`the journal is given up: ${error.message}`);
    this.#recordError();
    this.#giveUp(error);
  }

  #recordError(): void {
    const { superblock, options } = this;
    options.clock.read();
    superblock.state |= STATE_ERROR;
    if (superblock.errorCount === 0) superblock.firstErrorTimeLo = options.clock.seconds >>> 0;
    superblock.errorCount++;
    superblock.lastErrorTimeLo = options.clock.seconds >>> 0;
    this.#superblockDirty = true;
  }

  #giveUp(error: Error): void {
    this.options.report("the file system becomes read-only");
    this.#stop(error);
    if (this.errorBehavior === "panic") this.options.panic?.();
  }

  /** Stops all changes and writes nothing more but that there was an error. */
  #stop(error: Error): void {
    this.transactions.stop(error.message);
    this.#journal?.abort(error);
    this.readOnly = true;
    if (this.device.readOnly) return;
    try {
      this.#storeErrorRecord();
    } catch (cause) {
      this.options.report(`superblock not written: ${cause}`);
    }
  }

  /**
   * Writes what `#recordError` noted into the superblock as the device has it. What else the one in memory says
   * was never committed.
   */
  #storeErrorRecord(): void {
    const { superblock, device } = this;
    const stored = readSuperblock(device);
    stored.state |= STATE_ERROR;
    stored.errorCount = superblock.errorCount;
    stored.firstErrorTimeLo = superblock.firstErrorTimeLo;
    stored.lastErrorTimeLo = superblock.lastErrorTimeLo;
    stored.setChecksum();
    device.write(stored.bytes, SUPERBLOCK_OFFSET);
    device.flush();
  }

  /** Stamp and checksum. */
  #finishSuperblock(): void {
    const { superblock, stamp } = this;
    if (stamp !== "none") setStamp(superblock, stamp === "valid");
    superblock.setChecksum();
  }

  /** Writes the superblock to its place, durably, past the journal. @throws DeviceError */
  writeSuperblock(): void {
    const { superblock, device } = this;
    this.#finishSuperblock();
    device.write(superblock.bytes, SUPERBLOCK_OFFSET);
    device.flush();
  }

  /** Marks the file system as in use (not cleanly unmounted) or as clean, and writes that out. */
  setClean(clean: boolean): void {
    const { superblock } = this;
    superblock.state = clean ? superblock.state | STATE_VALID : superblock.state & ~STATE_VALID;
    this.#superblockDirty = true;
    const handle = this.begin(1);
    handle.end();
    this.commit(true);
  }

  /** Notes that the file system is in use and that its journal may have to be replayed. @throws DeviceError */
  markJournaled(): void {
    const { superblock } = this;
    superblock.state &= ~STATE_VALID;
    superblock.featureIncompat = (superblock.featureIncompat | Incompat.RECOVER) >>> 0;
    this.writeSuperblock();
    this.#superblockDirty = true;
  }

  /** Empties the journal and marks the file system as clean. Everything is committed. @throws DeviceError */
  closeJournal(): void {
    const { superblock } = this;
    this.#journal?.close();
    superblock.state |= STATE_VALID;
    superblock.featureIncompat = (superblock.featureIncompat & ~Incompat.RECOVER) >>> 0;
    this.writeSuperblock();
  }
}
