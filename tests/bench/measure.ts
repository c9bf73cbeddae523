/**
 * Taking times, and what is kept of them.
 *
 * @module
 */

import type { TargetName } from "./target.ts";

/** What a row counts: the table shows it in this unit. */
export type Unit = "µs each" | "MiB/s" | "ms" | "MiB";

/** All samples of a row, by target. */
export interface Row {
  readonly name: string;
  readonly unit: Unit;
  readonly samples: Map<TargetName | "mke2fs", number[]>;
}

/** The rows of a run, in the order in which they were first recorded. */
export class Results {
  readonly rows: Map<string, Row> = new Map();

  constructor(readonly only: readonly string[]) {}

  /** True when a row is wanted. */
  wants(name: string): boolean {
    return this.only.length === 0 || this.only.some((part) => name.includes(part));
  }

  record(name: string, unit: Unit, target: TargetName | "mke2fs", value: number): void {
    if (!this.wants(name)) return;
    const row = this.rows.get(name) ?? { name, unit, samples: new Map() };
    this.rows.set(name, row);
    const samples = row.samples.get(target) ?? [];
    row.samples.set(target, samples);
    samples.push(value);
  }
}

/** The middle value; of an even number, the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? NaN;
  if (sorted.length % 2 === 1) return upper;
  return ((sorted[middle - 1] ?? NaN) + upper) / 2;
}

/** Milliseconds that `action` takes. */
export function milliseconds(action: () => void): number {
  const began = performance.now();
  action();
  return performance.now() - began;
}

/** Microseconds for each of `count` calls. */
export function microsecondsEach(count: number, action: (index: number) => void): number {
  return milliseconds(() => {
    for (let index = 0; index < count; index++) action(index);
  }) * 1000 / count;
}
