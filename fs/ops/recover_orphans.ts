/** After an unclean end: finishing the deletions and truncations that were under way. @module */

import { RoCompat } from "../layout/features.ts";
import { deleteInode } from "./delete_inode.ts";
import type { Engine } from "./engine.ts";
import { clearOrphanFile, storedFileOrphans } from "./orphan_file.ts";
import { storedOrphans } from "./orphan_list.ts";
import { removeBeyond, zeroTail } from "./truncate.ts";
import type { Inode } from "../volume/inode.ts";

/**
 * Deletes inodes without a name, and cuts off what lies beyond the end of the others.
 * @returns how many inodes were dealt with.
 * @throws Corrupt when the list itself is bad.
 */
export function recoverOrphans(engine: Engine): number {
  const listed = storedOrphans(engine);
  const filed = storedFileOrphans(engine);
  const all = [...new Set([...listed, ...filed])];
  // First they are all on our own list, so that a crash now does not lose them.
  for (const inode of [...all].reverse()) engine.orphans.add(inode);
  for (const inode of all) recover(engine, inode);
  if (filed.length > 0 || engine.volume.superblock.hasRoCompat(RoCompat.ORPHAN_PRESENT)) {
    clearOrphanFile(engine);
  }
  if (all.length > 0) engine.volume.options.report(`${all.length} orphaned inodes recovered`);
  return all.length;
}

function recover(engine: Engine, inode: Inode): void {
  if (inode.mode === 0) {
    engine.change((handle) => {
      engine.orphans.remove(inode);
      engine.dirty(handle, inode);
      return 0;
    });
  } else if (inode.links === 0) deleteInode(engine, inode);
  else {
    engine.change((handle) => {
      zeroTail(engine, handle, inode, inode.size);
      return 0;
    });
    removeBeyond(engine, inode, inode.size);
  }
}
