/**
 * Kills the process that serves a mount, in the middle of a workload, and judges the image that it left.
 *
 * @module
 */

import { commandLine } from "../harness/commands.ts";
import { mount } from "../harness/mount.ts";
import { awaitReleased, holderOf, sleepSync } from "../harness/released.ts";
import { mountsUnder, type Scratch } from "../harness/scratch.ts";
import { Random } from "../harness/seed.ts";
import { run } from "../../tools/process.ts";
import { Actor, TargetGone } from "./actor.ts";
import { DATA_MODES } from "./data_mode.ts";
import { type History, mustAgree, StepFinder } from "./judge.ts";
import { type Counts, type JudgeShares, judgeState } from "./judges.ts";
import { MountTarget } from "./mount_target.ts";
import { walkMounted } from "./mounted_walk.ts";
import type { Outside } from "./outside.ts";
import { OverlayDevice } from "./overlay_device.ts";
import { judgesFor, makeBase, type Shape } from "./shapes.ts";
import { NOISE } from "./walk.ts";
import { WORKLOADS } from "./workloads.ts";

/** One mount that ends badly. */
export interface KillRound {
  readonly shape: Shape;
  readonly workload: string;
  readonly seed: number;
  /** How long the workload works before the kill. */
  readonly workMs: number;
  /** Another process writes and syncs at the same time. */
  readonly noise: boolean;
  /** The process that recovers is killed as well, after so long. */
  readonly againMs?: number;
  /** In the end kfs mounts the image itself. */
  readonly remount: boolean;
}

const STEPS_A_PART = 200;
/** Writes, syncs and removes files of its own until the mount is gone. */
const NOISE_SCRIPT = `
mkdir "$1" || exit
while dd if=/dev/zero of="$1/x" bs=4k count=10 conv=fsync status=none && rm "$1/x"; do :; done`;

/**
 * Does one round in `scratch`.
 * @returns steps that the workload had done.
 * @throws CrashFault when something is lost.
 */
export async function killOnce(
  round: KillRound,
  scratch: Scratch,
  outside: Outside,
  judges: JudgeShares,
  counts: Counts,
): Promise<number> {
  const image = scratch.path("image");
  const mountPoint = scratch.path("mnt");
  Deno.writeFileSync(image, makeBase(round.shape, round.seed));
  const history = await workUntilKilled(round, image, mountPoint);
  if (round.againMs !== undefined) await killRecovery(image, mountPoint, round.againMs);
  const bytes = Deno.readFileSync(image);
  const finder = new StepFinder(history);
  const tree = judgeState(
    {
      bounds: finder.lastBounds(),
      finder,
      random: new Random(round.seed),
      build: () => new OverlayDevice(bytes),
      outside: () => outside,
    },
    judgesFor(round.shape, judges),
    counts,
  );
  if (!round.remount) return history.steps.length;
  const mounted = mount("kfs", image, mountPoint);
  try {
    mustAgree(tree, walkMounted(mountPoint), "what a mount shows", true);
  } finally {
    mounted.unmount();
  }
  outside.store(new OverlayDevice(Deno.readFileSync(image)));
  outside.mustBeClean("after a mount recovered it");
  return history.steps.length;
}

async function workUntilKilled(
  round: KillRound,
  image: string,
  mountPoint: string,
): Promise<History> {
  const [mode] = DATA_MODES;
  const workload = WORKLOADS.get(round.workload);
  if (mode === undefined || workload === undefined) throw new Error(`no ${round.workload}`);
  const target = new MountTarget(mountPoint, round.shape.format.blockBytes ?? 4096);
  const actor = new Actor(target, new Random(round.seed), { forgetsOld: true, cutsAtPage: true });
  target.root = actor.root;
  const helpers: Deno.ChildProcess[] = [];
  try {
    mount("kfs", image, mountPoint, { options: ["commit=1"] });
    const server = holderOf(image);
    if (server === undefined) throw new Error("nobody holds the image");
    const place = `${mountPoint}/${NOISE}`;
    if (round.noise) helpers.push(start("sh", ["-c", NOISE_SCRIPT, "sh", place]));
    helpers.push(start("sh", ["-c", `sleep ${round.workMs / 1000}; kill -9 ${server}`]));
    for (;;) workload(actor, actor.steps.length + STEPS_A_PART);
  } catch (error) {
    if (!(error instanceof TargetGone)) throw error;
  } finally {
    target.end();
    for (const helper of helpers.reverse()) await helper.status;
    release(image, mountPoint);
  }
  return { steps: actor.steps, mode, noTimes: true };
}

/** Kills a mount that may not yet have recovered the image. */
async function killRecovery(image: string, mountPoint: string, afterMs: number): Promise<void> {
  const [program, ...first] = commandLine("kfs");
  const child = start(program, [...first, image, mountPoint, "-f"]);
  sleepSync(afterMs);
  child.kill("SIGKILL");
  await child.status;
  release(image, mountPoint);
}

function start(program: string, args: readonly string[]): Deno.ChildProcess {
  return new Deno.Command(program, {
    args: [...args],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
}

function release(image: string, mountPoint: string): void {
  while (mountsUnder(mountPoint).includes(mountPoint)) run("umount", ["-l", mountPoint]);
  awaitReleased(image, 20_000);
}
