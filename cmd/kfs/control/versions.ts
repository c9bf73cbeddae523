/**
 * The jobs of single files' versions. All take `path`, in the mount, without symbolic links. Progress is in bytes
 * of the file.
 *
 * @module
 */

import { addVersion } from "../../../fs/versions/add.ts";
import { listVersions, pruneVersions } from "../../../fs/versions/log.ts";
import { type Place, placeOf } from "../../../fs/versions/place.ts";
import { restoreVersion } from "../../../fs/versions/restore.ts";
import { VersionStore } from "../../../fs/versions/store.ts";
import type { Progress } from "../../shared/control_protocol.ts";
import { type Arguments, ControlError, type ControlJob, type MountContext } from "./command.ts";

const MOST_NUMBER = 999_999_999;

function storeOf({ engine }: MountContext): VersionStore {
  return new VersionStore(engine);
}

function placeFor({ engine }: MountContext, args: Arguments, writes: boolean): Place {
  if (writes && engine.volume.readOnly) throw new ControlError("failed", "it is read-only");
  return placeOf(engine, args.text("path"));
}

function sizeOf({ engine }: MountContext, { ino }: Place): number {
  return ino === 0 ? 0 : engine.inode(ino).size;
}

function* steps<Result>(
  work: Generator<number, Result, void>,
  total: number,
): Generator<Progress, Result, void> {
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
    yield { done: step.value, total };
  }
}

/** `note`: a line about the version. */
export const ADD_VERSION: ControlJob = {
  changes: true,
  start(context, args) {
    const place = placeFor(context, args, true);
    const work = addVersion(storeOf(context), place, args.text("note", ""));
    return steps(work, sizeOf(context, place));
  },
};

/** `number`: 0 for the newest; `discard`: the state before is not kept. */
export const RESTORE_VERSION: ControlJob = {
  changes: true,
  *start(context, args) {
    const place = placeFor(context, args, true);
    const number = args.number("number", 0, MOST_NUMBER, 0);
    const wanted = number === 0 ? undefined : number;
    const work = restoreVersion(storeOf(context), place, wanted, args.flag("discard"));
    const restored = yield* steps(work, sizeOf(context, place));
    context.invalidateName(place.parent, place.name);
    context.invalidateInode(place.parent, 0, -1);
    if (restored.oldIno !== 0) context.invalidateInode(restored.oldIno, 0, -1);
    return restored;
  },
};

export const LIST_VERSIONS: ControlJob = {
  changes: false,
  // deno-lint-ignore require-yield
  *start(context, args): Generator<Progress, unknown, void> {
    return listVersions(storeOf(context), placeFor(context, args, false));
  },
};

/** `keep`: how many of the newest stay; or `remove`: the number of one. */
export const PRUNE_VERSIONS: ControlJob = {
  changes: true,
  // deno-lint-ignore require-yield
  *start(context, args): Generator<Progress, unknown, void> {
    const place = placeFor(context, args, true);
    const which = args.get("keep") === undefined
      ? { remove: args.number("remove", 1, MOST_NUMBER) }
      : { keep: args.number("keep", 0, MOST_NUMBER) };
    return pruneVersions(storeOf(context), place, which);
  },
};
