/**
 * `deno task fuzz [--images N] [--seed S] [--minutes M] [--only INDEX]`: mutates images and works on them.
 *
 * With `--only` one image is tried again; it is kept as it was and as it became, with e2fsck's words.
 *
 * @module
 */

import { endWith, readTaskLine, wholeNumber } from "../harness/task_line.ts";
import { e2fsckWords, runFuzz } from "./run_fuzz.ts";

const HELP = `deno task fuzz [options]: mutates images and works on them

  --images N   how many (100000)
  --seed S     draws the mutations; by default others each time
  --minutes M  ends after so long (600)
  --only I     this image alone, which is kept, with what e2fsck -fn says of it`;

const OPTIONS = {
  help: { type: "boolean", short: "h" },
  images: { type: "string", default: "100000" },
  seed: { type: "string" },
  minutes: { type: "string", default: "600" },
  only: { type: "string" },
} as const;

async function main(): Promise<number> {
  const values = readTaskLine(Deno.args, OPTIONS);
  if (values.help === true) {
    console.log(HELP);
    return 0;
  }
  const seed = wholeNumber("seed", values.seed ?? String((Date.now() ^ (Deno.pid << 8)) >>> 0));
  const only = values.only === undefined ? undefined : wholeNumber("only", values.only);
  const images = wholeNumber("images", values.images, 1);
  const minutes = wholeNumber("minutes", values.minutes, 1, 1_000_000);
  const keep = only === undefined
    ? undefined
    : `${Deno.makeTempDirSync({ prefix: "kfs-fuzz-" })}/image`;
  console.log(`seed ${seed}`);
  const { totals, faults } = await runFuzz({
    seed,
    first: only ?? 0,
    images: only === undefined ? images : 1,
    minutes,
    ...(keep === undefined ? {} : { keep }),
  }, console.log);
  console.log(JSON.stringify(totals));
  console.log(`${totals.images} images, ${faults.length} faults`);
  if (keep !== undefined) {
    for (const state of ["mutated", "after"]) {
      console.log(`\n${keep}.${state}\n${e2fsckWords(`${keep}.${state}`)}`);
    }
  }
  return faults.length === 0 ? 0 : 1;
}

if (import.meta.main) await endWith("fuzz", main);
