/**
 * The three kinds of quotas: by owner, by group, by project.
 *
 * @module
 */

import { QuotaMagic } from "../layout/quota.ts";
import { GROUP_QUOTA_INODE, type Superblock, USER_QUOTA_INODE } from "../layout/superblock.ts";
import type { Inode } from "../volume/inode.ts";

/** Whose usage is counted. */
export type QuotaKind = "user" | "group" | "project";

/** What the engine needs to know of a kind. */
export interface KindRules {
  readonly kind: QuotaKind;
  /** dqh_magic of its file. */
  readonly magic: number;
  /** Whom an inode counts for. */
  readonly idOf: (inode: Inode) => number;
  /** Number of the file's inode, 0: this kind is not counted. */
  readonly fileOf: (superblock: Superblock) => number;
  /** The only inode that the file may be, 0: any ordinary one. */
  readonly reservedInode: number;
}

/** All kinds, in the order of the kernel's numbers. */
export const KINDS: readonly KindRules[] = [
  {
    kind: "user",
    magic: QuotaMagic.USER,
    idOf: (inode) => inode.uid,
    fileOf: (superblock) => superblock.userQuotaInode,
    reservedInode: USER_QUOTA_INODE,
  },
  {
    kind: "group",
    magic: QuotaMagic.GROUP,
    idOf: (inode) => inode.gid,
    fileOf: (superblock) => superblock.groupQuotaInode,
    reservedInode: GROUP_QUOTA_INODE,
  },
  {
    kind: "project",
    magic: QuotaMagic.PROJECT,
    idOf: (inode) => inode.projectId,
    fileOf: (superblock) => superblock.projectQuotaInode,
    reservedInode: 0,
  },
];
