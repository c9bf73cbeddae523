/** How a tree that was found differs from the nearest that was expected. @module */

import type { Step } from "./actor.ts";
import type { Snapshot } from "./model.ts";
import type { FoundTree } from "./walk.ts";

const MOST_LINES = 12;

/** For people: the nearest step and what is otherwise than after it. */
export function differences(
  tree: FoundTree,
  steps: readonly Step[],
  { first, last }: { readonly first: number; readonly last: number },
): string {
  let best: string[] | undefined;
  let nearest = first;
  for (let index = first; index <= last; index++) {
    const snapshot = steps[index]?.snapshot;
    if (snapshot === undefined) continue;
    const lines = compare(tree, snapshot);
    if (best !== undefined && lines.length >= best.length) continue;
    best = lines;
    nearest = index;
  }
  const lines = best ?? [];
  const more = lines.length > MOST_LINES ? [`… and ${lines.length - MOST_LINES} more`] : [];
  return [
    `nearest: step ${nearest} (${steps[nearest]?.name})`,
    ...lines.slice(0, MOST_LINES),
    ...more,
  ].join("\n  ");
}

function compare(tree: FoundTree, snapshot: Snapshot): string[] {
  const lines: string[] = [];
  for (const [path, { line, mtime }] of snapshot) {
    const found = tree.entries.get(path);
    if (found === undefined) lines.push(`missing: ${path} (${line})`);
    else if (found.line !== line) lines.push(`${path || "/"}: ${found.line} in place of ${line}`);
    else if (mtime !== 0 && found.mtime !== mtime) {
      lines.push(`${path || "/"}: mtime ${found.mtime}, not ${mtime}`);
    }
  }
  for (const [path, { line }] of tree.entries) {
    if (!snapshot.has(path)) lines.push(`unexpected: ${path} (${line})`);
  }
  return lines;
}
