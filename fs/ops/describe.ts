/**
 * What kind of file system it is, and how full.
 *
 * @module
 */

import { uuidText } from "../bytes/uuid.ts";
import { featureNames } from "../layout/features.ts";
import { STATE_ERROR, STATE_VALID, type Superblock } from "../layout/superblock.ts";
import type { Engine } from "./engine.ts";
import { filesystemStat } from "./filesystem_stat.ts";

/** The superblock in words and numbers. Times are null where none is recorded. */
export interface VolumeDescription {
  readonly label: string;
  /** In the usual form of 36 characters. */
  readonly uuid: string;
  /** Names as mke2fs knows them: compatible, incompatible, read-only compatible ones. */
  readonly features: readonly string[];
  /** Not closed cleanly, and not opened by anybody now: a journal may have to be replayed. */
  readonly inUse: boolean;
  readonly hasErrors: boolean;
  readonly errorCount: number;
  readonly blockBytes: number;
  readonly clusterBytes: number;
  readonly inodeBytes: number;
  /** Bytes: of all blocks; for files and directories; free; free and not reserved for root; reserved. */
  readonly bytes: number;
  readonly usableBytes: number;
  readonly freeBytes: number;
  readonly availableBytes: number;
  readonly reservedBytes: number;
  readonly inodes: number;
  readonly freeInodes: number;
  readonly directories: number;
  readonly groups: number;
  readonly blocksPerGroup: number;
  readonly inodesPerGroup: number;
  /** Bytes of the journal inside the image; 0 without one. */
  readonly journalBytes: number;
  readonly mountCount: number;
  readonly created: Date | null;
  readonly lastMounted: Date | null;
  /** Where it was mounted last; empty when that is not recorded. */
  readonly lastMountPoint: string;
  readonly lastWritten: Date | null;
  readonly lastChecked: Date | null;
  /** Over its life. */
  readonly writtenBytes: number;
}

/** Describes an opened file system. */
export function describeVolume(engine: Engine): VolumeDescription {
  const { superblock } = engine.volume;
  return {
    label: superblock.label,
    uuid: uuidText(superblock.uuid),
    features: featuresOf(superblock),
    ...stateOf(superblock),
    ...sizesOf(engine),
    ...timesOf(superblock),
    mountCount: superblock.mountCount,
    lastMountPoint: superblock.lastMounted,
    writtenBytes: superblock.kbytesWritten * 1024,
  };
}

function featuresOf(superblock: Superblock): string[] {
  return [
    ...featureNames("compat", superblock.featureCompat),
    ...featureNames("incompat", superblock.featureIncompat),
    ...featureNames("roCompat", superblock.featureRoCompat),
  ];
}

function stateOf(superblock: Superblock) {
  return {
    inUse: (superblock.state & STATE_VALID) === 0,
    hasErrors: (superblock.state & STATE_ERROR) !== 0,
    errorCount: superblock.errorCount,
  };
}

function sizesOf(engine: Engine) {
  const { superblock, geometry, groups, inodes } = engine.volume;
  const { blockBytes } = geometry;
  const stat = filesystemStat(engine);
  let directories = 0;
  for (let group = 0; group < geometry.groupCount; group++) {
    directories += groups.usedDirectories[group] ?? 0;
  }
  const { journalInode } = superblock;
  return {
    blockBytes,
    clusterBytes: superblock.clusterBytes,
    inodeBytes: geometry.inodeBytes,
    bytes: geometry.blocksCount * blockBytes,
    usableBytes: stat.blocks * blockBytes,
    freeBytes: stat.blocksFree * blockBytes,
    availableBytes: stat.blocksAvailable * blockBytes,
    reservedBytes: superblock.reservedBlocksCount * blockBytes,
    inodes: stat.inodes,
    freeInodes: stat.inodesFree,
    directories,
    groups: geometry.groupCount,
    blocksPerGroup: geometry.blocksPerGroup,
    inodesPerGroup: geometry.inodesPerGroup,
    journalBytes: journalInode === 0 ? 0 : inodes.load(journalInode).size,
  };
}

function timesOf(superblock: Superblock) {
  const date = (seconds: number): Date | null => seconds === 0 ? null : new Date(seconds * 1000);
  return {
    created: date(superblock.creationTimeLo),
    lastMounted: date(superblock.mountTime),
    lastWritten: date(superblock.writeTime),
    lastChecked: date(superblock.lastCheckLo),
  };
}
