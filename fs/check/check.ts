/**
 * The checker: reads a whole file system, trusting nothing, and tells what is wrong. It writes
 * nothing.
 *
 * @module
 */

import type { BlockDevice } from "../device/device.ts";
import { Incompat } from "../layout/features.ts";
import { Geometry } from "../volume/geometry.ts";
import { BitmapPass } from "./bitmap_pass.ts";
import { BlockReader, Cancelled } from "./block_reader.ts";
import type { Code } from "./codes.ts";
import { checkConnectivity } from "./connectivity.ts";
import { CheckContext, type ContextOptions } from "./context.ts";
import { DirectoryPass } from "./directory_pass.ts";
import { type Finding, Findings } from "./findings.ts";
import { type ChosenSuperblock, findSuperblock } from "./find_superblock.ts";
import { readGroups } from "./group_columns.ts";
import { checkGroups, claimSystemBlocks } from "./groups_pass.ts";
import { InodePass } from "./inode_pass.ts";
import { InodeReader } from "./inode_reader.ts";
import { checkJournal, type Replay, replayJournal } from "./journal_check.ts";
import { checkLinkCounts } from "./link_counts.ts";
import { checkMmp } from "./mmp_check.ts";
import { checkOrphanFile, collectOrphans } from "./orphans.ts";
import { checkQuota } from "./quota_pass.ts";
import { checkResizeInode } from "./resize_inode.ts";
import { checkBackups, checkSuperblock } from "./superblock_pass.ts";

export { type Code, CODES, knownToE2fsck, type Severity } from "./codes.ts";
export type { Finding, Where } from "./findings.ts";

/** How to check. */
export interface CheckOptions {
  /**
   * What to do when the journal needs recovery: check the state that the replay leads to (the
   * default), or what is there without it.
   */
  readonly journal?: "replay" | "ignore";
  /** The device with the journal of a file system that has it outside; unchecked without. */
  readonly journalDevice?: BlockDevice;
  /**
   * Orphans (inodes that the next mount deletes or truncates) are no errors. Default: if the journal
   * needs recovery and is taken as replayed; without that, as e2fsck has it, they are.
   */
  readonly allowOrphans?: boolean;
  /** Findings that are kept; all are counted. Default 1000. */
  readonly maxFindings?: number;
  /** Findings of one code that are kept. Default 100. */
  readonly maxFindingsOfCode?: number;
  /** Seconds since 1970: later times in the superblock are warned of. Default: the system's clock. */
  readonly now?: number;
  /** Asked often; true ends the check early. */
  readonly shouldStop?: () => boolean;
  /** Told how far each step is. */
  readonly progress?: (step: string, done: number, total: number) => void;
}

/** What there is in a file system. */
export interface CheckStatistics {
  readonly blocks: number;
  readonly blockBytes: number;
  readonly inodes: number;
  readonly groups: number;
  readonly directories: number;
  /** Inodes in use, directories included, without the reserved ones. */
  readonly usedInodes: number;
}

/** What a check found. */
export interface CheckReport {
  /** No errors, and the check went through to its end. */
  readonly clean: boolean;
  readonly errors: number;
  readonly warnings: number;
  readonly notes: number;
  /** The findings that were kept, in the order in which they were found. */
  readonly findings: readonly Finding[];
  /** How often each code was found. */
  readonly counts: Readonly<Partial<Record<Code, number>>>;
  /** False when there is no file system that could be checked, or it has unknown features. */
  readonly complete: boolean;
  readonly cancelled: boolean;
  /** The journal's replay that the findings assume. */
  readonly replay?: { readonly transactions: number; readonly blocks: number };
  readonly statistics?: CheckStatistics;
}

const KEPT = 1000;
const KEPT_OF_CODE = 100;

/**
 * Checks the file system on a device; nothing is written, and nothing but the device's own failures
 * to answer at all is thrown.
 */
