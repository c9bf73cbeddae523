/**
 * Runs one random sequence of operations on two file systems and compares after each step.
 *
 * @module
 */

import * as libc from "../../harness/libc.ts";
import { entryDifferences, mustBeSameTree, printable } from "../../harness/tree.ts";
import { FILE_KINDS, SLOT_KINDS } from "./file_kinds.ts";
import type { PathRandom } from "./names.ts";
import { INODE_KINDS, NAME_KINDS, RENAME_WHITEOUT } from "./name_kinds.ts";
import type { Kind, Operation, Side } from "./operation.ts";
import { stateOf, wholeTree } from "./state.ts";

const KINDS: Readonly<Record<string, Kind>> = {
  ...FILE_KINDS,
  ...SLOT_KINDS,
  ...NAME_KINDS,
  ...INODE_KINDS,
};

/** The environment variable that leaves kinds of operations out, to look past a known difference. */
const WITHOUT_VARIABLE = "KFS_WITHOUT";

const LEFT_OUT = new Set((Deno.env.get(WITHOUT_VARIABLE) ?? "").split(","));

const BAG: readonly string[] = Object.entries(KINDS).flatMap(([name, kind]) =>
  LEFT_OUT.has(name) ? [] : Array.from({ length: kind.weight }, () => name)
);

/** Steps between two comparisons of everything. */
const WHOLE_EVERY = 500;

/** How many operations before a difference are shown. */
const SHOWN = 12;

function kindOf(name: string): Kind {
  const kind = KINDS[name];
  if (kind === undefined) throw new Error(`no operation ${name}`);
  return kind;
}

/** Draws the next operation. */
export function draw(random: PathRandom): Operation {
  const name = random.pick(BAG);
  const { args, paths } = kindOf(name).draw(random);
  return { name, args, paths, user: random.chance(20) ? 1000 : 0 };
}

/** An operation for people. */
export function shown(operation: Operation): string {
  const args = Object.entries(operation.args).map(([key, value]) =>
    `${key}=${typeof value === "string" ? JSON.stringify(printable(value)) : value}`
  );
  return `${operation.name} ${args.join(" ")}${operation.user === 0 ? "" : " (as a user)"}`;
}

function perform(side: Side, operation: Operation): number | string {
  libc.actAs(operation.user);
  try {
    return kindOf(operation.name).perform(side, operation.args);
  } finally {
    libc.actAs(0);
  }
}

const EOPNOTSUPP = 95;

/** The kernel touches some files before it finds that it cannot do this; nobody need copy that. */
function touchesInVain(operation: Operation, answer: number | string): boolean {
  if (answer === -EOPNOTSUPP) return true;
  const whiteout = operation.name === "rename" && operation.args["flags"] === RENAME_WHITEOUT;
  return whiteout && typeof answer === "number" && answer < 0;
}

function settleTimes(sides: readonly Side[], operation: Operation): void {
  for (const { root } of sides) {
    for (const path of operation.paths) libc.utimens(`${root}/${path}`, [5, 0], [5, 0]);
  }
}

/** What the kernel answered, and what differs after the operation. */
interface StepResult {
  readonly answer: number | string;
  readonly difference?: string;
}

function takeStep(
  left: Side,
  right: Side,
  operation: Operation,
  random: PathRandom,
): StepResult {
  const leftAnswer = perform(left, operation);
  const rightAnswer = perform(right, operation);
  const answer = rightAnswer;
  if (leftAnswer !== answer) return { answer, difference: `answers ${leftAnswer} ≠ ${answer}` };
  if (touchesInVain(operation, answer)) settleTimes([left, right], operation);
  for (const path of new Set(operation.paths)) {
    const expected = stateOf(right.root, path);
    random.note(path, expected["error"] === undefined);
    const differences = entryDifferences(stateOf(left.root, path), expected);
    if (differences.length === 0) continue;
    return { answer, difference: `${printable(path)}: ${differences.join("; ")}` };
  }
  return { answer };
}

/** Runs `steps` operations; throws at the first difference. The left side is the one under test. */
export function runSteps(left: Side, right: Side, random: PathRandom, steps: number): void {
  const history: string[] = [];
  for (let step = 1; step <= steps; step++) {
    const operation = draw(random);
    const { answer, difference } = takeStep(left, right, operation, random);
    history.push(`${step}: ${shown(operation)} → ${String(answer).slice(0, 60)}`);
    if (difference !== undefined) {
      const last = history.slice(-SHOWN).map((line) => `  ${line}`).join("\n");
      throw new Error(
        `step ${step}: ${difference} (under test ≠ kernel)\nthe last operations:\n${last}`,
      );
    }
    if (step % WHOLE_EVERY === 0) compareWhole(left, right, `after step ${step}`);
  }
  compareWhole(left, right, "at the end");
}

/** Throws unless both trees are equal in everything that two file systems share. */
export function compareWhole(left: Side, right: Side, when: string): void {
  mustBeSameTree(wholeTree(left.root), wholeTree(right.root), `${when}: under test and kernel`);
}

/** Closes what the sequence left open. */
export function closeSlots(side: Side): void {
  for (const descriptor of side.slots.values()) libc.close(descriptor);
  side.slots.clear();
}
