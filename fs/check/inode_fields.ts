/**
 * Fields of an inode in use that can be judged by themselves.
 *
 * @module
 */

import { Compat } from "../layout/features.ts";
import { EXTRA_OFFSET, InodeFlag } from "../layout/inode.ts";
import type { CheckContext } from "./context.ts";
import type { RawInode } from "./raw_inode.ts";

const LINUX = 0;
const HURD = 1;
/** i_faddr, l_i_file_acl_high. */
const FADDR_OFFSET = 0x70;
const FILE_ACL_HIGH_OFFSET = 0x76;
/** Times: the seconds' field and its extra word, and from which i_extra_isize on that exists. */
const TIMES: readonly (readonly [seconds: number, extra: number])[] = [
  [0x8, 0x8c],
  [0xc, 0x84],
  [0x10, 0x88],
  [0x90, 0x94],
];
const EPOCH_MASK = 3;
const SIGN = 0x80000000;

/** Fields that must be zero unless a feature gives them a meaning. */
export function checkFields(check: CheckContext, raw: RawInode): void {
  const { findings, features, superblock } = check;
  const where = { inode: raw.ino };
  if (raw.u32(FADDR_OFFSET) !== 0) findings.add("inode_faddr", where, raw.u32(FADDR_OFFSET), 0);
  const isLinux = superblock.creatorOs === LINUX;
  if (isLinux && !features.is64bit && raw.u16(FILE_ACL_HIGH_OFFSET) !== 0) {
    findings.add("inode_file_acl_high", where, raw.u16(FILE_ACL_HIGH_OFFSET), 0);
  }
  if (isLinux && !features.hugeFile && raw.blocksHigh !== 0) {
    findings.add("inode_blocks_high", where, raw.blocksHigh, 0);
  }
  const fewBlocks = raw.blocksLow < 2 ** (29 - check.geometry.blockBits);
  if (raw.isDirectory && !features.largeDir && raw.sizeHigh !== 0 && fewBlocks) {
    findings.add("inode_size_high", where, raw.sizeHigh, 0);
  }
  checkTimes(check, raw);
}

/** Times from 2310 on are more likely ones before 1970 that an old kernel stored wrongly. */
function checkTimes(check: CheckContext, raw: RawInode): void {
  if (raw.inodeBytes <= EXTRA_OFFSET + 28) return;
  for (const [seconds, extra] of TIMES) {
    const isNegative = (raw.u32(seconds) & SIGN) !== 0;
    if (isNegative && (raw.u32(extra) & EPOCH_MASK) === EPOCH_MASK) {
      check.findings.add("inode_time", { inode: raw.ino });
      return;
    }
  }
}

/** Flags that need a feature, and what is to be remembered of them. */
export function checkFlags(check: CheckContext, raw: RawInode): void {
  const { superblock, findings } = check;
  if (raw.has(InodeFlag.IMAGIC)) {
    if (superblock.hasCompat(Compat.IMAGIC_INODES)) check.imagicInodes.set(raw.ino);
    else findings.add("inode_imagic", { inode: raw.ino });
  }
  if (raw.has(InodeFlag.EA_INODE)) check.eaInodes.set(raw.ino);
  const isFolded = check.features.casefold && raw.has(InodeFlag.CASEFOLD);
  if (isFolded) check.casefoldedInodes.set(raw.ino);
}

/** Whether i_blocks of the inode means something: not in file systems of the Hurd. */
export function countsBlocks(check: CheckContext): boolean {
  return check.superblock.creatorOs !== HURD;
}
