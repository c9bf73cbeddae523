/**
 * First pass: every inode by itself, and the blocks that it claims.
 *
 * @module
 */

import { Incompat } from "../layout/features.ts";
import { I_BLOCK_BYTES, I_BLOCK_OFFSET, InodeFlag } from "../layout/inode.ts";
import { JOURNAL_INODE, ROOT_INODE } from "../layout/superblock.ts";
import { claimBadBlocks } from "./bad_blocks.ts";
import type { CheckContext } from "./context.ts";
import { EncryptionPolicies } from "./encryption.ts";
import { extentHeaderIsGood } from "./extent_tree.ts";
import { inlineValue } from "./find_xattr.ts";
import { checkFields, checkFlags } from "./inode_fields.ts";
import { InodeBlocks } from "./inode_blocks.ts";
import type { InodeReader } from "./inode_reader.ts";
import { RawInode } from "./raw_inode.ts";
import { ReadableXattrs } from "./readable_xattrs.ts";
import { checkReserved } from "./reserved_inodes.ts";
import { deviceIsGood, hasMappedBlocks, SpecialFiles } from "./special_files.ts";
import { XattrChecker, type XattrCost } from "./xattr_checker.ts";

const CHUNK_BYTES = 1 << 18;
const NO_COST: XattrCost = { clusters: 0, inodes: 0 };

/** The pass over the inode tables. */
export class InodePass {
  readonly #check: CheckContext;
  readonly #xattrs: XattrChecker;
  readonly #blocks: InodeBlocks;
  readonly #special: SpecialFiles;
  readonly #policies: EncryptionPolicies;
  readonly #readable: ReadableXattrs;
  readonly #checksDtime: boolean;

  constructor(check: CheckContext, inodes: InodeReader) {
    this.#check = check;
    this.#xattrs = new XattrChecker(check, inodes);
    this.#blocks = new InodeBlocks(check, this.#xattrs);
    this.#special = new SpecialFiles(check);
    this.#policies = new EncryptionPolicies(check);
    this.#readable = new ReadableXattrs(check, inodes);
    this.#checksDtime = dtimeTells(check);
  }

  /** Goes through all inodes that were ever used. */
  run(): void {
    const { groups, geometry, features } = this.#check;
    const chunkBlocks = Math.max(1, Math.floor(CHUNK_BYTES / geometry.blockBytes));
    const bytes = new Uint8Array(chunkBlocks * geometry.blockBytes);
    for (let group = 0; group < groups.count; group++) {
      this.#check.step("inodes", group, groups.count);
      if (groups.tableUnusable[group] !== 0) continue;
      let count = geometry.inodesPerGroup;
      if (features.groupChecksums) {
        if (groups.inodeUninit(group)) continue;
        count = Math.max(0, count - (groups.unusedInodes[group] as number));
      }
      this.#table(group, count, bytes);
    }
    this.#xattrs.finish();
  }

