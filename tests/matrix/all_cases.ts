/** Every case of the matrix, and which of them the tests do each time. @module */

import { contradict, type MatrixCase, pairCase, SECTIONS, TOGGLES } from "./cases.ts";

/** Of the pairs, the tests do one in so many. */
const PAIRS_PER_TESTED = 8;

/** Each pair of features once, and each alone. */
export function pairs(): MatrixCase[] {
  const names = Object.keys(TOGGLES);
  return names.flatMap((first, row) =>
    names.slice(0, row + 1).flatMap((second) =>
      contradict(first, second) ? [] : [pairCase(first, second)]
    )
  );
}

export function allCases(): MatrixCase[] {
  return [...SECTIONS.flatMap(({ cases }) => cases), ...pairs()];
}

/** All but most of the pairs: a different part of them for each `turn`. */
export function testedCases(turn: number): MatrixCase[] {
  const part = pairs().filter((_, index) => index % PAIRS_PER_TESTED === turn % PAIRS_PER_TESTED);
  return [...SECTIONS.flatMap(({ cases }) => cases), ...part];
}
