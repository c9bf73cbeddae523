/**
 * Extended attributes: in inodes, in blocks that inodes share, and in inodes of their own.
 *
 * @module
 */

import { EXTRA_OFFSET, InodeFlag } from "../layout/inode.ts";
import {
  isLastXattr,
  nextXattr,
  XATTR_BLOCK_HEADER_BYTES,
  XATTR_ENTRY_BYTES,
  XATTR_MAGIC,
  xattrBlockChecksum,
  xattrEntryBytes,
  xattrHash,
  xattrIndex,
  xattrNameBytes,
  xattrRefcount,
  xattrValueBytes,
  xattrValueInode,
  xattrValueOffset,
  xattrValueSize,
} from "../layout/xattr.ts";
import { ROOT_INODE } from "../layout/superblock.ts";
import { xattrEntryHash, xattrEntryHashOfInode } from "../layout/xattr_hash.ts";
import type { Code } from "./codes.ts";
import type { CheckContext } from "./context.ts";
import type { FileBlocks } from "./file_blocks.ts";
import type { InodeReader } from "./inode_reader.ts";
import type { RawInode } from "./raw_inode.ts";
import { RegionMap } from "./region_map.ts";
import { XattrValues } from "./xattr_values.ts";

/** What attributes cost their inode besides their own block. */
export interface XattrCost {
  /** Clusters of values in inodes of their own. */
  clusters: number;
  /** Those inodes. */
  inodes: number;
}

/** What is known of an attribute block that was seen. */
interface SeenBlock extends XattrCost {
  readonly stated: number;
  references: number;
}

const MAX_VALUE_BYTES = 1 << 24;

/** Checks the attributes of one check. */
export class XattrChecker {
  readonly #check: CheckContext;
  readonly #inodes: InodeReader;
  readonly #region = new RegionMap();
  readonly #block: Uint8Array<ArrayBuffer>;
  readonly #blockView: DataView;
  readonly #seen = new Map<number, SeenBlock>();
  readonly #values: XattrValues;

  constructor(check: CheckContext, inodes: InodeReader) {
    this.#check = check;
    this.#inodes = inodes;
    this.#values = new XattrValues(check);
    this.#block = check.reader.buffer();
    this.#blockView = new DataView(this.#block.buffer);
  }

  /** Checks i_extra_isize and the attributes behind it. */
  checkInInode(raw: RawInode): XattrCost {
    const cost = { clusters: 0, inodes: 0 };
    const { inodeBytes } = raw;
    if (inodeBytes === EXTRA_OFFSET) return cost;
    const extra = raw.extraBytes;
    const room = inodeBytes - EXTRA_OFFSET;
    if (extra !== 0 && (extra < 4 || extra > room || (extra & 3) !== 0)) {
      this.#check.findings.add("inode_extra_size", { inode: raw.ino }, extra);
      return cost;
    }
    if (extra >= room - 4) return cost;
    if (raw.u32(EXTRA_OFFSET + extra) !== XATTR_MAGIC) return cost;
    this.#checkBody(raw, EXTRA_OFFSET + extra, cost);
    return cost;
  }

