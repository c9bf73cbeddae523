/**
 * The blocks of one inode while they are walked: claiming them, and what has to be known of them
 * afterwards.
 *
 * @module
 */

import type { CheckContext } from "./context.ts";
import type { RawInode } from "./raw_inode.ts";

/** Counts for one inode; `begin` starts the next. */
export class FileBlocks {
  raw: RawInode;
  isDirectory = false;
  isRegular = false;
  /** Clusters that the inode uses. */
  clusters = 0;
  /** Highest file block that is mapped; -1 for none. */
  lastBlock = -1;
  /** Highest file block that is mapped and written. */
  lastWritten = -1;
  /** Disk block before the next one, 0 at the start. */
  previousBlock = 0;
  /** File block from which the next extent may begin. */
  nextFileBlock = 0;
  /** Directory blocks are not kept: of an orphan. */
  keepsDirectory = false;

  constructor(readonly check: CheckContext, raw: RawInode) {
    this.raw = raw;
  }

  /** @param clusters used so far, by values of attributes. */
  begin(raw: RawInode, clusters: number): void {
    this.raw = raw;
    this.isDirectory = raw.isDirectory;
    this.isRegular = raw.isRegular;
    this.clusters = clusters;
    this.lastBlock = this.lastWritten = -1;
    this.previousBlock = this.nextFileBlock = 0;
  }

  /** Claims the cluster of one block. @returns false when it was claimed before. */
  claim(block: number): boolean {
    const { check } = this;
    const cluster = check.cluster(block);
    if (!check.usedClusters.has(cluster)) {
      check.usedClusters.set(cluster);
      return true;
    }
    this.#claimedTwice(block, 1);
    return false;
  }

  /** Claims the clusters of `blocks` blocks; `block` begins a cluster. */
  claimRun(block: number, blocks: number): void {
    const { check } = this;
    const first = check.cluster(block);
    const count = check.cluster(block + blocks - 1) - first + 1;
    if (check.usedClusters.hasAny(first, count)) {
      this.#claimedTwice(block, blocks);
      check.overlappingBlocks += blocks;
    }
    check.usedClusters.setRange(first, count);
  }

  /**
   * Keeps blocks of a directory for later. Blocks that are claimed often are not kept for ever, so that an image
   * cannot make a few blocks into endless directories.
   */
  keepRun(fileBlock: number, diskBlock: number, blocks: number): void {
    const { check } = this;
    if (!this.keepsDirectory || check.overlappingBlocks > check.reader.deviceBlocks) return;
    check.directories.addRun(fileBlock, diskBlock, blocks);
  }

  #claimedTwice(block: number, blocks: number): void {
    const { check } = this;
    if (check.features.sharedBlocks) return;
    const detail = blocks === 1 ? undefined : `within ${blocks} blocks`;
    check.findings.add(
      "multiply_claimed",
      { inode: this.raw.ino, block },
      undefined,
      undefined,
      detail,
    );
  }

  /** Whether a block of the file lies where bigalloc does not allow it. */
  isMisaligned(block: number, fileBlock: number): boolean {
    const { clusterBlocks } = this.check.geometry;
    if (clusterBlocks === 1) return false;
    if (fileBlock % clusterBlocks !== block % clusterBlocks) return true;
    const cluster = (value: number): number => Math.floor(value / clusterBlocks);
    return this.previousBlock !== 0 && fileBlock % clusterBlocks !== 0 &&
      cluster(fileBlock) === cluster(this.lastBlock) &&
      cluster(block) !== cluster(this.previousBlock);
  }
}
