/**
 * One random operation: drawn once, performed on each of the two file systems.
 *
 * @module
 */

import type { PathRandom } from "./names.ts";

/** The arguments of an operation: plain values, so that it prints and is the same for both sides. */
export type Arguments = Readonly<Record<string, string | number>>;

/** An operation with its arguments. */
export interface Operation {
  readonly name: string;
  readonly args: Arguments;
  /** The user that performs it; 0 is root. */
  readonly user: number;
  /** Paths (byte strings, relative) whose state is compared afterwards. */
  readonly paths: readonly string[];
}

/** A file system that takes part: its root and the files that are open there, by slot. */
export interface Side {
  readonly root: string;
  readonly slots: Map<number, number>;
}

/** What happens for one kind of operation. */
export interface Kind {
  /** How often, relative to the others. */
  readonly weight: number;
  readonly draw: (
    random: PathRandom,
  ) => { readonly args: Arguments; readonly paths: readonly string[] };
  /** Performs it; the answer (a number, negative for an errno, or text) must be the same on both. */
  readonly perform: (side: Side, args: Arguments) => number | string;
}

/** A number among the arguments. */
export function numberOf(args: Arguments, key: string): number {
  const value = args[key];
  if (typeof value !== "number") throw new Error(`no number ${key}`);
  return value;
}

/** A path among the arguments, below the side's root. */
export function pathOf(side: Side, args: Arguments, key = "path"): string {
  return `${side.root}/${textOf(args, key)}`;
}

/** A text among the arguments. */
export function textOf(args: Arguments, key: string): string {
  const value = args[key];
  if (typeof value !== "string") throw new Error(`no text ${key}`);
  return value;
}
