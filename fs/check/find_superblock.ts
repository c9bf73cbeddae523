/**
 * Finding a superblock to check with: the primary, or a backup when that is damaged.
 *
 * @module
 */

import type { BlockDevice } from "../device/device.ts";
import { Superblock, SUPERBLOCK_BYTES, SUPERBLOCK_OFFSET } from "../layout/superblock.ts";
import type { Findings } from "./findings.ts";
import { superblockProblem, unknownFeatures } from "./superblock_rules.ts";

/** The superblock that is used. */
export interface ChosenSuperblock {
  readonly superblock: Superblock;
  /** Its block; the primary's is 0, or 1 with blocks of 1 KiB. */
  readonly block: number;
  readonly isBackup: boolean;
}

/** Groups whose backup is tried. */
const TRIED_GROUPS = [1, 3, 5, 7, 9, 25, 27, 49, 81, 125, 343] as const;
const MAX_LOG_BLOCK = 6;

function readAt(device: BlockDevice, offsetBytes: number): Superblock | undefined {
  if (offsetBytes + SUPERBLOCK_BYTES > device.sizeBytes) return undefined;
  const bytes = new Uint8Array(SUPERBLOCK_BYTES);
  device.read(bytes, offsetBytes);
  return new Superblock(bytes);
}

/** @returns undefined when there is nothing to check by; what is wrong is among the findings. */
export function findSuperblock(
  device: BlockDevice,
  findings: Findings,
): ChosenSuperblock | undefined {
  const primary = readAt(device, SUPERBLOCK_OFFSET);
  if (primary === undefined) {
    findings.add("superblock_magic", {}, undefined, undefined, "the device is too small");
    return undefined;
  }
  const problem = superblockProblem(primary, device.sizeBytes);
  if (problem === undefined) {
    const unknown = unknownFeatures(primary);
    if (unknown.length > 0) {
      findings.add("unsupported_features", {}, unknown.join(", "));
      return undefined;
    }
    return { superblock: primary, block: primary.blockBytes === 1024 ? 1 : 0, isBackup: false };
  }
  const where = problem.field === undefined ? {} : { field: problem.field };
  findings.add(problem.code, where, problem.found, problem.expected);
  return findBackup(device, findings, primary);
}

/** Where backups may be: as the primary says if it makes sense, then with the usual group sizes. */
function* candidates(primary: Superblock): Generator<readonly [blockBytes: number, block: number]> {
  const sizes: number[] = [];
  if (primary.logBlockSize <= MAX_LOG_BLOCK) sizes.push(primary.blockBytes);
  for (let log = 0; log <= MAX_LOG_BLOCK; log++) sizes.push(1024 << log);
  for (const blockBytes of sizes) {
    const first = blockBytes === 1024 ? 1 : 0;
    for (const group of TRIED_GROUPS) {
      const perGroup = new Set([primary.blocksPerGroup, blockBytes * 8, 0xfff8]);
      for (const blocks of perGroup) yield [blockBytes, first + group * blocks];
    }
  }
}

function findBackup(
  device: BlockDevice,
  findings: Findings,
  primary: Superblock,
): ChosenSuperblock | undefined {
  for (const [blockBytes, block] of candidates(primary)) {
    const superblock = readAt(device, block * blockBytes);
    if (superblock === undefined || superblock.blockBytes !== blockBytes) continue;
    if (superblock.blockGroupNumber === 0) continue;
    if (superblockProblem(superblock, device.sizeBytes) !== undefined) continue;
    if (unknownFeatures(superblock).length > 0) continue;
    findings.add("superblock_backup_used", { block });
    return { superblock, block, isBackup: true };
  }
  return undefined;
}
