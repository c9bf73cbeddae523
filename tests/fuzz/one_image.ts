/**
 * One mutated image from its number: the same seed and number give the same image and the same work.
 *
 * @module
 */

import { Random } from "../harness/seed.ts";
import type { Anatomy } from "./anatomy.ts";
import { areContained, Bystanders } from "./bystanders.ts";
import { Exercise, isExpected, stackOf, type Tally } from "./exercise.ts";
import { Mutator } from "./mutate.ts";
import { OverlayDevice } from "./overlay_device.ts";
import { SHAPES } from "./shapes.ts";

/** What came of one image. */
export interface Outcome {
  readonly index: number;
  readonly shape: string;
  readonly mutations: readonly string[];
  /** What should not have happened; empty when all was well. */
  readonly faults: readonly string[];
  readonly tally: Tally;
  readonly milliseconds: number;
  /** Files that were compared before and after. */
  readonly bystanders: number;
}

/** Base images by the number of their shape. */
export type Bases = (shape: number) => Anatomy;

/** Mutates, tries and judges image number `index`. @param keep where the mutated image is written, for a look. */
export function tryOne(bases: Bases, seed: number, index: number, keep?: string): Outcome {
  const random = new Random((Math.imul(seed, 0x9e3779b1) + Math.imul(index, 0x85ebca77)) | 0);
  const shape = random.below(SHAPES.length);
  const anatomy = bases(shape);
  const device = new OverlayDevice(anatomy.base);
  const mutations = new Mutator(anatomy, device, random).run();
  if (keep !== undefined) Deno.writeFileSync(`${keep}.mutated`, device.content());
  const bystanders = areContained(mutations) ? new Bystanders(device, mutations) : undefined;
  const exercise = new Exercise(device, random, bystanders?.touched);
  const began = performance.now();
  exercise.run();
  const milliseconds = performance.now() - began;
  if (keep !== undefined) Deno.writeFileSync(`${keep}.after`, device.content());
  return {
    index,
    shape: SHAPES[shape]?.name ?? "",
    mutations: mutations.map(({ description }) => description),
    faults: [...exercise.faults, ...differences(bystanders)],
    tally: exercise.tally,
    milliseconds,
    bystanders: bystanders?.size ?? 0,
  };
}

function differences(bystanders: Bystanders | undefined): string[] {
  try {
    return (bystanders?.differences() ?? []).map((line) => `a file was damaged: ${line}`);
  } catch (error) {
    return [`reading again: ${isExpected(error) ? String(error) : stackOf(error)}`];
  }
}