  #table(group: number, count: number, bytes: Uint8Array<ArrayBuffer>): void {
    const { geometry, groups, reader } = this.#check;
    const { inodesPerBlock, blockBytes, inodeBytes } = geometry;
    const raw = new RawInode(inodeBytes);
    const perChunk = (bytes.length / blockBytes) * inodesPerBlock;
    const table = groups.inodeTable[group] as number;
    const firstIno = group * geometry.inodesPerGroup + 1;
    for (let done = 0; done < count; done += perChunk) {
      const here = Math.min(perChunk, count - done);
      const blocks = Math.ceil(here / inodesPerBlock);
      const chunk = bytes.subarray(0, blocks * blockBytes);
      if (!reader.read(table + done / inodesPerBlock, chunk)) continue;
      const view = new DataView(chunk.buffer, 0, chunk.length);
      for (let index = 0; index < here; index++) {
        const block = Math.floor(index / inodesPerBlock);
        const offset = block * blockBytes + (index - block * inodesPerBlock) * inodeBytes;
        raw.set(firstIno + done + index, chunk, view, offset);
        this.#visit(raw);
      }
    }
  }

  #visit(raw: RawInode): void {
    const { superblock, seed, findings } = this.#check;
    const isReserved = raw.ino < superblock.firstInode || this.#check.isReservedQuota(raw.ino);
    if (!isReserved && raw.mode === 0 && raw.links === 0 && raw.dtime === 0 && raw.isBlank) return;
    this.#checkUse(raw, isReserved);
    if (seed !== undefined && !raw.checksumMatches(seed)) {
      findings.add("inode_checksum", { inode: raw.ino });
    }
  }

  /** Separates the inodes that are in use from those that are deleted. */
  #checkUse(raw: RawInode, isReserved: boolean): void {
    const { findings, superblock, storedLinks } = this.#check;
    const isOrphan = this.#check.orphans.has(raw.ino);
    const { dtime, links, ino } = raw;
    if (
      !isOrphan && !this.#isTruncating(ino) && this.#checksDtime && dtime !== 0 &&
      dtime < superblock.inodesCount
    ) {
      findings.add("inode_low_dtime", { inode: ino }, dtime);
    }
    if (links !== 0) storedLinks.set(ino, links);
    else if (!isReserved && !isOrphan) {
      if (dtime === 0 && raw.mode !== 0) findings.add("inode_zero_dtime", { inode: ino });
      return;
    }
    this.#checkFormat(raw);
    const treatment = checkReserved(this.#check, raw);
    if (treatment === "bad blocks") claimBadBlocks(this.#check, raw);
    else if (treatment === "blocks") this.#blocks.check(raw, NO_COST, false);
    else if (links !== 0 || isOrphan) this.#checkOrdinary(raw, isOrphan);
  }

  #isTruncating(ino: number): boolean {
    return this.#check.truncating.has(ino);
  }

  /** Flags that say how i_block is to be read. */
  #checkFormat(raw: RawInode): void {
    const { findings, superblock, features } = this.#check;
    const where = { inode: raw.ino };
    if (raw.has(InodeFlag.CASEFOLD)) {
      if (!raw.isDirectory) findings.add("inode_casefold_no_directory", where);
      else if (!features.casefold) findings.add("inode_casefold_feature", where);
    }
    const inline = raw.has(InodeFlag.INLINE_DATA);
    const extents = raw.has(InodeFlag.EXTENTS);
    if (inline && extents && !raw.isSpecial && (features.extents || features.inlineData)) {
      findings.add("inline_data_and_extents", where);
    }
    if (inline && raw.ino >= superblock.firstInode) {
      if (!superblock.hasIncompat(Incompat.INLINE_DATA)) findings.add("inline_data_feature", where);
      else if (inlineValue(raw) === undefined || !this.#readable.check(raw)) {
        findings.add("inline_data_attribute", where);
      }
    }
    if (raw.links === 0 && raw.ino !== ROOT_INODE && raw.ino !== JOURNAL_INODE && raw.ino !== 1) {
      return;
    }
    if (extents && !features.extents) findings.add("inode_extents_feature", where);
    if (!extents && features.extents && (raw.isRegular || raw.isDirectory)) {
      const isTree = extentHeaderIsGood(raw.view, raw.offset + I_BLOCK_OFFSET, I_BLOCK_BYTES);
      if (isTree) findings.add("inode_extents_flag_missing", where);
    }
  }

  #checkOrdinary(raw: RawInode, isOrphan: boolean): void {
    const { findings, features } = this.#check;
    const where = { inode: raw.ino };
    if (raw.dtime !== 0 && !isOrphan && !this.#isTruncating(raw.ino) && raw.ino !== ROOT_INODE) {
      findings.add("inode_has_dtime", where);
    }
    this.#check.usedInodes.set(raw.ino);
    this.#check.files++;
    checkFields(this.#check, raw);
    checkFlags(this.#check, raw);
    const cost = this.#xattrs.checkInInode(raw);
    if (this.#special.looksLikeDirectory(raw)) findings.add("inode_looks_like_directory", where);
    const fast = raw.isSymlink && !hasMappedBlocks(this.#check, raw);
    if (fast && features.extents && raw.has(InodeFlag.EXTENTS)) {
      findings.add("inode_extents_on_fast_symlink", where);
    }
    if (raw.has(InodeFlag.ENCRYPT)) this.#policies.check(raw);
    this.#checkType(raw);
    this.#blocks.check(raw, cost, !isOrphan);
  }

  #checkType(raw: RawInode): void {
    const { findings, directoryInodes, regularInodes, modelessInodes } = this.#check;
    const where = { inode: raw.ino };
    if (raw.isDirectory) directoryInodes.set(raw.ino);
    else if (raw.isRegular) regularInodes.set(raw.ino);
    else if (raw.isSymlink) {
      if (!this.#special.symlinkIsGood(raw)) findings.add("inode_symlink", where);
      this.#checkImmutable(raw);
    } else if (!raw.isSpecial) {
      modelessInodes.set(raw.ino);
      findings.add("inode_mode", where, `0${raw.mode.toString(8)}`);
    } else if (!deviceIsGood(raw)) {
      modelessInodes.set(raw.ino);
      findings.add("inode_device", where);
    } else {
      if (raw.has(InodeFlag.EXTENTS | InodeFlag.INLINE_DATA)) {
        findings.add("inode_special_flags", where);
      }
      this.#checkImmutable(raw);
      if (raw.size !== 0) findings.add("inode_special_size", where, raw.size, 0);
    }
  }

  #checkImmutable(raw: RawInode): void {
    if (!raw.has(InodeFlag.IMMUTABLE | InodeFlag.APPEND)) return;
    this.#check.findings.add("inode_special_immutable", { inode: raw.ino });
  }
}

/** A deletion time below the number of inodes is an inode's number, unless the clock was wrong. */
function dtimeTells(check: CheckContext): boolean {
  const { superblock } = check;
  const times = [superblock.writeTimeLo, superblock.mountTimeLo, superblock.creationTimeLo];
  return times.every((time) => time === 0 || time >= superblock.inodesCount);
}