  #checkBody(raw: RawInode, headerOffset: number, cost: XattrCost): void {
    const { view } = raw;
    const header = raw.offset + headerOffset;
    const storage = raw.inodeBytes - headerOffset;
    const problem = this.#bodyProblem(raw, header, storage, cost);
    if (problem !== undefined) this.#report(problem, { inode: raw.ino });
    this.#countReferences(view, header + 4, header + storage);
  }

  /** Entries of an inode: sizes are bounded by what is left, e_hash may be 0. */
  #bodyProblem(
    raw: RawInode,
    header: number,
    storage: number,
    cost: XattrCost,
  ): Problem | undefined {
    const { view } = raw;
    this.#region.begin(storage);
    this.#region.take(0, 4);
    let remain = storage - 4;
    let entry = header + 4;
    while (remain >= XATTR_ENTRY_BYTES && view.getUint32(entry, true) !== 0) {
      const nameBytes = xattrNameBytes(view, entry);
      if (!this.#region.take(entry - header, xattrEntryBytes(nameBytes))) {
        return { code: "xattr_collision" };
      }
      remain -= XATTR_ENTRY_BYTES;
      if (xattrValueBytes(nameBytes) > remain) return { code: "xattr_name_length" };
      remain -= xattrValueBytes(nameBytes);
      const problem = xattrValueInode(view, entry) === 0
        ? this.#innerValueProblem(raw, header, entry, remain)
        : this.#outerValueProblem(raw, raw.bytes, view, entry, cost);
      if (problem !== undefined) return problem;
      if (xattrValueInode(view, entry) === 0) remain -= xattrValueSize(view, entry);
      entry = nextXattr(view, entry);
    }
    return this.#region.take(entry - header, 4) ? undefined : { code: "xattr_collision" };
  }

  #innerValueProblem(
    raw: RawInode,
    header: number,
    entry: number,
    remain: number,
  ): Problem | undefined {
    const { bytes, view } = raw;
    const size = xattrValueSize(view, entry);
    const offset = xattrValueOffset(view, entry);
    if (size > remain) return { code: "xattr_value_size", found: size, expected: remain };
    if (size > 0 && !this.#region.take(4 + offset, xattrValueBytes(size))) {
      return { code: "xattr_collision" };
    }
    const stored = xattrHash(view, entry);
    const start = header + 4 + offset;
    if (stored === 0 || hashIsGood(bytes, view, entry, start, size)) return undefined;
    return { code: "xattr_hash", found: stored };
  }

  /** A value in an inode of its own: the inode is one, and its hash fits the entry's. */
  #outerValueProblem(
    raw: RawInode,
    bytes: Uint8Array,
    view: DataView,
    entry: number,
    cost: XattrCost,
  ): Problem | undefined {
    const { superblock, geometry } = this.#check;
    const ino = xattrValueInode(view, entry);
    if (ino < superblock.firstInode || ino > superblock.inodesCount) {
      return { code: "xattr_value_inode", found: ino };
    }
    const target = this.#inodes.read(ino);
    if (target === undefined) return { code: "xattr_value_inode", found: ino };
    const name = nameOf(bytes, view, entry);
    const stored = xattrHash(view, entry);
    const valueHash = target.u32(0x8);
    const isGood = stored === xattrEntryHashOfInode(name, valueHash) ||
      stored === xattrEntryHashOfInode(name, valueHash, true);
    const flagged = target.has(InodeFlag.EA_INODE);
    // An old form, of Lustre: the target names its parent, and the parent is not charged.
    const isOld = target.u32(0x10) === raw.ino && target.generation === raw.generation;
    if (!isGood && !isOld) {
      return flagged
        ? { code: "xattr_hash", found: stored }
        : { code: "xattr_value_inode", found: ino };
    }
    if (!flagged) return { code: "xattr_value_inode_flag", found: ino };
    const clusterBytes = geometry.clusterBlocks * geometry.blockBytes;
    if (isGood) cost.clusters += Math.ceil(xattrValueSize(view, entry) / clusterBytes);
    cost.inodes++;
    if (isGood) this.#values.check(target, xattrValueSize(view, entry), valueHash);
    return undefined;
  }

  #countReferences(view: DataView, first: number, end: number): void {
    let entry = first;
    while (entry + XATTR_ENTRY_BYTES <= end && view.getUint32(entry, true) !== 0) {
      const next = nextXattr(view, entry);
      if (next > end) return;
      const ino = xattrValueInode(view, entry);
      if (ino !== 0 && ino <= this.#check.superblock.inodesCount) {
        this.#check.eaReferences.increment(ino);
      }
      entry = next;
    }
  }

  /** Checks the attribute block of an inode, and charges it to `file`. @returns its inodes. */
  checkBlock(file: FileBlocks): number {
    const { raw } = file;
    const { features, findings } = this.#check;
    const block = raw.fileAcl(features.is64bit);
    if (block === 0) return 0;
    // Nobody reads the field of a hidden inode.
    const isHidden = raw.ino !== ROOT_INODE && raw.ino < this.#check.superblock.firstInode;
    if (isHidden && (!features.xattrs || !this.#check.inRange(block))) return 0;
    if (!features.xattrs) findings.add("xattr_feature", { inode: raw.ino }, block, 0);
    else if (!this.#check.inRange(block)) {
      findings.add("xattr_block_number", { inode: raw.ino, block });
    } else {
      const seen = this.#seen.get(block) ?? this.#first(file, block);
      seen.references++;
      file.clusters += 1 + seen.clusters;
      return seen.inodes;
    }
    return 0;
  }

  #first(file: FileBlocks, block: number): SeenBlock {
    const { reader } = this.#check;
    const cost = { clusters: 0, inodes: 0 };
    const isFresh = file.claim(block);
    // A block that is in use as something else is not looked at.
    const readable = isFresh && reader.read(block, this.#block);
    if (readable) this.#checkWholeBlock(file.raw, block, cost);
    const stated = readable ? xattrRefcount(this.#blockView) : -1;
    const seen: SeenBlock = { ...cost, stated, references: 0 };
    this.#seen.set(block, seen);
    return seen;
  }

  #checkWholeBlock(raw: RawInode, block: number, cost: XattrCost): void {
    const { findings, seed } = this.#check;
    const view = this.#blockView;
    const where = { inode: raw.ino, block };
    if (view.getUint32(0, true) !== XATTR_MAGIC) {
      findings.add("xattr_header", where, `0x${view.getUint32(0, true).toString(16)}`);
      return;
    }
    if (view.getUint32(8, true) !== 1) {
      findings.add("xattr_blocks", where, view.getUint32(8, true), 1);
    }
    const problem = this.#blockProblem(raw, cost);
    if (problem !== undefined) this.#report(problem, where);
    if (seed !== undefined) {
      const stored = view.getUint32(0x10, true);
      if (stored !== xattrBlockChecksum(this.#block, block, seed)) {
        findings.add("xattr_checksum", where);
      }
    }
    this.#countReferences(view, XATTR_BLOCK_HEADER_BYTES, this.#block.length);
  }

  #blockProblem(raw: RawInode, cost: XattrCost): Problem | undefined {
    const view = this.#blockView;
    const bytes = this.#block;
    this.#region.begin(bytes.length);
    this.#region.take(0, XATTR_BLOCK_HEADER_BYTES);
    let entry = XATTR_BLOCK_HEADER_BYTES;
    while (!isLastXattr(view, entry, bytes.length)) {
      const fits = entry + XATTR_ENTRY_BYTES <= bytes.length;
      if (!fits || !this.#region.take(entry, xattrEntryBytes(xattrNameBytes(view, entry)))) {
        return { code: "xattr_collision" };
      }
      if (xattrIndex(view, entry) === 0) return { code: "xattr_name" };
      const problem = xattrValueInode(view, entry) === 0
        ? this.#blockValueProblem(entry)
        : this.#outerValueProblem(raw, bytes, view, entry, cost);
      if (problem !== undefined) return problem;
      entry = nextXattr(view, entry);
    }
    return this.#region.take(entry, 4) ? undefined : { code: "xattr_collision" };
  }

  #blockValueProblem(entry: number): Problem | undefined {
    const view = this.#blockView;
    const size = xattrValueSize(view, entry);
    const offset = xattrValueOffset(view, entry);
    if (size > MAX_VALUE_BYTES || offset + size > this.#block.length) {
      return { code: "xattr_value_size", found: size };
    }
    if (size > 0 && !this.#region.take(offset, xattrValueBytes(size))) {
      return { code: "xattr_collision" };
    }
    if (hashIsGood(this.#block, view, entry, offset, size)) return undefined;
    return { code: "xattr_hash", found: xattrHash(view, entry) };
  }

  #report(problem: Problem, where: { inode: number; block?: number }): void {
    this.#check.findings.add(problem.code, where, problem.found, problem.expected);
  }

  /** Compares the reference counts that the blocks state with what was counted. */
  finish(): void {
    for (const [block, { stated, references }] of this.#seen) {
      if (stated >= 0 && stated !== references) {
        this.#check.findings.add("xattr_refcount", { block }, stated, references);
      }
    }
  }
}

/** What is wrong with a list of attributes. */
interface Problem {
  readonly code: Code;
  readonly found?: number;
  readonly expected?: number;
}

function nameOf(bytes: Uint8Array, view: DataView, entry: number): Uint8Array {
  const start = entry + XATTR_ENTRY_BYTES;
  return bytes.subarray(start, start + xattrNameBytes(view, entry));
}

/** Whether e_hash fits a value that lies beside the entry; both forms of hashing names count. */
function hashIsGood(
  bytes: Uint8Array,
  view: DataView,
  entry: number,
  valueStart: number,
  size: number,
): boolean {
  const name = nameOf(bytes, view, entry);
  // The padding behind the value is part of its last word.
  const value = bytes.subarray(valueStart, valueStart + xattrValueBytes(size));
  const stored = xattrHash(view, entry);
  return stored === xattrEntryHash(name, value) || stored === xattrEntryHash(name, value, true);
}
