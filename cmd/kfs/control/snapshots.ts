/** Commands on the snapshots of a mount. @module */

import { createSnapshot } from "../../../fs/ops/create_snapshot.ts";
import { deletionSteps } from "../../../fs/ops/delete_snapshot.ts";
import {
  describeEntry,
  entryOf,
  listSnapshots,
  type SnapshotInfo,
  snapshotSpace,
} from "../../../fs/ops/list_snapshots.ts";
import { renameSnapshot } from "../../../fs/ops/rename_snapshot.ts";
import type { Engine } from "../../../fs/ops/engine.ts";
import type { Progress } from "../../shared/control_protocol.ts";
import type { SnapshotRow } from "../../shared/snapshot_info.ts";
import type { Arguments, ControlCommand, ControlJob, MountContext } from "./command.ts";

function row(info: SnapshotInfo): SnapshotRow {
  return { ...info, created: info.created.toISOString() };
}

/** All snapshots of a mount, the oldest first. */
export function snapshotRows(engine: Engine): SnapshotRow[] {
  return listSnapshots(engine).map(row);
}

function withSpace(engine: Engine, info: SnapshotInfo): SnapshotRow {
  return { ...row(info), ...snapshotSpace(engine, info.name) };
}

export const SNAPSHOT_LIST: ControlCommand = {
  run: ({ engine }) => snapshotRows(engine),
};

export const SNAPSHOT_CREATE: ControlCommand = {
  run: ({ engine }, args) => row(describeEntry(engine, createSnapshot(engine, args.text("name")))),
};

export const SNAPSHOT_RENAME: ControlCommand = {
  run({ engine }, args) {
    const name = args.text("newName");
    renameSnapshot(engine, entryOf(engine, args.text("name")), name);
    return { name };
  },
};

/** With the space that they hold: takes a walk through the map of each. Argument `name`: only that one. */
export const SNAPSHOT_SHOW: ControlJob = {
  changes: true,
  *start({ engine }: MountContext, args: Arguments): Generator<Progress, SnapshotRow[], void> {
    const wanted = args.text("name", "");
    const all = listSnapshots(engine);
    const infos = wanted === "" ? all : [describeEntry(engine, entryOf(engine, wanted))];
    const rows: SnapshotRow[] = [];
    for (const info of infos) {
      rows.push(withSpace(engine, info));
      yield { done: rows.length, total: infos.length };
    }
    return rows;
  },
};

export const SNAPSHOT_DELETE: ControlJob = {
  changes: true,
  *start({ engine }: MountContext, args: Arguments): Generator<Progress, null, void> {
    const { blocksCount } = engine.volume.geometry;
    for (const done of deletionSteps(engine, entryOf(engine, args.text("name")))) {
      yield { done, total: blocksCount };
    }
    engine.sync(true);
    return null;
  },
};
