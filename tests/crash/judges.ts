/**
 * The judges of a crash state: kfs itself, and how it compares with e2fsck and the kernel.
 *
 * @module
 */

import { check } from "../../fs/check/check.ts";
import { RecordingDevice } from "../../fs/device/recording.ts";
import { finishEngine } from "../../fs/ops/open_volume.ts";
import { recoverJournal } from "../../fs/ops/recover_journal.ts";
import { readSuperblock } from "../../fs/volume/volume.ts";
import { Incompat, RoCompat } from "../../fs/layout/features.ts";
import {
  type Superblock,
  SUPERBLOCK_BYTES,
  SUPERBLOCK_OFFSET,
} from "../../fs/layout/superblock.ts";
import { JOURNAL_MAGIC } from "../../fs/layout/journal.ts";
import type { Random } from "../harness/seed.ts";
import { crashOptions } from "./engine_options.ts";
import {
  type Bounds,
  CrashFault,
  judgeTree,
  mustAgree,
  recover,
  type StepFinder,
} from "./judge.ts";
import { walkMounted } from "./mounted_walk.ts";
import type { Outside } from "./outside.ts";
import { devicesOf } from "./parts.ts";
import { OverlayDevice } from "./overlay_device.ts";
import { buildState, drawParts, Flushes } from "./states.ts";
import type { FoundTree } from "./walk.ts";

/** A crash state and what a judge may use. */
interface Case {
  readonly bounds: Bounds;
  readonly finder: StepFinder;
  readonly random: Random;
  /** The state, anew. */
  readonly build: () => OverlayDevice;
  readonly outside: () => Outside;
  /** What kfs recovered, unmounted since. */
  readonly own: OverlayDevice;
  readonly tree: FoundTree;
}

/** @throws CrashFault */
type Judge = (state: Case) => void;

/** Recovers by kfs and judges what is there; `state` holds the recovered image then, unmounted. */
function judgeRecovery(
  state: OverlayDevice,
  finder: StepFinder,
  bounds: Bounds,
): FoundTree {
  const { engine, tree } = recover(state, finder.history, false);
  judgeTree(tree, finder, bounds);
  finishEngine(engine);
  return tree;
}

/** A read-only mount shows the recovered state and writes nothing. */
const readOnly: Judge = ({ build, finder, bounds }) => {
  const device = new RecordingDevice(build());
  const { tree } = recover(device, finder.history, true);
  judgeTree(tree, finder, bounds);
  const { length } = device.events.filter(({ kind }) => kind !== "flush");
  if (length > 0) throw new CrashFault(`a read-only mount wrote ${length} times`);
};

/** A second crash, during recovery, changes nothing of what is recovered. */
const again: Judge = ({ build, finder, random, tree, outside }) => {
  const base = build().toBytes();
  const device = new RecordingDevice(new OverlayDevice(base));
  recover(device, finder.history, false);
  const flushes = new Flushes(device.events);
  const index = flushes.boundaries.length + random.below(1 << 20);
  const plan = flushes.plan(random.next(), index);
  const durable = new OverlayDevice(base);
  for (const event of device.events.slice(0, plan.durableEvents)) {
    if (event.kind === "write") durable.write(event.bytes, event.offsetBytes);
    else if (event.kind !== "flush") durable.zero(event.offsetBytes, event.lengthBytes);
  }
  const parts = drawParts(device.events, plan);
  const state = buildState(durable.toBytes(), device.events, plan, parts);
  const second = recover(state, finder.history, false);
  mustAgree(tree, second.tree, "after a second crash, during recovery");
  finishEngine(second.engine);
  if (!random.chance(20)) return;
  outside().store(state);
  outside().mustBeClean("after a second crash");
};

/**
 * The project's checker finds nothing wrong with what kfs recovered, nor with what the journal's replay alone
 * leaves: quick enough to be asked about every state.
 */
const checker: Judge = ({ own, build, finder }) => {
  mustBeSound(own, finder, "after kfs recovered", false);
  mustBeSound(build(), finder, "as the replay leaves it", true);
};

function mustBeSound(
  storage: OverlayDevice,
  { history }: StepFinder,
  when: string,
  allowOrphans: boolean,
): void {
  const { device, ...journal } = devicesOf(storage, history.journalBytes ?? 0);
  const { clean, findings } = check(device, { ...journal, allowOrphans });
  if (clean) return;
  const shown = findings.slice(0, 8).map(({ message }) => message).join("; ");
  throw new CrashFault(`the checker, ${when}: ${shown}`);
}

