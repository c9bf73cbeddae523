/**
 * Quotas: what users, groups and projects use, kept right with every change, and their limits.
 *
 * Usage is counted in memory as operations go and put into the quota files' blocks with the commit that holds those
 * operations. Entries for new identifiers are made by the operation that needs them, before it changes anything
 * else.
 *
 * @module
 */

import type { Allocator } from "../alloc/allocator.ts";
import { EDQUOT } from "../errno.ts";
import { Corrupt } from "../errors.ts";
import type { Handle, Participant } from "../journal/transaction.ts";
import { RoCompat } from "../layout/features.ts";
import { InodeFlag } from "../layout/inode.ts";
import { ROOT_INODE } from "../layout/superblock.ts";
import type { Inode } from "../volume/inode.ts";
import type { UsageKeeper } from "../volume/usage.ts";
import type { Volume } from "../volume/volume.ts";
import { Accounts, type QuotaLimits } from "./accounts.ts";
import { QuotaFileBlocks } from "./file_blocks.ts";
import { type KindRules, KINDS, type QuotaKind } from "./kind.ts";
import { QuotaTree } from "./quota_tree.ts";

/**
 * Blocks that an operation may change more with quotas: for a new entry in each of three files, tree and data blocks
 * and what allocating them takes.
 */
export const QUOTA_CREDITS = 48;

const SECTOR_BYTES = 512;

/** Whom an inode counts for. */
export interface Owners {
  readonly uid: number;
  readonly gid: number;
  readonly projectId: number;
}

/** A kind that the file system counts. */
interface Counted {
  readonly rules: KindRules;
  readonly accounts: Accounts;
}

/** The quotas of one file system. */
export class Quota implements UsageKeeper, Participant {
  /** Whoever is at work may exceed limits: root may, and whatever the engine does of its own. */
  exempt = true;
  readonly #volume: Volume;
  readonly #kinds: readonly Counted[];
  /** Inodes that count for nobody though their numbers are ordinary ones. */
  readonly #hidden: ReadonlySet<number>;

  /**
   * Takes part in the volume's transactions from now on.
   * @param enforced kinds whose limits hold.
   * @throws Corrupt when a quota file is damaged; DeviceError.
   */
  constructor(alloc: Allocator, enforced: readonly QuotaKind[]) {
    const { volume } = alloc;
    const { superblock } = volume;
    this.#volume = volume;
    const kinds: Counted[] = [];
    const hidden = new Set<number>([superblock.orphanFileInode]);
    for (const rules of KINDS) {
      const ino = rules.fileOf(superblock);
      if (ino === 0) continue;
      if (hidden.has(ino) || !mayHoldQuota(volume, rules, ino)) {
        throw new Corrupt(
          "superblock",
          "offset 1024",
          `the ${rules.kind} quota is in inode ${ino}`,
        );
      }
      hidden.add(ino);
      const tree = new QuotaTree(new QuotaFileBlocks(alloc, ino), rules.magic);
      const limited = enforced.includes(rules.kind);
      kinds.push({ rules, accounts: new Accounts(tree, limited, volume.options.clock) });
    }
    this.#kinds = kinds;
    this.#hidden = hidden;
    volume.usage = this;
    volume.transactions.register(this);
  }

  /** The accounts of a kind, or undefined when it is not counted. */
  accounts(kind: QuotaKind): Accounts | undefined {
    return this.#kinds.find(({ rules }) => rules.kind === kind)?.accounts;
  }

