/**
 * A volume behind the file-system port: node ids, lookup counts, validity times and errnos. Every
 * method hands on to one operation of `fs/ops`.
 *
 * @module
 */

import { type BackgroundReader, ColdReads } from "./cold_reads.ts";
import { DataOperations } from "./data_operations.ts";
import type {
  Attributes,
  Caller,
  Connection,
  FileSystem,
  Server,
  SetAttributes,
  Statfs,
} from "../../ffi/fuse/port.ts";
import { EACCES } from "../errno.ts";
import { getAttribute, listAttributes, removeAttribute, setAttribute } from "../ops/attributes.ts";
import type { Engine } from "../ops/engine.ts";
import { filesystemStat } from "../ops/filesystem_stat.ts";
import { finishEngine } from "../ops/open_volume.ts";
import { setAttributes } from "../ops/set_attributes.ts";
import { changeOf } from "./change_of.ts";
import { changesAttributes, ioctl } from "./ioctl.ts";
import { fillAttributes, inodeOf } from "./node.ts";

/**
 * After so long without a change what is pending is written out. Without a journal: an unmount need not wait
 * for this process, and the image should be whole when somebody looks at it then.
 */
const QUIET_MS = 5;
/** With a journal, where each commit waits for the disk, and a replay makes any image whole. */
const QUIET_JOURNAL_MS = 1000;

/** X_OK in the mask of access(2). */
const EXECUTE = 1;

/** How the file system is served. */
export interface ServeOptions {
  /** Milliseconds between commits of what changed (`commit=`). */
  readonly commitMs: number;
  /** Milliseconds since some fixed time, never going back. */
  readonly monotonicMs: () => number;
  /** Does reads that would wait for the disk; without one everybody waits for them. */
  readonly backgroundReader?: BackgroundReader;
}

/** An opened ext4 file system as the FUSE server wants it. */
export class Ext4FileSystem extends DataOperations implements FileSystem {
  /** When the oldest uncommitted change is to be committed at the latest; 0: none. */
  #nextCommitMs = 0;
  /** How many changes there were at the last look, and when that number was new. */
  #changesSeen = 0;
  #changesSeenMs = 0;

  constructor(engine: Engine, readonly options: ServeOptions) {
    super(engine);
  }

  init(_connection: Connection, server: Server): void {
    this.server = server;
    const { backgroundReader } = this.options;
    if (backgroundReader === undefined) return;
    this.coldReads = new ColdReads(this.engine, backgroundReader, server);
  }

  /** Makes the image complete: umount(2) may be waiting for just this. The device stays open. */
  destroy(): void {
    try {
      finishEngine(this.engine);
    } catch (error) {
      this.engine.errnoOf(error, "unmount");
    }
  }

  errnoOf(error: unknown, operation: string): number {
    return this.engine.errnoOf(error, operation);
  }

  idle(): number {
    const { guard } = this.engine;
    const dueMs = this.#commitWhenDue();
    return guard === null ? dueMs : Math.min(dueMs, guard.tick());
  }

  /** @returns milliseconds until the next look. */
  #commitWhenDue(): number {
    const { engine, options } = this;
    engine.trim();
    if (!engine.volume.transactions.pending) {
      this.#nextCommitMs = 0;
      return options.commitMs;
    }
    const now = options.monotonicMs();
    if (this.#nextCommitMs === 0) this.#nextCommitMs = now + options.commitMs;
    if (engine.changes !== this.#changesSeen) {
      this.#changesSeen = engine.changes;
      this.#changesSeenMs = now;
    }
    const quietMs = engine.volume.journal === null ? QUIET_MS : QUIET_JOURNAL_MS;
    const due = Math.min(this.#nextCommitMs, this.#changesSeenMs + quietMs);
    if (now < due) return due - now;
    this.#nextCommitMs = 0;
    this.#commit();
    return options.commitMs;
  }

  /** Lets the running transaction go, unless the one before it is still being written. */
  #commit(): void {
    const { transactions } = this.engine.volume;
    if (transactions.store.underWay > 0) return;
    try {
      transactions.start(false);
    } catch (error) {
      this.engine.errnoOf(error, "commit");
    }
  }

  getattr(_caller: Caller, node: number, attributes: Attributes): number {
    fillAttributes(this.engine.inode(inodeOf(node)), this.blockBytes, attributes);
    return 0;
  }

  setattr(caller: Caller, node: number, set: SetAttributes, attributes: Attributes): number {
    const ino = inodeOf(node);
    const result = setAttributes(this.engine, ino, changeOf(set), this.privileged(caller));
    if (result < 0) return result;
    fillAttributes(this.engine.inode(ino), this.blockBytes, attributes);
    return 0;
  }

  statfs(_caller: Caller, node: number, statfs: Statfs): number {
    const stat = filesystemStat(this.engine, inodeOf(node));
    statfs.blocks = stat.blocks;
    statfs.blocksFree = stat.blocksFree;
    statfs.blocksAvailable = stat.blocksAvailable;
    statfs.files = stat.inodes;
    statfs.filesFree = stat.inodesFree;
    statfs.blockBytes = statfs.fragmentBytes = stat.blockBytes;
    statfs.nameMax = 255;
    return 0;
  }

  getxattr(caller: Caller, node: number, name: Uint8Array, value: Uint8Array): number {
    return getAttribute(this.engine, inodeOf(node), name, value, caller.uid === 0);
  }

  listxattr(caller: Caller, node: number, list: Uint8Array): number {
    return listAttributes(this.engine, inodeOf(node), list, caller.uid === 0);
  }

  setxattr(
    caller: Caller,
    node: number,
    name: Uint8Array,
    value: Uint8Array,
    flags: number,
    killSgid: boolean,
  ): number {
    const how = { flags, killSgid, privileged: caller.uid === 0 };
    return setAttribute(this.engine, inodeOf(node), name, value, how);
  }

  removexattr(caller: Caller, node: number, name: Uint8Array): number {
    return removeAttribute(this.engine, inodeOf(node), name, caller.uid === 0);
  }

  /** Asked only where the kernel does not decide itself: in a mount that lets only root in. */
  access(_caller: Caller, node: number, mask: number): number {
    const inode = this.engine.inode(inodeOf(node));
    const executable = inode.isDirectory || (inode.mode & 0o111) !== 0;
    return (mask & EXECUTE) !== 0 && !executable ? -EACCES : 0;
  }

  ioctl(
    caller: Caller,
    node: number,
    _handle: number,
    command: number,
    _argument: number,
    input: Uint8Array,
    output: Uint8Array,
  ): number {
    const result = ioctl(this.engine, inodeOf(node), command, caller.uid === 0, input, output);
    if (result >= 0 && changesAttributes(command)) this.server?.invalidateAttributes(node);
    return result;
  }
}
