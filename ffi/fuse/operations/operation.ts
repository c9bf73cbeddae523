/**
 * The shape of an operation in the dispatch table.
 *
 * @module
 */

import type { Exchange } from "../exchange.ts";

/** An operation: how long its fixed arguments are, and what to do. */
export interface Operation {
  /** A request with fewer bytes after its header is refused with EINVAL. */
  readonly argumentBytes: number;
  /** Answers the length of the reply's body, a negated errno, `DEFERRED` or `NO_REPLY`. */
  readonly run: (exchange: Exchange) => number;
}

/** Operations by opcode. */
export type OperationGroup = Readonly<Record<number, Operation>>;

/** The body of a success without one. */
export function nothing(result: number): number {
  return result < 0 ? result : 0;
}

export const EINVAL = -22;
export const ENOSYS = -38;
export const ERANGE = -34;
export const EIO = -5;
