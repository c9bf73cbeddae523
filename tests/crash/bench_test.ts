import assert from "node:assert/strict";
import { printedSeed } from "../harness/seed.ts";
import { programs, testWith } from "../harness/skip.ts";
import { tryStates } from "./campaign.ts";
import { Content, fillPattern } from "./content.ts";
import { DATA_MODES } from "./data_mode.ts";
import { type Prepare, record, type Recording } from "./record.ts";
import { UNJOURNALED } from "./shapes.ts";
import { Flushes } from "./states.ts";
import { makeCommitsAtomic } from "./testing_store.ts";

const STATES = 60;

function recordingOf(workload: string, seed: number, prepare?: Prepare): Recording {
  const [mode] = DATA_MODES;
  if (mode === undefined) throw new Error("no mode");
  return record(
    { shape: UNJOURNALED, workload, mode, seed, steps: 150, background: false },
    prepare,
  );
}

function failuresOf(recording: Recording, mostFailures: number): readonly string[] {
  const flushes = new Flushes(recording.events);
  const { length } = flushes.boundaries;
  // The commit of the mount itself is in place in any case.
  const mounted = recording.steps[0]?.endEvent ?? 0;
  const indexes = Array.from({ length: STATES }, (_, i) => i % 3 === 0 ? i % length : length + i)
    .filter((index) => flushes.plan(recording.recipe.seed, index).durableEvents >= mounted);
  const judges = { readOnly: 20, e2fsckAfter: 50 };
  return tryStates(recording, { indexes, judges, mostFailures }).failures.map(({ message }) =>
    message
  );
}

testWith({
  name: "no fault is found where commits are atomic",
  needs: [programs("e2fsck")],
  fn() {
    const seed = printedSeed("atomic commits");
    for (const workload of ["mixed", "full", "fragments"]) {
      const recording = recordingOf(workload, seed, makeCommitsAtomic);
      assert.deepEqual(failuresOf(recording, 1), [], workload);
    }
  },
});

testWith({
  name: "faults are found where commits are written in place",
  needs: [programs("e2fsck")],
  fn() {
    const seed = printedSeed("commits in place");
    for (const workload of ["mixed", "directories", "replace"]) {
      const failures = failuresOf(recordingOf(workload, seed), 3);
      assert.ok(failures.length > 0, workload);
    }
  },
});

Deno.test("a recipe gives the same recording each time", () => {
  const [one, other] = [recordingOf("mixed", 3), recordingOf("mixed", 3)];
  assert.deepEqual(one.events, other.events);
});

function pattern(length: number, seed: number, offset = 0): Uint8Array {
  const bytes = new Uint8Array(length);
  fillPattern(bytes, seed, offset);
  return bytes;
}

Deno.test("a file's bytes may be those of its own moment or later, and no others", () => {
  const content = new Content();
  content.write(1, 0, 1000, 11);
  content.write(3, 500, 100, 33);
  content.resize(5, 2000);
  content.zero(7, 0, 200);
  assert.deepEqual(content.at(1), pattern(1000, 11));
  assert.equal(content.at(6).length, 2000);
  const mixed = content.at(3).slice();
  assert.equal(content.fault(mixed, 3, 7, true), undefined);
  mixed.set(pattern(50, 11, 500), 500);
  assert.match(content.fault(mixed, 3, 7, false) ?? "", /from byte 500 on/, "older than its step");
  assert.equal(content.fault(mixed, 1, 3, false), undefined);
  mixed.fill(0, 0, 100);
  assert.equal(content.fault(mixed, 1, 7, false), undefined, "zeroed later");
  assert.match(content.fault(mixed, 1, 7, true) ?? "", /from byte 0 on/, "journaled");
  mixed[900] = 0x20;
  assert.match(content.fault(mixed, 1, 7, false) ?? "", /from byte 900 on/, "foreign bytes");
});
