/** Beginning to count what users, groups and projects use. @module */

import { EINVAL, EUCLEAN } from "../errno.ts";
import { Corrupt, Unsupported } from "../errors.ts";
import { RoCompat } from "../layout/features.ts";
import type { QuotaKind } from "../quota/kind.ts";
import { Quota } from "../quota/quota.ts";
import type { Engine } from "./engine.ts";

/**
 * Reads the quota files, so that everything from now on is counted.
 * @param limits kinds whose limits hold.
 * @throws Unsupported for damaged files, and for limits on what is not counted.
 */
export function startQuotas(engine: Engine, limits: readonly QuotaKind[]): void {
  const { superblock } = engine.volume;
  try {
    if (superblock.hasRoCompat(RoCompat.QUOTA)) engine.quota = new Quota(engine.alloc, limits);
  } catch (error) {
    if (!(error instanceof Corrupt)) throw error;
    const advice = "run e2fsck, or open it read-only";
    throw new Unsupported(EUCLEAN, `${error.message}: ${advice}`, { cause: error });
  }
  for (const kind of limits) {
    if (engine.quota?.accounts(kind) !== undefined) continue;
    throw new Unsupported(EINVAL, `the file system does not count what each ${kind} uses`);
  }
}
