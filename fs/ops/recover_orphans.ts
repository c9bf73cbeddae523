/** After an unclean end: finishing the deletions and truncations that were under way. @module */

import { Corrupt } from "../errors.ts";
import { RoCompat } from "../layout/features.ts";
import { deleteInode } from "./delete_inode.ts";
import type { Engine } from "./engine.ts";
import { OrphanFile } from "./orphan_file.ts";
import { storedOrphans } from "./orphan_list.ts";
import { removeBeyond, zeroTail } from "./truncate.ts";
import type { Inode } from "../volume/inode.ts";

/**
 * Deletes inodes without a name, and cuts off what lies beyond the end of the others. What is damaged
 * is reported and does not keep the file system from being mounted: such an inode stays on the list,
 * a list that cannot be read is given up.
 * @returns how many inodes were dealt with.
 * @throws DeviceError
 */
export function recoverOrphans(engine: Engine): number {
  const { volume } = engine;
  const listed = unlessDamaged(engine, () => storedOrphans(engine));
  const file = unlessDamaged(engine, () => OrphanFile.open(engine)) ?? null;
  const all = [...new Set([...listed ?? [], ...file?.values() ?? []])];
  // First they are all orphans of our own, so that a crash now does not lose them.
  if (file !== null) engine.orphans.useFile(file);
  if (volume.superblock.lastOrphan !== 0) engine.orphans.useList(listed ?? []);
  let recovered = 0;
  for (const inode of all) {
    if (volume.readOnly) return recovered;
    if (unlessDamaged(engine, () => recover(engine, inode)) !== undefined) recovered++;
  }
  const { superblock } = volume;
  // Even when there were none, the next commit says so.
  if (superblock.hasRoCompat(RoCompat.ORPHAN_PRESENT) && !volume.readOnly) engine.change(() => 0);
  if (recovered > 0) volume.options.report(`${recovered} orphaned inodes recovered`);
  return recovered;
}

/**
 * Deletes the inodes without a name that somebody still used when the file system was closed: a mount that is ended
 * by force does not hear that its files are closed, or forgotten.
 * @throws DeviceError
 */
export function deleteUnnamed(engine: Engine): void {
  for (const inode of [...engine.orphans.values()]) {
    if (inode.links > 0 || inode.mode === 0) continue;
    unlessDamaged(engine, () => {
      deleteInode(engine, inode);
      return true;
    });
  }
}

/** Runs `action`; damage is recorded, and what `errors=` says done. Undefined then. */
function unlessDamaged<Result>(engine: Engine, action: () => Result): Result | undefined {
  if (engine.volume.readOnly) return undefined;
  try {
    return action();
  } catch (error) {
    if (!(error instanceof Corrupt)) throw error;
    engine.volume.fail(error, "recovery of orphans");
    return undefined;
  }
}

function recover(engine: Engine, inode: Inode): true {
  if (inode.mode === 0) {
    engine.change((handle) => {
      engine.orphans.remove(inode);
      engine.dirty(handle, inode);
      return 0;
    });
  } else if (inode.links === 0) deleteInode(engine, inode);
  else {
    engine.change((handle) => {
      return zeroTail(engine, handle, inode, inode.size);
    });
    removeBeyond(engine, inode, inode.size);
  }
  return true;
}
