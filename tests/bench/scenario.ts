/**
 * A scenario: a piece of work that gives one or more rows.
 *
 * @module
 */

import type { BenchOptions } from "./options.ts";
import type { Results } from "./measure.ts";
import type { Target } from "./target.ts";

/** Work on a mounted file system. */
export interface Scenario {
  /** The rows that it gives; it is left out when none is wanted. */
  readonly rows: readonly string[];
  readonly run: (target: Target, results: Results, options: BenchOptions) => void;
}

/** A failed call is no measurement. */
export function expectGood(what: string, answer: number): number {
  if (answer < 0) throw new Error(`${what}: errno ${-answer}`);
  return answer;
}
