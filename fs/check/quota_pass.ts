/**
 * Quota files: their trees, and the usage that they state against what was added up.
 *
 * @module
 */

import {
  decodeQuotaEntry,
  decodeQuotaHeader,
  isFreeQuotaEntry,
  QUOTA_BLOCK_BYTES,
  QUOTA_ENTRIES_PER_BLOCK,
  QUOTA_ROOT_BLOCK,
  QUOTA_TREE_DEPTH,
  quotaEntryOffset,
  QuotaMagic,
  quotaTreeBlock,
} from "../layout/quota.ts";
import { Corrupt } from "../errors.ts";
import type { CheckContext } from "./context.ts";
import type { InodeReader } from "./inode_reader.ts";
import { diskBlocksOf } from "./map_file.ts";
import type { Usage } from "./quota_sums.ts";

const MAX_FILE_BYTES = 2 ** 31;
const SLOTS = QUOTA_BLOCK_BYTES / 4;

/** Checks each quota file that the superblock names. */
export function checkQuota(check: CheckContext, inodes: InodeReader): void {
  const { superblock, quota } = check;
  const files = [
    [quota.users, superblock.userQuotaInode, QuotaMagic.USER, "user"],
    [quota.groups, superblock.groupQuotaInode, QuotaMagic.GROUP, "group"],
    [quota.projects, superblock.projectQuotaInode, QuotaMagic.PROJECT, "project"],
  ] as const;
  for (const [sums, inode, magic, kind] of files) {
    if (sums === undefined) continue;
    try {
      new QuotaFile(check, inodes, inode, magic, kind).compare(sums);
    } catch (error) {
      if (!(error instanceof Corrupt)) throw error;
      check.findings.add("quota_file", { inode }, undefined, undefined, error.message);
    }
  }
}

class QuotaFile {
  readonly #check: CheckContext;
  readonly #diskBlocks: Float64Array;
  readonly #block: Uint8Array<ArrayBuffer>;
  readonly #blocks: number;
  readonly #seen = new Set<number>();
  readonly #entryBlocks = new Set<number>();
  readonly #seenIds = new Set<number>();

  /** @throws Corrupt */
  constructor(
    check: CheckContext,
    inodes: InodeReader,
    readonly inode: number,
    magic: number,
    readonly kind: string,
  ) {
    this.#check = check;
    this.#block = check.reader.buffer();
    const raw = inodes.read(inode);
    if (raw === undefined || raw.size > MAX_FILE_BYTES) {
      throw new Corrupt("quota", `inode ${inode}`, "size");
    }
    const count = Math.ceil(raw.size / check.geometry.blockBytes);
    this.#diskBlocks = diskBlocksOf(check.reader, raw, count);
    this.#blocks = Math.ceil(raw.size / QUOTA_BLOCK_BYTES);
    const header = decodeQuotaHeader(this.#read(0), magic, inode, raw.size);
    this.#blocks = header.blocks;
  }

  /** A copy of a block of the quota file; zeros where the file has a hole. @throws Corrupt */
  #read(block: number): DataView {
    if (block >= this.#blocks) {
      throw new Corrupt("quota", `inode ${this.inode}`, `block ${block} is beyond the end`);
    }
    const at = block * QUOTA_BLOCK_BYTES;
    const { blockBytes } = this.#check.geometry;
    const diskBlock = this.#diskBlocks[Math.floor(at / blockBytes)] ?? 0;
    const copy = new Uint8Array(QUOTA_BLOCK_BYTES);
    if (diskBlock !== 0 && this.#check.reader.read(diskBlock, this.#block)) {
      const within = at % blockBytes;
      copy.set(this.#block.subarray(within, within + QUOTA_BLOCK_BYTES));
    }
    return new DataView(copy.buffer);
  }

  /** Reads all entries and compares them. @throws Corrupt */
  compare(sums: ReadonlyMap<number, Usage>): void {
    this.#tree(QUOTA_ROOT_BLOCK, 0, sums);
    for (const [id, usage] of sums) {
      if (this.#seenIds.has(id) || isCounted(usage, NOTHING)) continue;
      this.#report(id, "no entry", text(usage));
    }
  }

  /** Several slots of the last level may name one block of entries; all else is there once. */
  #tree(block: number, level: number, sums: ReadonlyMap<number, Usage>): void {
    if (this.#seen.has(block)) {
      if (level === QUOTA_TREE_DEPTH && this.#entryBlocks.has(block)) return;
      throw new Corrupt("quota", `inode ${this.inode}`, `block ${block} is in the tree twice`);
    }
    this.#seen.add(block);
    if (level === QUOTA_TREE_DEPTH) this.#entryBlocks.add(block);
    const view = this.#read(block);
    if (level === QUOTA_TREE_DEPTH) {
      this.#entries(view, sums);
      return;
    }
    for (let slot = 0; slot < SLOTS; slot++) {
      const child = quotaTreeBlock(view, slot);
      if (child !== 0) this.#tree(child, level + 1, sums);
    }
  }

  #entries(view: DataView, sums: ReadonlyMap<number, Usage>): void {
    for (let index = 0; index < QUOTA_ENTRIES_PER_BLOCK; index++) {
      const offset = quotaEntryOffset(index);
      if (isFreeQuotaEntry(view, offset)) continue;
      const entry = decodeQuotaEntry(view, offset);
      this.#seenIds.add(entry.id);
      const usage = sums.get(entry.id) ?? NOTHING;
      if (!isCounted(usage, entry)) this.#report(entry.id, text(entry), text(usage));
    }
  }

  #report(id: number, found: string, expected: string): void {
    const field = `${this.kind} ${id}`;
    this.#check.findings.add("quota_usage", { inode: this.inode, field }, found, expected);
  }
}

/** What a quota file states. */
type Stated = Pick<Usage, "spaceBytes" | "inodes">;

const NOTHING: Usage = { spaceBytes: 0, inodes: 0, inlineSymlinks: 0 };

/** Whether the file states what was added up, with or without inline symbolic links. */
function isCounted(usage: Usage, stated: Stated): boolean {
  const { spaceBytes, inodes, inlineSymlinks } = usage;
  return stated.spaceBytes === spaceBytes &&
    (stated.inodes === inodes || stated.inodes === inodes - inlineSymlinks);
}

function text(usage: Stated): string {
  return `${usage.spaceBytes} bytes in ${usage.inodes} inodes`;
}
