/**
 * What mkfs prints.
 *
 * @module
 */

import type { GptLayout } from "../../build/gpt.ts";
import type { FormatResult } from "../../fs/mkfs/format.ts";
import type { PopulateResult } from "../../fs/mkfs/populate.ts";
import { formatUuid } from "../shared/uuid.ts";

const LINE_COLUMNS = 72;

/** The text for a person. */
export function describe(result: FormatResult, verbose: boolean): string {
  const { superblock } = result;
  const lines: string[] = [];
  if (verbose) lines.push(...details(result));
  lines.push(
    `Creating filesystem with ${superblock.blocksCount} ${superblock.blockBytes >> 10}k blocks ` +
      `and ${superblock.inodesCount} inodes`,
    `Filesystem UUID: ${formatUuid(superblock.uuid)}`,
  );
  if (result.backupBlocks.length > 0) {
    lines.push("Superblock backups stored on blocks:", ...wrap(result.backupBlocks.map(String)));
  }
  if (result.journalBlocks > 0) lines.push(`Journal: ${result.journalBlocks} blocks`);
  return lines.join("\n");
}

function wrap(words: readonly string[]): string[] {
  const lines: string[] = [];
  let line = "";
  words.forEach((word, index) => {
    const item = index < words.length - 1 ? `${word},` : word;
    if (line !== "" && line.length + item.length + 1 > LINE_COLUMNS) {
      lines.push(`\t${line}`);
      line = "";
    }
    line = line === "" ? item : `${line} ${item}`;
  });
  if (line !== "") lines.push(`\t${line}`);
  return lines;
}

function details(result: FormatResult): string[] {
  const { superblock } = result;
  const percent = (100 * superblock.reservedBlocksCount) / superblock.blocksCount;
  return [
    `Types: ${result.profile.join(", ")}`,
    `Features: ${result.features.join(" ")}`,
    `Filesystem label=${superblock.label}`,
    `Block size=${superblock.blockBytes}, cluster size=${superblock.clusterBytes}, ` +
    `inode size=${superblock.inodeBytes}`,
    `Stride=${superblock.raidStride} blocks, stripe width=${superblock.raidStripeWidth} blocks`,
    `${superblock.reservedBlocksCount} blocks (${percent.toFixed(2)}%) reserved for the super user`,
    `First data block=${superblock.firstDataBlock}`,
    `${superblock.groupCount} block groups of ${superblock.blocksPerGroup} blocks and ` +
    `${superblock.inodesPerGroup} inodes`,
  ];
}

/** The result for scripts. Counts are of blocks and inodes, sizes of bytes. */
export function toJson(
  path: string,
  result: FormatResult,
  dryRun: boolean,
  copied: PopulateResult | undefined,
  offsetBytes: number,
  disk: GptLayout | undefined,
): string {
  const { superblock } = result;
  return JSON.stringify(
    {
      device: path,
      offset: offsetBytes,
      disk,
      dryRun,
      uuid: formatUuid(superblock.uuid),
      label: superblock.label,
      features: result.features,
      profile: result.profile,
      blockSize: superblock.blockBytes,
      clusterSize: superblock.clusterBytes,
      blocks: superblock.blocksCount,
      reservedBlocks: superblock.reservedBlocksCount,
      freeBlocks: dryRun ? undefined : superblock.freeBlocksCount,
      blocksPerGroup: superblock.blocksPerGroup,
      groups: superblock.groupCount,
      inodeSize: superblock.inodeBytes,
      inodes: superblock.inodesCount,
      inodesPerGroup: superblock.inodesPerGroup,
      journalBlocks: result.journalBlocks,
      backupSuperblocks: result.backupBlocks,
      bytesWritten: result.writtenBytes,
      warnings: result.warnings,
      copied,
    },
    null,
    2,
  );
}
