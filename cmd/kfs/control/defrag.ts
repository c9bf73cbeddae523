/** The job `defrag`: brings the pieces of files together while the mount goes on. @module */

import { defragmentTree, type TreeReport } from "../../../fs/defrag/tree.ts";
import type { Progress } from "../../shared/control_protocol.ts";
import { type Arguments, ControlError, type ControlJob, type MountContext } from "./command.ts";

/** What a step moves at most: about a millisecond's work. */
const SLICE_BYTES = 1 << 20;
const MOST_LISTED = 10_000;

/**
 * Arguments: `ino`, of a file or directory; `path`, what it is called in the report; `dryRun`; `force`, also while there are snapshots; `listed`, how many
 * files the report names. Progress is in files, then (text "moving") in bytes.
 */
export const DEFRAG: ControlJob = {
  changes: true,
  start({ engine }: MountContext, args: Arguments): Generator<Progress, TreeReport, void> {
    const dryRun = args.flag("dryRun");
    if (engine.volume.readOnly && !dryRun) throw new ControlError("failed", "it is read-only");
    const ino = args.number("ino", 1, engine.volume.superblock.inodesCount);
    const listed = args.number("listed", 0, MOST_LISTED, 10);
    const options = { dryRun, force: args.flag("force"), listed, sliceBytes: SLICE_BYTES };
    return progressOf(defragmentTree(engine, ino, args.text("path", "/"), options));
  },
};

function* progressOf(
  work: ReturnType<typeof defragmentTree>,
): Generator<Progress, TreeReport, void> {
  for (;;) {
    const { done, value } = work.next();
    if (done === true) return value;
    yield { done: value.done, total: value.total, text: value.step };
  }
}
