/**
 * What the identifiers of one kind use and may use: entries of the quota file, decoded while they are needed.
 *
 * The rules of limits are the kernel's (fs/quota/dquot.c): nothing goes above a hard limit; a soft limit may be exceeded
 * for the grace time, which starts when it is crossed and ends with going below.
 *
 * @module
 */

import type { Handle } from "../journal/transaction.ts";
import { decodeQuotaEntry, encodeQuotaEntry, type QuotaEntry } from "../layout/quota.ts";
import type { Clock } from "../volume/volume.ts";
import type { QuotaTree } from "./quota_tree.ts";

/** Entries kept decoded besides those that changed. */
const MAX_KEPT = 4096;
const KIB = 1024;

/** An identifier's entry in memory. */
interface Account {
  readonly entry: QuotaEntry;
  /** Disk block in which the entry is, and its byte offset there; 0: the file has none. */
  diskBlock: number;
  offset: number;
  dirty: boolean;
}

/** Limits of one identifier; 0 is none. */
export interface QuotaLimits {
  /** In KiB. */
  readonly spaceHard: number;
  readonly spaceSoft: number;
  readonly inodesHard: number;
  readonly inodesSoft: number;
}

/** The accounts of all users, groups or projects. */
export class Accounts {
  readonly #accounts = new Map<number, Account>();
  #dirty: Account[] = [];
  readonly #dirtyBlocks = new Set<number>();
  /** The account used last. */
  #last: Account | null = null;

  /** @param enforced whether limits hold. */
  constructor(readonly tree: QuotaTree, readonly enforced: boolean, readonly clock: Clock) {}

  /** What stands in the entry; zeros when there is none. @throws Corrupt, DeviceError */
  entry(id: number): Readonly<QuotaEntry> {
    return this.#get(id).entry;
  }

