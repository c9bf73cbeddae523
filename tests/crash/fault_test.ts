import assert from "node:assert/strict";
import type { Fault } from "../../fs/device/faulting.ts";
import { ENOSPC } from "../../fs/errno.ts";
import { numberFromEnv, Random, SEED_VARIABLE } from "../harness/seed.ts";
import { programs, testWith } from "../harness/skip.ts";
import { FAULT_ANSWERS, type FaultCase, type FaultOutcome, runFault } from "./fault.ts";
import { StepFinder } from "./judge.ts";
import { judgeState, newCounts } from "./judges.ts";
import { Outside } from "./outside.ts";
import { OverlayDevice } from "./overlay_device.ts";
import { PLAIN_SHAPES } from "./shapes.ts";
import { WORKLOADS } from "./workloads.ts";

/** Faults that are tried; KFS_FAULTS=5000 for a long run. */
const FAULTS = numberFromEnv("KFS_FAULTS", 200);

function faultOf(random: Random): Fault {
  const kind = random.pick(["write", "write", "flush", "read"] as const);
  const after = random.below(random.pick([5, 60, 300]));
  const times = random.pick([1, 3, Infinity]);
  const errno = kind === "write" && random.chance(30) ? { errno: ENOSPC } : {};
  const storedBytes = kind === "write" && random.chance(30) ? { storedBytes: 2048 } : {};
  return { kind, after, times, ...errno, ...storedBytes };
}

function caseOf(index: number, random: Random): FaultCase {
  const shape = PLAIN_SHAPES[index % PLAIN_SHAPES.length];
  if (shape === undefined) throw new Error("no shape");
  return {
    shape,
    workload: random.pick([...WORKLOADS.keys()]),
    mode: random.pick(["ordered", "ordered", "writeback", "journal"]),
    background: random.chance(50),
    errors: random.pick(["continue", "remount-ro", "panic"] as const),
    seed: random.next(),
    steps: 120,
    fault: faultOf(random),
  };
}

/** What holds of every ending. */
function judge(wanted: FaultCase, outcome: FaultOutcome, outside: Outside, random: Random): void {
  const { errno, fsync, change, stoppedBefore, readOnly, panicked, failures } = outcome;
  if (errno !== 0) {
    assert.ok(failures > 0, `errno ${errno} without a fault`);
    assert.ok(FAULT_ANSWERS.includes(errno), `errno ${errno}`);
  }
  if (stoppedBefore) {
    assert.ok(change < 0, "a change is refused when the file system has become read-only");
    assert.ok(fsync < 0, "an fsync is refused when the file system has become read-only");
  }
  if (panicked) assert.equal(wanted.errors, "panic");
  if (errno !== 0 && wanted.errors !== "continue") {
    assert.ok(readOnly, `errors=${wanted.errors}: read-only`);
    assert.equal(panicked, wanted.errors === "panic", `errors=${wanted.errors}: panic`);
  }
  if (failures > 0 && wanted.fault.kind !== "read") {
    assert.ok(outcome.reports.length > 0, "the log says what happened");
  }
  const finder = new StepFinder(outcome.history);
  const state = {
    bounds: finder.lastBounds(),
    finder,
    random,
    build: () => new OverlayDevice(outcome.bytes),
    outside: () => outside,
  };
  judgeState(state, { checker: 100, e2fsckAfter: 10, e2fsckInstead: 20 }, newCounts());
}

/** The same faults each time, so that a failure comes from a change. */
const SEED = 2024;

testWith({
  name: `a device that fails: callers are told, and nothing is lost (${FAULTS} faults)`,
  needs: [programs("e2fsck")],
  fn() {
    const seed = numberFromEnv(SEED_VARIABLE, SEED);
    console.log(`faults: seed ${seed} (${SEED_VARIABLE}=N draws others)`);
    const random = new Random(seed);
    let met = 0;
    for (let index = 0; index < FAULTS; index++) {
      const wanted = caseOf(index, random);
      using outside = new Outside(wanted.shape.sizeBytes, true);
      try {
        const outcome = runFault(wanted);
        if (outcome.failures > 0) met++;
        judge(wanted, outcome, outside, random);
      } catch (error) {
        const { shape, ...how } = wanted;
        const what = `fault ${index} of seed ${seed}: ${shape.name} ${JSON.stringify(how)}`;
        throw new Error(what, { cause: error });
      }
    }
    console.log(`${FAULTS} runs, in ${met} of them the device failed`);
    assert.ok(met > FAULTS / 4);
  },
});
