import assert from "node:assert/strict";
import type { Progress } from "../../shared/control_protocol.ts";
import { ControlError, type ControlJob } from "./command.ts";
import { Jobs } from "./jobs.ts";

interface World {
  nowMs: number;
  requests: number;
}

function make(world: World): Jobs {
  return new Jobs({
    requests: () => world.requests,
    monotonicMs: () => world.nowMs,
    hurry: () => {},
    failed: (error) => error instanceof Error ? error.message : String(error),
  });
}

/** Steps of a millisecond each. */
function job(
  world: World,
  steps: number,
  { changes = false, ended = () => {} } = {},
): [ControlJob, () => Generator<Progress, unknown, void>] {
  function* run(): Generator<Progress, unknown, void> {
    try {
      for (let done = 1; done <= steps; done++) {
        world.nowMs++;
        yield { done, total: steps };
      }
      return "result";
    } finally {
      ended();
    }
  }
  return [{ changes, start: run }, run];
}

Deno.test("jobs: steps are done in short turns, and the result is kept", () => {
  const world = { nowMs: 0, requests: 0 };
  const jobs = make(world);
  assert.equal(jobs.turn(), Number.POSITIVE_INFINITY, "nothing to do");
  const { id } = jobs.start("count", ...job(world, 5));
  assert.equal(jobs.turn(), 0, "nobody else wants anything");
  assert.deepEqual(jobs.poll(id).progress, { done: 2, total: 5 });
  world.requests = 9;
  assert.ok(jobs.turn() > 0, "others want something");
  jobs.turn();
  const { state, result } = jobs.poll(id);
  assert.deepEqual([state, result], ["done", "result"]);
});

Deno.test("jobs: one that changes something at a time", () => {
  const world = { nowMs: 0, requests: 0 };
  const jobs = make(world);
  const { id } = jobs.start("first", ...job(world, 100, { changes: true }));
  jobs.start("looking", ...job(world, 100));
  const second = (): unknown => jobs.start("second", ...job(world, 1, { changes: true }));
  assert.throws(second, (error) => error instanceof ControlError && error.kind === "busy");
  jobs.cancel(id);
  second();
});

Deno.test("jobs: a cancelled, forsaken or failed one ends, with its finally blocks", () => {
  const world = { nowMs: 0, requests: 0 };
  const jobs = make(world);
  let ended = 0;
  const counting = { ended: () => void ended++ };
  const cancelled = jobs.start("cancelled", ...job(world, 100, counting));
  jobs.turn();
  assert.equal(jobs.cancel(cancelled.id).state, "cancelled");
  const forsaken = jobs.start("forsaken", ...job(world, 100, counting));
  jobs.turn();
  world.nowMs += 60_000;
  jobs.turn();
  assert.equal(jobs.poll(forsaken.id).state, "cancelled");
  assert.equal(ended, 2);
  // deno-lint-ignore require-yield
  function* failing(): Generator<Progress, unknown, void> {
    throw new Error("broken");
  }
  const failed = jobs.start("failing", { changes: false, start: failing }, failing);
  jobs.turn();
  const { state, message } = jobs.poll(failed.id);
  assert.deepEqual([state, message], ["failed", "broken"]);
});

Deno.test("jobs: as many as are started, a bounded number is remembered", () => {
  const world = { nowMs: 0, requests: 0 };
  const jobs = make(world);
  for (let count = 0; count < 200; count++) {
    jobs.cancel(jobs.start("short", ...job(world, 1)).id);
  }
  assert.ok(jobs.list().length <= 40);
  assert.throws(() => jobs.poll(1), ControlError);
});
