/** Giving a snapshot another name. @module */

import { add, DirSlot, find, remove } from "../dir/dir.ts";
import { EROFS } from "../errno.ts";
import { Corrupt, FsError } from "../errors.ts";
import { S_IFREG } from "../layout/inode.ts";
import type { SnapshotEntry } from "../snapshot/chain.ts";
import { checkName } from "../snapshot/snapshots.ts";
import type { Engine } from "./engine.ts";
import { entryType } from "./limits.ts";

const slot = new DirSlot();

/** Renames a snapshot; durable on return. @throws FsError: EINVAL for the name, EEXIST, EROFS, ENOSPC */
export function renameSnapshot(engine: Engine, entry: SnapshotEntry, name: string): void {
  const { snapshots, alloc, volume } = engine;
  if (snapshots === null || volume.readOnly) {
    throw new FsError(EROFS, "the file system is read-only");
  }
  if (name === entry.name) return;
  checkName(name, snapshots);
  const encoder = new TextEncoder();
  const result = engine.change((handle) => {
    const dir = engine.inode(snapshots.directory);
    const added = add(
      alloc,
      handle,
      dir,
      encoder.encode(name),
      entry.ino,
      entryType(engine, S_IFREG),
      true,
    );
    if (added < 0) return added;
    if (find(alloc, dir, encoder.encode(entry.name), slot) !== entry.ino) {
      throw new Corrupt("directory", `inode ${dir.ino}`, `no entry for inode ${entry.ino}`);
    }
    remove(alloc, handle, dir, slot);
    engine.stamp(handle, dir, true);
    return 0;
  });
  if (result < 0) throw new FsError(-result, `the snapshot cannot be renamed (errno ${-result})`);
  snapshots.chain.replace({ ...entry, name });
  volume.commit(true);
}