export function check(device: BlockDevice, options: CheckOptions = {}): CheckReport {
  const newFindings = (): Findings =>
    new Findings(options.maxFindings ?? KEPT, options.maxFindingsOfCode ?? KEPT_OF_CODE);
  const shared: ContextOptions = {
    now: options.now ?? Math.floor(Date.now() / 1000),
    allowOrphans: options.allowOrphans ?? false,
    journalDevice: options.journalDevice,
    shouldStop: options.shouldStop ?? (() => false),
    progress: options.progress ?? (() => {}),
  };
  const findings = newFindings();
  const context = prepare(device, findings, shared);
  if (context === undefined) return reportOf(findings, undefined, false, false);
  const needsRecovery = context.superblock.hasIncompat(Incompat.RECOVER);
  if (needsRecovery && options.journal !== "ignore") {
    const replay = replayJournal(context, new InodeReader(context));
    if (replay !== undefined) {
      const allowOrphans = options.allowOrphans ?? true;
      return checkReplayed(replay, newFindings(), { ...shared, allowOrphans });
    }
  }
  if (needsRecovery) findings.add("journal_not_replayed", {});
  return checkAll(context);
}

function checkReplayed(replay: Replay, findings: Findings, options: ContextOptions): CheckReport {
  const detail = `${replay.transactions} transactions, ${replay.blocks} blocks`;
  findings.add("journal_replayed", {}, undefined, undefined, detail);
  if (replay.fastCommits) findings.add("journal_fast_commits", {});
  const context = prepare(replay.device, findings, options);
  if (context === undefined) return reportOf(findings, undefined, false, false);
  const { transactions, blocks } = replay;
  return { ...checkAll(context), replay: { transactions, blocks } };
}

/** Finds superblock and group descriptors; undefined when there is nothing to check. */
function prepare(
  device: BlockDevice,
  findings: Findings,
  options: ContextOptions,
): CheckContext | undefined {
  const chosen: ChosenSuperblock | undefined = findSuperblock(device, findings);
  if (chosen === undefined) return undefined;
  const geometry = new Geometry(chosen.superblock);
  const reader = new BlockReader(device, geometry.blockBytes, findings);
  const groups = readGroups(reader, geometry, chosen.block);
  if (chosen.isBackup) groups.forgetUninitialised();
  return new CheckContext(reader, geometry, groups, findings, options);
}

function checkAll(context: CheckContext): CheckReport {
  try {
    const inodes = new InodeReader(context);
    checkSuperblock(context);
    checkMmp(context);
    checkGroups(context);
    checkJournal(context, inodes);
    checkResizeInode(context, inodes);
    claimSystemBlocks(context);
    collectOrphans(context, inodes);
    new InodePass(context, inodes).run();
    new DirectoryPass(context, inodes).run();
    checkConnectivity(context);
    checkLinkCounts(context, inodes);
    new BitmapPass(context).run();
    checkOrphanFile(context, inodes);
    checkQuota(context, inodes);
    checkBackups(context);
  } catch (error) {
    if (!(error instanceof Cancelled)) throw error;
    return reportOf(context.findings, context, false, true);
  }
  return reportOf(context.findings, context, true, false);
}

function reportOf(
  findings: Findings,
  context: CheckContext | undefined,
  complete: boolean,
  cancelled: boolean,
): CheckReport {
  const counts: Partial<Record<Code, number>> = {};
  for (const [code, count] of findings.counts) counts[code] = count;
  return {
    clean: complete && findings.errors === 0,
    errors: findings.errors,
    warnings: findings.warnings,
    notes: findings.notes,
    findings: findings.kept,
    counts,
    complete,
    cancelled,
    ...(context === undefined ? {} : { statistics: statisticsOf(context) }),
  };
}

function statisticsOf(context: CheckContext): CheckStatistics {
  const { geometry } = context;
  return {
    blocks: geometry.blocksCount,
    blockBytes: geometry.blockBytes,
    inodes: geometry.inodesCount,
    groups: geometry.groupCount,
    directories: context.directories.count,
    usedInodes: context.files,
  };
}
