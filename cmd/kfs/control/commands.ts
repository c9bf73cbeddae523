/**
 * The tables of what can be asked of a mount. A line here is all that a new command needs on this side;
 * docs/architecture.md ("Asking a mount") tells how, and how kfsctl asks.
 *
 * @module
 */

import type { ControlCommand, ControlJob } from "./command.ts";
import { FRAG } from "./frag.ts";
import { DEFRAG } from "./defrag.ts";
import {
  SNAPSHOT_CREATE,
  SNAPSHOT_DELETE,
  SNAPSHOT_LIST,
  SNAPSHOT_RENAME,
  SNAPSHOT_SHOW,
} from "./snapshots.ts";
import { STATUS } from "./status.ts";
import { TRACE_COMMANDS } from "./trace.ts";
import { SYNC } from "./sync.ts";
import { ADD_VERSION, LIST_VERSIONS, PRUNE_VERSIONS, RESTORE_VERSION } from "./versions.ts";

/** Done at once, while the mount waits. */
export const COMMANDS: Readonly<Record<string, ControlCommand>> = {
  ...TRACE_COMMANDS,
  status: STATUS,
  sync: SYNC,
  "snapshot.create": SNAPSHOT_CREATE,
  "snapshot.list": SNAPSHOT_LIST,
  "snapshot.rename": SNAPSHOT_RENAME,
};

/** Done in steps between requests; started with the command `job.start`. */
export const JOBS: Readonly<Record<string, ControlJob>> = {
  frag: FRAG,
  defrag: DEFRAG,
  "snapshot.delete": SNAPSHOT_DELETE,
  "snapshot.show": SNAPSHOT_SHOW,
  "version.add": ADD_VERSION,
  "version.restore": RESTORE_VERSION,
  "version.log": LIST_VERSIONS,
  "version.prune": PRUNE_VERSIONS,
};
