import assert from "node:assert/strict";
import { numberFromEnv, SEED_VARIABLE } from "../harness/seed.ts";
import { programs, testWith } from "../harness/skip.ts";
import { runFuzz } from "./run_fuzz.ts";

/** The same images each time, so that a failure comes from a change; `deno task fuzz` draws others. */
const SEED = 2024;
const IMAGES = numberFromEnv("KFS_FUZZ_IMAGES", 2000);

testWith({
  name: "mutated images are worked on without a crash, a hang, a balloon, or damage to other files",
  needs: [programs("mke2fs", "e2fsck")],
  timeoutMs: 900_000,
  async fn() {
    const seed = numberFromEnv(SEED_VARIABLE, SEED);
    const plan = { seed, first: 0, images: IMAGES, minutes: 14 };
    const { totals, faults } = await runFuzz(plan, console.log);
    console.log(JSON.stringify(totals));
    assert.equal(faults.length, 0, faults.slice(0, 10).join("\n"));
    assert.ok(totals.entries > 50 * IMAGES, "the images were really read");
    assert.ok(totals.changes > 5 * IMAGES, "the images were really changed");
    assert.ok(totals.bystanders > IMAGES, "files were compared before and after");
  },
});
