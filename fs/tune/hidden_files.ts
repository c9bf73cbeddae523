/**
 * Adding and removing what lies in files that no directory names: the journal, quota files, the orphan file; and the block
 * of multiple mount protection.
 *
 * @module
 */

import { viewOf } from "../edit/blocks.ts";
import type { Editor } from "../edit/editor.ts";
import { makeHiddenFile, removeHiddenFile } from "../edit/new_file.ts";
import { EINVAL } from "../errno.ts";
import { Unsupported } from "../errors.ts";
import { Compat, Incompat, RoCompat } from "../layout/features.ts";
import { I_BLOCK_OFFSET, InodeFlag } from "../layout/inode.ts";
import { MIN_JOURNAL_BLOCKS, newJournalSuperblock } from "../layout/journal_superblock.ts";
import { encodeMmp, MMP_SEQUENCE_CLEAN } from "../layout/mmp.ts";
import { setOrphanBlockChecksum, writeEmptyOrphanBlock } from "../layout/orphan_file.ts";
import { QuotaMagic } from "../layout/quota.ts";
import {
  GROUP_QUOTA_INODE,
  JOURNAL_INODE,
  ROOT_INODE,
  USER_QUOTA_INODE,
} from "../layout/superblock.ts";
import { quotaFile, type Usage } from "../mkfs/quota_file.ts";
import type { QuotaName } from "./options.ts";

const MAX_JOURNAL_BLOCKS = 10_240_000;
const MMP_SECONDS = 5;
const I_BLOCK_WORDS = 15;
const JOURNAL_BACKUP_WORDS = 17;

/** Blocks of file systems up to which a journal has so many blocks. */
const JOURNAL_SIZES: readonly (readonly [number, number])[] = [
  [32768, 1024],
  [256 * 1024, 4096],
  [512 * 1024, 8192],
  [4096 * 1024, 16384],
  [8192 * 1024, 32768],
  [16384 * 1024, 65536],
  [32768 * 1024, 131072],
  [Number.POSITIVE_INFINITY, 262144],
];

function refuse(message: string): Unsupported {
  return new Unsupported(EINVAL, message);
}

/** Adds a journal in inode 8. The log begins empty. @throws Unsupported */
export function addJournal(editor: Editor, bytes: number | undefined): void {
  const { superblock, geometry } = editor;
  const { blockBytes } = geometry;
  if (geometry.blocksCount < 2048) throw refuse("the file system is too small for a journal");
  const usual = JOURNAL_SIZES.find(([bound]) => geometry.blocksCount < bound)?.[1] ?? 1024;
  const blocks = bytes === undefined ? usual : Math.floor(bytes / blockBytes);
  if (blocks < MIN_JOURNAL_BLOCKS || blocks > MAX_JOURNAL_BLOCKS) {
    throw refuse(
      `a journal of ${blocks} blocks is not ${MIN_JOURNAL_BLOCKS} to ${MAX_JOURNAL_BLOCKS}`,
    );
  }
  if (blocks > superblock.freeBlocksCount / 2) throw refuse("there is no room for the journal");
  const { inode, places } = makeHiddenFile(editor, JOURNAL_INODE, blocks);
  const bytesOfOne = new Uint8Array(blockBytes);
  for (const block of places) editor.device.write(bytesOfOne, block * blockBytes);
  const first = newJournalSuperblock({
    blockBytes,
    totalBlocks: blocks,
    firstBlock: 1,
    fastCommitBlocks: 0,
    uuid: superblock.uuid,
  });
  editor.blocks.fresh(places[0] ?? 0).set(first.bytes);
  if (superblock.overheadClusters !== 0) {
    superblock.overheadClusters += Math.ceil(blocks / geometry.clusterBlocks);
  }
  superblock.featureCompat |= Compat.HAS_JOURNAL;
  superblock.journalInode = JOURNAL_INODE;
  superblock.journalDevice = 0;
  superblock.journalUuid.fill(0);
  for (let word = 0; word < I_BLOCK_WORDS; word++) {
    superblock.setJournalBackup(word, inode.view.getUint32(I_BLOCK_OFFSET + 4 * word, true));
  }
  superblock.setJournalBackup(15, Math.floor(inode.size / 0x100000000));
  superblock.setJournalBackup(16, inode.size >>> 0);
  superblock.journalBackupType = 1;
}