  room(inode: Inode): number {
    if (this.exempt || !this.#counts(inode)) return Infinity;
    let bytes = Infinity;
    for (const { rules, accounts } of this.#kinds) {
      if (accounts.enforced) bytes = Math.min(bytes, accounts.room(rules.idOf(inode)));
    }
    return bytes / SECTOR_BYTES;
  }

  inodeRoom(inode: Inode): number {
    if (this.exempt || !this.#counts(inode)) return Infinity;
    let inodes = Infinity;
    for (const { rules, accounts } of this.#kinds) {
      if (accounts.enforced) inodes = Math.min(inodes, accounts.inodeRoom(rules.idOf(inode)));
    }
    return inodes;
  }

  count(inode: Inode, sectors: number, inodes: number): void {
    if ((sectors === 0 && inodes === 0) || !this.#counts(inode)) return;
    for (const counted of this.#kinds) {
      this.#count(counted, counted.rules.idOf(inode), sectors * SECTOR_BYTES, inodes);
    }
  }

  /**
   * Before an inode is made for these owners: makes sure that they have entries, and may have one more inode.
   * @returns 0; -EDQUOT; -ENOSPC or NEEDS_COMMIT.
   * @throws Corrupt, DeviceError
   */
  admit(handle: Handle, owners: Owners): number {
    for (const { rules, accounts } of this.#kinds) {
      const id = idIn(owners, rules.kind);
      const opened = accounts.open(handle, id);
      if (opened < 0) return opened;
      if (!this.exempt && accounts.inodeRoom(id) < 1) return -EDQUOT;
    }
    return 0;
  }

  /**
   * Before an inode gets other owners: makes sure that these have entries, and room for all that it uses.
   * @param inodes the inode itself, and those that hold its attributes.
   * @returns 0; -EDQUOT; -ENOSPC or NEEDS_COMMIT.
   * @throws Corrupt, DeviceError
   */
  admitTransfer(handle: Handle, inode: Inode, owners: Owners, inodes: number): number {
    if (!this.#counts(inode)) return 0;
    const bytes = inode.sectors * SECTOR_BYTES;
    for (const { rules, accounts } of this.#kinds) {
      const id = idIn(owners, rules.kind);
      if (id === rules.idOf(inode)) continue;
      const opened = accounts.open(handle, id);
      if (opened < 0) return opened;
      if (this.exempt) continue;
      if (accounts.room(id) < bytes || accounts.inodeRoom(id) < inodes) return -EDQUOT;
    }
    return 0;
  }

  /** Gives the inode other owners, and them what it uses. */
  transfer(inode: Inode, owners: Owners, inodes: number): void {
    if (this.#counts(inode)) {
      const bytes = inode.sectors * SECTOR_BYTES;
      for (const counted of this.#kinds) {
        const { kind, idOf } = counted.rules;
        const to = idIn(owners, kind);
        if (to === idOf(inode)) continue;
        this.#count(counted, idOf(inode), -bytes, -inodes);
        this.#count(counted, to, bytes, inodes);
      }
    }
    inode.uid = owners.uid;
    inode.gid = owners.gid;
    inode.projectId = owners.projectId;
  }

  /**
   * Sets the limits of an identifier. They hold from now on, if limits of the kind hold at all.
   * @returns 0; -ENOSPC or NEEDS_COMMIT.
   * @throws RangeError when the kind is not counted; Corrupt, DeviceError.
   */
  setLimits(handle: Handle, kind: QuotaKind, id: number, limits: QuotaLimits): number {
    const accounts = this.accounts(kind);
    if (accounts === undefined) throw new RangeError(`no ${kind} quota`);
    return accounts.setLimits(handle, id, limits);
  }

  get pendingBlocks(): number {
    let blocks = 0;
    for (const { accounts } of this.#kinds) blocks += accounts.pendingBlocks;
    return blocks;
  }

  beforeSeal(handle: Handle): void {
    for (const { accounts } of this.#kinds) accounts.store(handle);
  }

  #count({ rules, accounts }: Counted, id: number, bytes: number, inodes: number): void {
    try {
      accounts.count(id, bytes, inodes);
    } catch (error) {
      this.#volume.fail(error, `${rules.kind} quota`);
    }
  }

  /** As e2fsck: the root and ordinary inodes count, but for values of attributes and for hidden files. */
  #counts(inode: Inode): boolean {
    const { ino } = inode;
    if (ino < this.#volume.superblock.firstInode) return ino === ROOT_INODE;
    return !inode.has(InodeFlag.EA_INODE) && !this.#hidden.has(ino);
  }
}

/**
 * The accounts of a kind, to be looked at in a file system that is opened read-only; null when it is not counted.
 * @throws Corrupt, DeviceError
 */
export function readAccounts(alloc: Allocator, kind: QuotaKind): Accounts | null {
  const { superblock, options } = alloc.volume;
  const rules = KINDS.find((rules) => rules.kind === kind);
  const ino = rules?.fileOf(superblock) ?? 0;
  if (rules === undefined || ino === 0 || !superblock.hasRoCompat(RoCompat.QUOTA)) return null;
  const tree = new QuotaTree(new QuotaFileBlocks(alloc, ino), rules.magic);
  return new Accounts(tree, false, options.clock);
}

/** Fixed numbers for users and groups; an ordinary one for projects. */
function mayHoldQuota({ superblock, geometry }: Volume, rules: KindRules, ino: number): boolean {
  if (ino === rules.reservedInode) return true;
  return rules.reservedInode === 0 && ino >= superblock.firstInode && ino <= geometry.inodesCount;
}

function idIn(owners: Owners, kind: QuotaKind): number {
  if (kind === "user") return owners.uid;
  return kind === "group" ? owners.gid : owners.projectId;
}
