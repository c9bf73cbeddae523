/**
 * Builds and judges many crash states of one recording.
 *
 * @module
 */

import { shrink } from "./shrink.ts";
import { Random } from "../harness/seed.ts";
import { CrashFault, StepFinder } from "./judge.ts";
import { type Counts, type JudgeShares, judgeState, newCounts } from "./judges.ts";
import { Outside } from "./outside.ts";
import type { OverlayDevice } from "./overlay_device.ts";
import type { Recording } from "./record.ts";
import { judgesFor } from "./shapes.ts";
import {
  applyEvent,
  buildState,
  type CrashPlan,
  drawParts,
  Flushes,
  type LandedPart,
} from "./states.ts";

/** A state that was not as it must be. */
export interface Failure {
  readonly plan: CrashPlan;
  readonly parts: readonly LandedPart[];
  readonly message: string;
}

export interface Campaign {
  readonly counts: Counts;
  readonly failures: readonly Failure[];
  /** Flush boundaries of the recording. */
  readonly boundaries: number;
}

/** What to do of a recording's states. */
export interface CampaignOptions {
  /** Numbers of the states to try. */
  readonly indexes: Iterable<number>;
  readonly judges: JudgeShares;
  /** Ends after so many failures. */
  readonly mostFailures: number;
}

/** Tries states of `recording`. */
export function tryStates(recording: Recording, options: CampaignOptions): Campaign {
  const flushes = new Flushes(recording.events);
  const plans = [...options.indexes].map((index) => flushes.plan(recording.recipe.seed, index));
  plans.sort((a, b) => a.durableEvents - b.durableEvents || a.index - b.index);
  using bench = new Bench(recording, options.judges);
  const failures: Failure[] = [];
  for (const plan of plans) {
    const failure = bench.judge(plan);
    if (failure === undefined) continue;
    failures.push(failure);
    if (failures.length >= options.mostFailures) break;
  }
  return { counts: bench.counts, failures, boundaries: flushes.boundaries.length };
}

/** The storage as it goes on from flush to flush, and the judges. */
export class Bench implements Disposable {
  readonly counts: Counts = newCounts();
  readonly #durable: Uint8Array<ArrayBuffer>;
  #events = 0;
  readonly #finder: StepFinder;
  #outside: Outside | undefined;

  readonly #judges: JudgeShares;

  constructor(readonly recording: Recording, judges: JudgeShares) {
    const { shape } = recording.recipe;
    this.#judges = judgesFor(shape, judges);
    this.#durable = recording.base.slice();
    this.#finder = new StepFinder({
      steps: recording.steps,
      mode: recording.recipe.mode,
      journalBytes: shape.journalBytes ?? 0,
    });
  }

  /** Judges one state. Plans must come in the order of their flushes. */
  judge(plan: CrashPlan): Failure | undefined {
    const parts = drawParts(this.recording.events, plan);
    const message = this.judgeParts(plan, parts);
    if (message === undefined) return undefined;
    const { states } = this.counts;
    const fewer = shrink(parts, (some) => this.judgeParts(plan, some) !== undefined);
    this.counts.states = states;
    return { plan, parts: fewer, message };
  }

  /** What is wrong with the state in which these parts reached the storage. */
  judgeParts(plan: CrashPlan, parts: readonly LandedPart[]): string | undefined {
    this.#advance(plan.durableEvents);
    const build = (): OverlayDevice =>
      buildState(this.#durable, this.recording.events, plan, parts);
    try {
      this.#ask(plan, build);
      return undefined;
    } catch (error) {
      if (error instanceof CrashFault) return error.message;
      return error instanceof Error ? error.stack ?? error.message : String(error);
    }
  }

  #ask(plan: CrashPlan, build: () => OverlayDevice): void {
    const finder = this.#finder;
    const { shape } = this.recording.recipe;
    const bounds = finder.bounds(plan.events);
    const random = new Random((plan.seed ^ Math.imul(plan.index, 0x85ebca6b)) >>> 0);
    const outside = (): Outside =>
      this.#outside ??= new Outside(this.recording.base.length, false, shape.journalBytes);
    judgeState({ bounds, finder, random, build, outside }, this.#judges, this.counts);
  }

  #advance(durableEvents: number): void {
    if (durableEvents < this.#events) throw new Error("crash plans out of order");
    for (; this.#events < durableEvents; this.#events++) {
      const event = this.recording.events[this.#events];
      if (event !== undefined) applyEvent(event, this.#durable);
    }
  }

  [Symbol.dispose](): void {
    this.#outside?.[Symbol.dispose]();
  }
}
