/**
 * `deno task fuzz [--images N] [--seed S] [--minutes M] [--only INDEX]`: mutates images and works on them.
 *
 * With `--only` one image is tried again; it is kept as it was and as it became, with e2fsck's words.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { e2fsckWords, runFuzz } from "./run_fuzz.ts";

const DEFAULT_IMAGES = "100000";
const DEFAULT_MINUTES = "600";

function number(text: string, option: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value >= 0) return value;
  throw new Error(`--${option} ${text} is not a number`);
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      images: { type: "string", default: DEFAULT_IMAGES },
      seed: { type: "string", default: String((Date.now() ^ (Deno.pid << 8)) >>> 0) },
      minutes: { type: "string", default: DEFAULT_MINUTES },
      only: { type: "string" },
    },
  });
  const seed = number(values.seed, "seed");
  const only = values.only === undefined ? undefined : number(values.only, "only");
  const keep = only === undefined
    ? undefined
    : `${Deno.makeTempDirSync({ prefix: "kfs-fuzz-" })}/image`;
  console.log(`seed ${seed}`);
  const { totals, faults } = await runFuzz({
    seed,
    first: only ?? 0,
    images: only === undefined ? number(values.images, "images") : 1,
    minutes: number(values.minutes, "minutes"),
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

if (import.meta.main) Deno.exit(await main());
