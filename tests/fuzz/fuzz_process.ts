/**
 * Tries mutated images one after the other: the part of the fuzzer that may crash, hang or swell, in a process of its own.
 *
 * Arguments: the folder with the base images, the seed, the first number and the one after the last, and where to keep
 * the mutated image of a single run. Prints "begin N" before each image, an outcome as JSON after one with faults, and
 * at last "end" with totals.
 *
 * @module
 */

import { Anatomy } from "./anatomy.ts";
import { type Outcome, tryOne } from "./one_image.ts";

/** What a process tried. */
export interface Totals {
  images: number;
  entries: number;
  changes: number;
  typedErrors: number;
  bystanders: number;
  slowestMilliseconds: number;
  slowestIndex: number;
}

export function noTotals(): Totals {
  return {
    images: 0,
    entries: 0,
    changes: 0,
    typedErrors: 0,
    bystanders: 0,
    slowestMilliseconds: 0,
    slowestIndex: 0,
  };
}

/** Adds what one image gave. */
function count(totals: Totals, outcome: Outcome): void {
  totals.images++;
  totals.entries += outcome.tally.entries;
  totals.changes += outcome.tally.changes;
  totals.typedErrors += outcome.tally.typedErrors;
  totals.bystanders += outcome.bystanders;
  if (outcome.milliseconds <= totals.slowestMilliseconds) return;
  totals.slowestMilliseconds = Math.round(outcome.milliseconds);
  totals.slowestIndex = outcome.index;
}

const encoder = new TextEncoder();

/** At once, whatever happens next. */
function say(line: string): void {
  const bytes = encoder.encode(`${line}\n`);
  for (let done = 0; done < bytes.length;) done += Deno.stdout.writeSync(bytes.subarray(done));
}

function main(folder: string, seed: number, first: number, end: number, keep?: string): void {
  const anatomies = new Map<number, Anatomy>();
  const bases = (shape: number): Anatomy => {
    const known = anatomies.get(shape);
    if (known !== undefined) return known;
    const anatomy = new Anatomy(Deno.readFileSync(`${folder}/base-${shape}`));
    anatomies.set(shape, anatomy);
    return anatomy;
  };
  const totals = noTotals();
  for (let index = first; index < end; index++) {
    say(`begin ${index}`);
    const outcome = tryOne(bases, seed, index, keep);
    count(totals, outcome);
    if (outcome.faults.length > 0 || keep !== undefined) say(`outcome ${JSON.stringify(outcome)}`);
  }
  say(`end ${JSON.stringify(totals)}`);
}

if (import.meta.main) {
  const [folder = "", seed = "", first = "", end = "", keep] = Deno.args;
  main(folder, Number(seed), Number(first), Number(end), keep);
}