/** e2fsck finds nothing wrong with what kfs recovered. */
const e2fsckAfter: Judge = ({ own, outside }) => {
  outside().store(own);
  outside().mustBeClean("after kfs recovered");
};

/** e2fsck recovers a copy, finds nothing else to do, and the same is there. */
const e2fsckInstead: Judge = ({ build, finder, outside, tree }) => {
  // Where errors were met it takes orphans for damage, and repairs.
  if (outside().withErrors && hasOrphans(build(), finder)) return;
  outside().store(build());
  outside().recoverByE2fsck();
  const other = recover(new OverlayDevice(outside().load()), finder.history, true);
  mustAgree(tree, other.tree, "what e2fsck recovered");
};

function hasOrphans(state: OverlayDevice, finder: StepFinder): boolean {
  if (readSuperblock(state).hasIncompat(Incompat.RECOVER)) replayHere(state, finder);
  return leavesOrphans(readSuperblock(state));
}

function leavesOrphans(superblock: Superblock): boolean {
  return superblock.lastOrphan !== 0 || superblock.hasRoCompat(RoCompat.ORPHAN_PRESENT);
}

/** The replay of e2fsck and that of kfs leave the same bytes, but for the superblocks. */
const replay: Judge = ({ build, outside, finder }) => {
  const state = build();
  if (!readSuperblock(state).hasIncompat(Incompat.RECOVER)) return;
  outside().store(state);
  replayHere(state, finder);
  // e2fsck deletes orphans at once.
  const superblock = readSuperblock(state);
  if (leavesOrphans(superblock)) return;
  outside().replayByE2fsck();
  const own = state.toBytes();
  const other = outside().load();
  const { blockBytes } = superblock;
  for (let at = 0; at < own.length; at += blockBytes) {
    const end = at + blockBytes;
    if (at < SUPERBLOCK_OFFSET + SUPERBLOCK_BYTES && end > SUPERBLOCK_OFFSET) continue;
    if (equal(own.subarray(at, end), other.subarray(at, end))) continue;
    if (new DataView(own.buffer, at).getUint32(0) === JOURNAL_MAGIC) continue;
    throw new CrashFault(`block ${at / blockBytes} differs from what e2fsck replayed`);
  }
};

function replayHere(storage: OverlayDevice, { history }: StepFinder): void {
  const { device, journalDevice } = devicesOf(storage, history.journalBytes ?? 0);
  recoverJournal(device, crashOptions(() => {}), false, journalDevice ?? null);
}

/** The kernel recovers a copy, the same is there, and e2fsck finds it clean. */
const kernel: Judge = ({ build, outside, tree }) => {
  outside().store(build());
  outside().recoverByKernel((path) => {
    mustAgree(tree, walkMounted(path), "what the kernel recovered", true);
  });
  outside().mustBeClean("after the kernel recovered");
};

function equal(one: Uint8Array, other: Uint8Array): boolean {
  for (let i = 0; i < one.length; i++) if (one[i] !== other[i]) return false;
  return true;
}

/** The judges that are asked for a part of the states. */
const JUDGES = { checker, readOnly, again, e2fsckAfter, e2fsckInstead, replay, kernel };

type JudgeName = keyof typeof JUDGES;

/** In percent of the states, how often each is asked; may be a fraction. */
export type JudgeShares = Readonly<Partial<Record<JudgeName, number>>>;

/** How many states there were, and how many of them each further judge saw. */
export type Counts = { states: number } & Record<JudgeName, number>;

export function newCounts(): Counts {
  return {
    states: 0,
    checker: 0,
    readOnly: 0,
    again: 0,
    e2fsckAfter: 0,
    e2fsckInstead: 0,
    replay: 0,
    kernel: 0,
  };
}

/**
 * Recovers the state by kfs, judges it, and asks further judges.
 * @throws CrashFault
 */
export function judgeState(
  state: Omit<Case, "own" | "tree">,
  shares: JudgeShares,
  counts: Counts,
): FoundTree {
  const own = state.build();
  counts.states++;
  const tree = judgeRecovery(own, state.finder, state.bounds);
  for (const [name, judge] of Object.entries(JUDGES) as [JudgeName, Judge][]) {
    if (state.random.below(10_000) >= (shares[name] ?? 0) * 100) continue;
    counts[name]++;
    judge({ ...state, own, tree });
  }
  return tree;
}
