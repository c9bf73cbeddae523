/**
 * What each user, group and project uses, added up while the inodes are scanned.
 *
 * @module
 */

import { RoCompat } from "../layout/features.ts";
import { InodeFlag } from "../layout/inode.ts";
import type { Superblock } from "../layout/superblock.ts";
import type { RawInode } from "./raw_inode.ts";

/** Usage of one identifier. */
export interface Usage {
  spaceBytes: number;
  inodes: number;
  /** Of these inodes, the symbolic links with inline data: e2fsck 1.47 does not count them, Linux does. */
  inlineSymlinks: number;
}

/** The kinds of quota that the file system keeps, with their sums. */
export class QuotaSums {
  readonly users: Map<number, Usage> | undefined;
  readonly groups: Map<number, Usage> | undefined;
  readonly projects: Map<number, Usage> | undefined;

  constructor(superblock: Superblock) {
    const has = superblock.hasRoCompat(RoCompat.QUOTA);
    this.users = has && superblock.userQuotaInode !== 0 ? new Map() : undefined;
    this.groups = has && superblock.groupQuotaInode !== 0 ? new Map() : undefined;
    const projects = has && superblock.projectQuotaInode !== 0 && superblock.inodeBytes > 128;
    this.projects = projects ? new Map() : undefined;
  }

  add(raw: RawInode, spaceBytes: number, inodes: number): void {
    const isInline = raw.isSymlink && raw.has(InodeFlag.INLINE_DATA);
    const more = { spaceBytes, inodes, inlineSymlinks: isInline ? 1 : 0 };
    if (this.users !== undefined) addTo(this.users, raw.uid, more);
    if (this.groups !== undefined) addTo(this.groups, raw.gid, more);
    if (this.projects !== undefined) addTo(this.projects, raw.projectId, more);
  }
}

function addTo(sums: Map<number, Usage>, id: number, more: Usage): void {
  const usage = sums.get(id);
  if (usage === undefined) sums.set(id, { ...more });
  else {
    usage.spaceBytes += more.spaceBytes;
    usage.inodes += more.inodes;
    usage.inlineSymlinks += more.inlineSymlinks;
  }
}