/** Removes the journal, which is empty. @throws Unsupported for one on another device. */
export function removeJournal(editor: Editor): void {
  const { superblock } = editor;
  if (superblock.journalInode !== JOURNAL_INODE) {
    throw refuse("its journal is not in inode 8: it cannot be removed here");
  }
  const { blockBytes, clusterBlocks } = editor.geometry;
  const blocks = editor.readInode(JOURNAL_INODE).size / blockBytes;
  const clusters = Math.ceil(blocks / clusterBlocks);
  // What it counts besides is not known here.
  superblock.overheadClusters = Math.max(0, superblock.overheadClusters - clusters);
  removeHiddenFile(editor, JOURNAL_INODE);
  superblock.journalInode = 0;
  for (let word = 0; word < JOURNAL_BACKUP_WORDS; word++) superblock.setJournalBackup(word, 0);
  superblock.featureCompat = (superblock.featureCompat & ~Compat.HAS_JOURNAL) >>> 0;
}

/** Where the number of a quota file stands, and how it is counted. */
interface QuotaKind {
  readonly magic: number;
  /** Its number; 0: any free one. */
  readonly ino: number;
  readonly field: "userQuotaInode" | "groupQuotaInode" | "projectQuotaInode";
}

const QUOTAS: Readonly<Record<QuotaName, QuotaKind>> = {
  user: { magic: QuotaMagic.USER, ino: USER_QUOTA_INODE, field: "userQuotaInode" },
  group: { magic: QuotaMagic.GROUP, ino: GROUP_QUOTA_INODE, field: "groupQuotaInode" },
  project: { magic: QuotaMagic.PROJECT, ino: 0, field: "projectQuotaInode" },
};

/** Adds a quota file with what is in use. @throws Unsupported */
export function addQuota(editor: Editor, name: QuotaName): void {
  const { superblock, geometry } = editor;
  const kind = QUOTAS[name];
  if (superblock[kind.field] !== 0) return;
  const ino = kind.ino || editor.takeInode(geometry.groupCount, 0, false);
  const content = quotaFile(kind.magic, usageOf(editor, name, ino));
  const { blockBytes } = geometry;
  const { inode, places } = makeHiddenFile(editor, ino, Math.ceil(content.length / blockBytes));
  inode.size = content.length;
  inode.setFlag(InodeFlag.IMMUTABLE, true);
  editor.writeInode(inode);
  places.forEach((block, index) => {
    editor.blocks.fresh(block).set(content.subarray(index * blockBytes, (index + 1) * blockBytes));
  });
  superblock[kind.field] = ino;
  superblock.featureRoCompat |= RoCompat.QUOTA;
}

/** Removes a quota file; without any the feature goes, too. */
export function removeQuota(editor: Editor, name: QuotaName): void {
  const { superblock } = editor;
  const { field } = QUOTAS[name];
  if (superblock[field] === 0) return;
  removeHiddenFile(editor, superblock[field]);
  superblock[field] = 0;
  const left = Object.values(QUOTAS).some((kind) => superblock[kind.field] !== 0);
  if (!left) superblock.featureRoCompat = (superblock.featureRoCompat & ~RoCompat.QUOTA) >>> 0;
}

