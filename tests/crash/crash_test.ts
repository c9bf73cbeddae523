import assert from "node:assert/strict";
import { kernelExt4 } from "../harness/mount.ts";
import { numberFromEnv, printedSeed } from "../harness/seed.ts";
import { programs, recordSkip, testWith } from "../harness/skip.ts";
import { DATA_MODES } from "./data_mode.ts";
import { runStates, summary } from "./runs.ts";

/** Of the default mode; of each other one a quarter of that. `deno task crash` tries more. */
const STATES = numberFromEnv("KFS_CRASH_STATES", 1200);

function kernelShare(): number {
  const missing = kernelExt4();
  if (missing === undefined) return 0.7;
  recordSkip("crash states: recovery by the kernel", missing);
  return 0;
}

for (const [index, mode] of DATA_MODES.entries()) {
  testWith({
    name: `crash states are recovered: ${mode.name}`,
    needs: [programs("e2fsck")],
    fn() {
      const states = Math.ceil(index === 0 ? STATES : STATES / 4);
      const result = runStates({
        states,
        statesOfEach: Math.ceil(states / 24),
        seed: printedSeed(`crash states, ${mode.name}`),
        steps: 200,
        mode: mode.name,
        judges: {
          checker: 100,
          readOnly: 5,
          again: 5,
          e2fsckAfter: 10,
          e2fsckInstead: 5,
          replay: 5,
          kernel: kernelShare(),
        },
        mostFailures: 3,
        log: () => {},
      });
      console.log(summary(result));
      assert.deepEqual(result.failures, []);
      assert.ok(result.counts.states >= states);
    },
  });
}