  /** What stands in all entries, in the order of identifiers. @throws Corrupt, DeviceError */
  list(): Readonly<QuotaEntry>[] {
    const found = new Map<number, QuotaEntry>();
    this.tree.forEachEntry((view, offset) => {
      const entry = decodeQuotaEntry(view, offset);
      found.set(entry.id, { ...this.#accounts.get(entry.id)?.entry ?? entry });
    });
    return [...found.values()].sort((a, b) => a.id - b.id);
  }

  /**
   * Makes sure that there is an entry for `id`.
   * @returns 0; -ENOSPC or NEEDS_COMMIT.
   * @throws Corrupt, DeviceError
   */
  open(handle: Handle, id: number): number {
    const account = this.#get(id);
    if (account.diskBlock !== 0) return 0;
    const place = this.tree.insert(handle, id);
    if (typeof place === "number") return place;
    const { file } = this.tree;
    account.diskBlock = file.diskBlockOf(place.block);
    account.offset = file.offsetOf(place.block) + place.offset;
    encodeQuotaEntry(file.view(place.block), place.offset, account.entry);
    file.dirty(handle, place.block);
    this.#touch(account);
    return 0;
  }

  /** Bytes that `id` may use more. @throws Corrupt, DeviceError */
  room(id: number): number {
    const { entry } = this.#get(id);
    const { blockHardLimit, blockSoftLimit, blockTime, spaceBytes } = entry;
    const limit = this.#limit(blockHardLimit, blockSoftLimit, blockTime) * KIB;
    return Math.max(0, limit - spaceBytes);
  }

  /** Inodes that `id` may use more. @throws Corrupt, DeviceError */
  inodeRoom(id: number): number {
    const { entry } = this.#get(id);
    const { inodeHardLimit, inodeSoftLimit, inodeTime, inodes } = entry;
    return Math.max(0, this.#limit(inodeHardLimit, inodeSoftLimit, inodeTime) - inodes);
  }

  /**
   * Counts more or, below 0, less. Nothing is counted for an identifier without an entry: the file does not know of
   * what it uses already.
   * @throws Corrupt, DeviceError: nothing is counted then.
   */
  count(id: number, bytes: number, inodes: number): void {
    const account = this.#get(id);
    if (account.diskBlock === 0) return;
    const { entry } = account;
    entry.spaceBytes = Math.max(0, entry.spaceBytes + bytes);
    entry.inodes = Math.max(0, entry.inodes + inodes);
    this.#runGraceTimes(entry);
    this.#touch(account);
  }

  /** Sets limits. @returns 0; -ENOSPC or NEEDS_COMMIT when there is no entry and no room for one. */
  setLimits(handle: Handle, id: number, limits: QuotaLimits): number {
    const opened = this.open(handle, id);
    if (opened < 0) return opened;
    const account = this.#get(id);
    const { entry } = account;
    entry.blockHardLimit = limits.spaceHard;
    entry.blockSoftLimit = limits.spaceSoft;
    entry.inodeHardLimit = limits.inodesHard;
    entry.inodeSoftLimit = limits.inodesSoft;
    this.#runGraceTimes(entry, true);
    this.#touch(account);
    return 0;
  }

  /** Disk blocks that `store` will change. */
  get pendingBlocks(): number {
    return this.#dirtyBlocks.size;
  }

  /** Puts what changed into the file's blocks. */
  store(handle: Handle): void {
    const { cache } = this.tree.file.alloc.volume;
    for (const account of this.#dirty) {
      account.dirty = false;
      const buffer = cache.get(account.diskBlock);
      encodeQuotaEntry(buffer.view, account.offset, account.entry);
      handle.dirty(buffer);
    }
    this.#dirty = [];
    this.#dirtyBlocks.clear();
  }

  #touch(account: Account): void {
    if (account.dirty) return;
    account.dirty = true;
    this.#dirtyBlocks.add(account.diskBlock);
    this.#dirty.push(account);
  }

  /** What may be used at most now. */
  #limit(hard: number, soft: number, deadline: number): number {
    if (!this.enforced) return Infinity;
    const limit = hard === 0 ? Infinity : hard;
    return soft !== 0 && deadline !== 0 && this.#now() >= deadline ? Math.min(limit, soft) : limit;
  }

  /** Starts grace times of soft limits that are exceeded, stops the others. */
  #runGraceTimes(entry: QuotaEntry, limitsChanged = false): void {
    const { blockGrace, inodeGrace } = this.tree.header;
    const starts = this.enforced || limitsChanged;
    const next = (used: number, soft: number, deadline: number, grace: number): number => {
      if (soft === 0 || used <= soft) return 0;
      return deadline === 0 && starts ? this.#now() + grace : deadline;
    };
    const { spaceBytes, blockSoftLimit, blockTime } = entry;
    entry.blockTime = next(spaceBytes, blockSoftLimit * KIB, blockTime, blockGrace);
    entry.inodeTime = next(entry.inodes, entry.inodeSoftLimit, entry.inodeTime, inodeGrace);
  }

  #now(): number {
    this.clock.read();
    return this.clock.seconds;
  }

  #get(id: number): Account {
    const last = this.#last;
    if (last !== null && last.entry.id === id) return last;
    const known = this.#accounts.get(id);
    const account = known ?? this.#load(id);
    this.#last = account;
    return account;
  }

  #load(id: number): Account {
    const { file } = this.tree;
    const place = this.tree.find(id);
    let account: Account;
    if (place === null) {
      account = { entry: emptyEntry(id), diskBlock: 0, offset: 0, dirty: false };
    } else {
      const entry = decodeQuotaEntry(file.view(place.block), place.offset);
      const offset = file.offsetOf(place.block) + place.offset;
      account = { entry, diskBlock: file.diskBlockOf(place.block), offset, dirty: false };
    }
    if (this.#accounts.size >= MAX_KEPT) this.#evict();
    this.#accounts.set(id, account);
    return account;
  }

  /** Drops a quarter of the accounts, those loaded first, but for those that changed. */
  #evict(): void {
    this.#last = null;
    let left = MAX_KEPT >> 2;
    for (const [id, account] of this.#accounts) {
      if (left-- === 0) return;
      if (!account.dirty) this.#accounts.delete(id);
    }
  }
}

function emptyEntry(id: number): QuotaEntry {
  return {
    id,
    inodeHardLimit: 0,
    inodeSoftLimit: 0,
    inodes: 0,
    blockHardLimit: 0,
    blockSoftLimit: 0,
    spaceBytes: 0,
    blockTime: 0,
    inodeTime: 0,
  };
}