function usageOf(editor: Editor, name: QuotaName, own: number): Map<number, Usage> {
  const { superblock } = editor;
  const sums = new Map<number, Usage>();
  const hidden = new Set([
    own,
    superblock.userQuotaInode,
    superblock.groupQuotaInode,
    superblock.projectQuotaInode,
    superblock.orphanFileInode,
  ]);
  for (const ino of editor.usedInodes()) {
    if (hidden.has(ino) || (ino < superblock.firstInode && ino !== ROOT_INODE)) continue;
    const inode = editor.readInode(ino);
    if (inode.has(InodeFlag.EA_INODE)) {
      throw refuse("quotas cannot be added while attributes lie in inodes of their own");
    }
    const id = name === "user" ? inode.uid : name === "group" ? inode.gid : inode.projectId;
    const sum = sums.get(id) ?? { spaceBytes: 0, inodes: 0 };
    sums.set(id, { spaceBytes: sum.spaceBytes + 512 * inode.sectors, inodes: sum.inodes + 1 });
  }
  return sums;
}

/** Adds the orphan file. @throws Unsupported */
export function addOrphanFile(editor: Editor, bytes: number | undefined): void {
  const { superblock, geometry } = editor;
  if (!superblock.hasCompat(Compat.HAS_JOURNAL)) throw refuse("orphan_file needs has_journal");
  const { blocksCount, clusterBlocks, blockBytes } = geometry;
  let blocks = 512;
  if (bytes !== undefined) blocks = Math.max(1, Math.floor(bytes / blockBytes));
  else if (blocksCount < 128 * 1024) blocks = 32;
  else if (blocksCount < 2 * 1024 * 1024) blocks = Math.floor(blocksCount / 4096);
  blocks = Math.ceil(blocks / clusterBlocks) * clusterBlocks;
  if (blocks > superblock.freeBlocksCount) throw refuse("there is no room for the orphan file");
  const ino = editor.takeInode(geometry.groupCount, 0, false);
  const { inode, places } = makeHiddenFile(editor, ino, blocks);
  for (const block of places) {
    const content = editor.blocks.fresh(block);
    writeEmptyOrphanBlock(content, viewOf(content));
    if (!superblock.hasMetadataChecksums) continue;
    setOrphanBlockChecksum(content, viewOf(content), block, inode.checksumSeed);
  }
  superblock.orphanFileInode = ino;
  superblock.featureCompat |= Compat.ORPHAN_FILE;
}

export function removeOrphanFile(editor: Editor): void {
  const { superblock } = editor;
  if (superblock.orphanFileInode !== 0) removeHiddenFile(editor, superblock.orphanFileInode);
  superblock.orphanFileInode = 0;
  superblock.featureCompat = (superblock.featureCompat & ~Compat.ORPHAN_FILE) >>> 0;
}

/** Adds the block of multiple mount protection. */
export function addMmp(editor: Editor): void {
  const { superblock } = editor;
  const block = editor.take(1).start;
  superblock.mmpBlockLo = block >>> 0;
  superblock.mmpBlockHi = Math.floor(block / 0x100000000);
  if (superblock.mmpInterval === 0) superblock.mmpInterval = MMP_SECONDS;
  superblock.featureIncompat |= Incompat.MMP;
  writeMmp(editor);
}

/** Writes the block as nobody's. */
export function writeMmp(editor: Editor): void {
  const { superblock } = editor;
  encodeMmp(editor.blocks.fresh(superblock.mmpBlock), {
    sequence: MMP_SEQUENCE_CLEAN,
    time: editor.options.now(),
    nodeName: "",
    deviceName: "",
    checkInterval: Math.max(MMP_SECONDS, superblock.mmpInterval),
  }, superblock.hasMetadataChecksums ? superblock.checksumSeed : undefined);
}

export function removeMmp(editor: Editor): void {
  const { superblock } = editor;
  const { clusterBlocks } = editor.geometry;
  const block = superblock.mmpBlock;
  editor.mark(block, clusterBlocks === 1 ? 1 : clusterBlocks, false);
  superblock.mmpBlockLo = superblock.mmpBlockHi = 0;
  superblock.mmpInterval = 0;
  superblock.featureIncompat = (superblock.featureIncompat & ~Incompat.MMP) >>> 0;
}
