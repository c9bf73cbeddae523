/**
 * The snapshots of a mount as directories: node numbers, and the file systems behind them.
 *
 * A node of the snapshot with number n is (n + 1) * 2^32 plus its node in that snapshot; 2^32 is the directory
 * `.snapshots` itself. Numbers of snapshots only grow, so a node means the same as long as the mount lives.
 *
 * @module
 */

import type { Attributes, Caller, DirectorySink, Entry } from "../../ffi/fuse/port.ts";
import { ROOT_NODE } from "../../ffi/fuse/port.ts";
import { EIO, ENOENT, ENOTDIR } from "../errno.ts";
import { S_IFDIR } from "../layout/inode.ts";
import type { Engine } from "../ops/engine.ts";
import { openSnapshot } from "../ops/open_snapshot.ts";
import type { SnapshotEntry } from "../snapshot/chain.ts";
import { Ext4FileSystem, type ServeOptions } from "./ext4_file_system.ts";
import { VALID_MS } from "./node_view.ts";

/** Nodes below this are the file system's own. */
export const VIEW_BASE = 2 ** 32;
/** The directory that lists the snapshots. */
export const SNAPSHOTS_NODE = VIEW_BASE;
/** Snapshots with higher numbers have no nodes. */
const MAX_NUMBER = 2 ** 20 - 2;
/** Snapshots that stay open when others are looked at. */
const MAX_OPEN = 8;

const DT_DIR = 4;
const encoder = new TextEncoder();
/** In the root directory. */
export const SNAPSHOTS_NAME: Uint8Array = encoder.encode(".snapshots");
const DOT = encoder.encode(".");
const DOT_DOT = encoder.encode("..");

/** Whether two names are the same. */
export function sameName(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

/** The node within its snapshot. */
export function innerNode(node: number): number {
  return node % VIEW_BASE;
}

/** What is to be added to a snapshot's nodes. */
export function baseOf(node: number): number {
  return node - node % VIEW_BASE;
}

/** Opens snapshots when they are looked into. */
export class SnapshotViews {
  /** By number, the one used last at the end. */
  readonly #open = new Map<number, Ext4FileSystem>();

  constructor(readonly engine: Engine, readonly options: ServeOptions) {}

  /** Those that can be found. */
  get entries(): readonly SnapshotEntry[] {
    const entries = this.engine.snapshots?.chain.entries ?? [];
    return entries.filter(({ deleting, number }) => !deleting && number <= MAX_NUMBER);
  }

  /** The file system of a node; undefined when the snapshot is gone. @throws FsError, Corrupt, DeviceError */
  of(node: number): Ext4FileSystem | undefined {
    const number = Math.floor(node / VIEW_BASE) - 1;
    const entry = this.entries.find((one) => one.number === number);
    const known = this.#open.get(number);
    if (entry === undefined || entry.damaged) {
      this.#open.delete(number);
      return undefined;
    }
    if (known !== undefined) return known;
    for (const oldest of this.#open.keys()) {
      if (this.#open.size >= MAX_OPEN) this.#open.delete(oldest);
    }
    const view = new Ext4FileSystem(openSnapshot(this.engine, entry.name), this.options);
    this.#open.set(number, view);
    return view;
  }

  /** Looks a snapshot up by its name. */
  lookup(caller: Caller, name: Uint8Array, entry: Entry): number {
    const text = new TextDecoder().decode(name);
    const found = this.entries.find((one) => one.name === text);
    entry.entryValidMs = 0;
    if (found === undefined) return -ENOENT;
    if (found.damaged) return -EIO;
    entry.node = (found.number + 1) * VIEW_BASE + ROOT_NODE;
    entry.generation = 0;
    entry.attributesValidMs = VALID_MS;
    const result = this.of(entry.node)?.getattr(caller, ROOT_NODE, entry.attributes) ?? -ENOENT;
    entry.attributes.ino = entry.node;
    return result;
  }

  /** Fills in the entry of the directory itself. */
  give(entry: Entry): number {
    entry.node = SNAPSHOTS_NODE;
    entry.generation = 0;
    entry.entryValidMs = entry.attributesValidMs = 0;
    this.attributes(entry.attributes);
    return 0;
  }

  /** The attributes of the directory itself. */
  attributes(attributes: Attributes): void {
    const { entries } = this;
    const newest = entries.at(-1);
    const seconds = newest?.seconds ?? 0;
    const nanoseconds = newest?.nanoseconds ?? 0;
    attributes.ino = SNAPSHOTS_NODE;
    attributes.size = attributes.blocks = 0;
    attributes.atime =
      attributes.mtime =
      attributes.ctime =
      attributes.btime =
        seconds;
    attributes.atimeNsec = attributes.mtimeNsec = nanoseconds;
    attributes.ctimeNsec = attributes.btimeNsec = nanoseconds;
    attributes.mode = S_IFDIR | 0o555;
    attributes.nlink = 2 + entries.length;
    attributes.uid = attributes.gid = attributes.rdev = 0;
    attributes.blksize = this.engine.volume.geometry.blockBytes;
    attributes.statxAttributes = attributes.flags = 0;
  }

  /** Lists the snapshots. */
  list(offset: number, plus: boolean, sink: DirectorySink): number {
    const names = [DOT, DOT_DOT, ...this.entries.map(({ name }) => encoder.encode(name))];
    for (let at = offset; at < names.length; at++) {
      const name = names[at];
      if (name === undefined) return -ENOTDIR;
      const number = this.entries[at - 2]?.number ?? 0;
      const ino = at < 2 ? SNAPSHOTS_NODE : (number + 1) * VIEW_BASE + ROOT_NODE;
      // Without attributes: a listing opens no snapshot.
      sink.entry.node = 0;
      const taken = plus
        ? sink.plus(name, 0, name.length, ino, at + 1, DT_DIR)
        : sink.plain(name, 0, name.length, ino, at + 1, DT_DIR);
      if (!taken) break;
    }
    return 0;
  }
}
