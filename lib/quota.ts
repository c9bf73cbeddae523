/**
 * Quotas: what users, groups and projects use, their limits, and the projects of nodes.
 *
 * @module
 */

import { EINVAL, EOPNOTSUPP, EROFS } from "../fs/errno.ts";
import type { QuotaEntry } from "../fs/layout/quota.ts";
import { setProject as setInodeProject } from "../fs/ops/inode_flags.ts";
import type { Accounts } from "../fs/quota/accounts.ts";
import type { QuotaKind } from "../fs/quota/kind.ts";
import { readAccounts } from "../fs/quota/quota.ts";
import { checkBytes, type Core } from "./core.ts";
import type { Path } from "./path.ts";

export type { QuotaKind };

const KIB = 1024;
const MAX_ID = 0xffffffff;
/** 2^43 KiB, which as bytes is 2^53. */
const MAX_LIMIT_KIB = 2 ** 43;

/** Limits of one user, group or project; 0 is none. */
export interface QuotaLimits {
  /** Bytes, in steps of 1024. Nothing goes above the hard limit; the soft one may be exceeded for the grace time. */
  readonly spaceHard?: number;
  readonly spaceSoft?: number;
  readonly inodesHard?: number;
  readonly inodesSoft?: number;
}

/** What one user, group or project uses and may use. */
export interface QuotaInfo extends Required<QuotaLimits> {
  readonly id: number;
  /** Bytes in use: whole clusters, those of attributes included. */
  readonly space: number;
  readonly inodes: number;
  /** When the grace time of the soft limit ends, in seconds since 1970; null: it does not run. */
  readonly spaceGraceEnds: number | null;
  readonly inodesGraceEnds: number | null;
}

export function getQuota(core: Core, kind: QuotaKind, id: number): QuotaInfo {
  return core.run("getQuota", core.name, () => {
    return infoOf(accountsOf(core, kind).entry(checkedId(core, id)));
  });
}

export function listQuotas(core: Core, kind: QuotaKind): QuotaInfo[] {
  return core.run("listQuotas", core.name, () => accountsOf(core, kind).list().map(infoOf));
}

export function setQuota(core: Core, kind: QuotaKind, id: number, limits: QuotaLimits): void {
  core.run("setQuota", core.name, () => {
    const { engine } = core;
    const old = accountsOf(core, kind).entry(checkedId(core, id));
    const wanted = {
      spaceHard: kibOf(core, limits.spaceHard, old.blockHardLimit, "spaceHard"),
      spaceSoft: kibOf(core, limits.spaceSoft, old.blockSoftLimit, "spaceSoft"),
      inodesHard: countOf(core, limits.inodesHard, old.inodeHardLimit, "inodesHard"),
      inodesSoft: countOf(core, limits.inodesSoft, old.inodeSoftLimit, "inodesSoft"),
    };
    core.must(engine.change((handle) => {
      return engine.quota?.setLimits(handle, kind, id, wanted) ?? -EROFS;
    }));
  });
}

export function getProject(core: Core, path: Path): number {
  return core.run("getProject", path, () => core.findInode(path, false).projectId);
}

export function setProject(core: Core, path: Path, id: number): void {
  core.run("setProject", path, () => {
    core.must(setInodeProject(core.engine, core.find(path, false), checkedId(core, id)));
  });
}

function accountsOf(core: Core, kind: QuotaKind): Accounts {
  const { engine } = core;
  const accounts = engine.quota?.accounts(kind) ?? readAccounts(engine.alloc, kind);
  return accounts ?? core.refuse(EOPNOTSUPP, `what each ${kind} uses is not counted`);
}

function infoOf(entry: Readonly<QuotaEntry>): QuotaInfo {
  return {
    id: entry.id,
    space: entry.spaceBytes,
    inodes: entry.inodes,
    spaceHard: entry.blockHardLimit * KIB,
    spaceSoft: entry.blockSoftLimit * KIB,
    inodesHard: entry.inodeHardLimit,
    inodesSoft: entry.inodeSoftLimit,
    spaceGraceEnds: entry.blockTime === 0 ? null : entry.blockTime,
    inodesGraceEnds: entry.inodeTime === 0 ? null : entry.inodeTime,
  };
}

function checkedId(core: Core, id: number): number {
  if (Number.isInteger(id) && id >= 0 && id < MAX_ID) return id;
  return core.refuse(EINVAL, `${id} is no user, group or project number`);
}

/** A limit in KiB: the given one in bytes, rounded down, or the old one. */
function kibOf(core: Core, given: number | undefined, old: number, what: string): number {
  if (given === undefined) return old;
  checkBytes(core, given, what);
  if (given > 0 && given < KIB) core.refuse(EINVAL, `${what} ${given} is less than 1024 bytes`);
  return Math.min(Math.floor(given / KIB), MAX_LIMIT_KIB);
}

function countOf(core: Core, given: number | undefined, old: number, what: string): number {
  if (given === undefined) return old;
  if (Number.isSafeInteger(given) && given >= 0) return given;
  return core.refuse(EINVAL, `${what} ${given} is not a number of inodes`);
}
