/** Nodes of a volume as the kernel knows them: entries, attributes, lookup counts. @module */

import type { Caller, Entry } from "../../ffi/fuse/port.ts";
import type { Engine } from "../ops/engine.ts";
import { LookupCounts } from "./lookup_counts.ts";
import { InodeFlag } from "../layout/inode.ts";
import { fillAttributes, inodeOf, nodeOf } from "./node.ts";

/** Nobody else changes the image, so the kernel may keep what it knows. */
export const VALID_MS = 24 * 3600 * 1000;

/** What all groups of operations share. */
export class NodeView {
  protected readonly counts = new LookupCounts();
  protected readonly blockBytes: number;

  constructor(readonly engine: Engine) {
    this.blockBytes = engine.volume.geometry.blockBytes;
    engine.inUse = (inode) => inode.users > 0 || this.counts.get(inode.ino) > 0;
  }

  /**
   * Fills in an entry and counts the lookup.
   * @param parent node of the directory that holds the name.
   */
  protected give(ino: number, entry: Entry, parent: number): number {
    this.fill(ino, entry);
    if (this.engine.hasCasefold) entry.entryValidMs = this.nameValidMs(parent);
    this.counts.add(ino);
    this.engine.trim();
    return 0;
  }

  /**
   * How long the kernel may keep a name of a directory. Where case is disregarded, not at all: it would not
   * see that a change of one spelling is one of all others.
   */
  protected nameValidMs(parent: number): number {
    return this.engine.inode(inodeOf(parent)).has(InodeFlag.CASEFOLD) ? 0 : VALID_MS;
  }

  protected fill(ino: number, entry: Entry): void {
    const inode = this.engine.inode(ino);
    entry.node = nodeOf(ino);
    entry.generation = inode.generation;
    entry.entryValidMs = VALID_MS;
    entry.attributesValidMs = VALID_MS;
    fillAttributes(inode, this.blockBytes, entry.attributes);
  }

  /** Who may use the blocks reserved for root, or for s_def_resuid and s_def_resgid. */
  protected privileged(caller: Caller): boolean {
    const { superblock } = this.engine.volume;
    return caller.uid === 0 || caller.uid === superblock.defaultReservedUid ||
      (superblock.defaultReservedGid !== 0 && caller.gid === superblock.defaultReservedGid);
  }
}
