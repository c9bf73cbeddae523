/**
 * docs/matrix.md: written from outcomes, and read back by the test.
 *
 * @module
 */

import { projectRoot, run } from "../../tools/process.ts";
import { FEATURE_CASES } from "../oracle/images/feature_cases.ts";
import { contradict, type MatrixCase, pairCase, SECTIONS, TOGGLES } from "./cases.ts";
import { type Access, type CaseOutcome, SAME } from "./try_case.ts";

export const PAGE = `${projectRoot}/docs/matrix.md`;

/** Marks an image that the kernel of the machine did not mount. */
const UNSEEN = "°";

const INTRODUCTION = `# Images of mke2fs that kfs works on

Written by \`deno task matrix\`; the tests do a part of it again and compare. For each row \`mke2fs\` makes
an image and fills it from a folder; kfs opens it in process, does a set of operations (makes, appends,
cuts, punches, fragments, copies, links, renames, removes, sets attributes, …) and closes it; then
\`e2fsck -fn\` has to find it clean, kfs has to show the same tree when it opens it again, and so has the
kernel's ext4. Where the kernel does not mount an image, its words are given, and \`debugfs\` has to read
the same files (but of inline ones, which it does not give whole).

- **rw**: opened and changed, all judges agreed.
- **ro**: kfs shows it and does not change it.
- **no**: kfs refuses it.
`;

const PAIRS = `## Pairs of features

ext4 with 1 KiB blocks and two features set, or cleared (\`^\`), together; on the diagonal one alone.
\`${UNSEEN}\`: the kernel here does not mount it. Empty: \`mke2fs\` does not make it, or the one takes the
other back.
`;

function mounts(): string {
  const rows = FEATURE_CASES.map(({ name, expect = "read-write" }) => `| ${name} | ${expect} |`);
  return `## Through a mount

\`tests/oracle/images\` mounts these with \`kfs\`, changes them, lets the kernel change them, reads them
again; \`e2fsck -fn\` and the kernel's view are compared after each step.

| image | kfs |
| --- | --- |
${rows.join("\n")}
`;
}

/** The key of a case on the page. */
export function keyOf({ options }: MatrixCase): string {
  return options.join(" ");
}

function sectionTable(title: string, cases: readonly MatrixCase[], outcomes: Outcomes): string {
  const rows = cases.map((one) => {
    const outcome = outcomes.get(keyOf(one));
    const access = outcome?.access === "none" ? "not made" : outcome?.access ?? "";
    const reason = outcome?.access === "rw" ? "" : outcome?.reason ?? "";
    const kernel = outcome?.kernel ?? "";
    const escape = (text: string): string => text.replaceAll("|", "\\|").replaceAll("_", "\\_");
    return `| \`${keyOf(one)}\` | ${one.size} | ${access} | ${escape(kernel)} | ${
      escape(reason)
    } |`;
  });
  return `## ${title}

| mke2fs | size | kfs | kernel | why |
| --- | --- | --- | --- | --- |
${rows.join("\n")}
`;
}

/** Outcomes by the cases' keys. */
export type Outcomes = ReadonlyMap<string, CaseOutcome>;

function cell({ access, kernel }: CaseOutcome): string {
  if (access === "none") return "";
  return kernel === SAME || access === "no" ? access : `${access}${UNSEEN}`;
}

function pairTable(outcomes: Outcomes): string {
  const names = Object.keys(TOGGLES);
  const rows = names.map((first, row) => {
    const cells = names.map((second, column) => {
      if (column > row || contradict(first, second)) return "";
      const outcome = outcomes.get(keyOf(pairCase(first, second)));
      return outcome === undefined ? "" : cell(outcome);
    });
    return `| ${row + 1} | \`${first}\` | ${cells.join(" | ")} |`;
  });
  const numbers = names.map((_, index) => index + 1);
  return `${PAIRS}
| | | ${numbers.join(" | ")} |
| --- | --- | ${numbers.map(() => "---").join(" | ")} |
${rows.join("\n")}
`;
}

/** Writes the page. @param kernel the kernel that judged. @param mke2fs the version that made the images. */
export function writePage(outcomes: Outcomes, kernel: string, mke2fs: string): void {
  const judged = `Made by ${mke2fs}, judged by Linux ${kernel}.\n`;
  const tables = SECTIONS.map(({ title, cases }) => sectionTable(title, cases, outcomes));
  const text = [INTRODUCTION, judged, ...tables, pairTable(outcomes), mounts()].join("\n");
  Deno.writeTextFileSync(PAGE, text);
  run(Deno.execPath(), ["fmt", "-q", PAGE]);
}

function cellsOf(line: string): string[] {
  return line.split(/(?<!\\)\|/).slice(1, -1).map((text) => text.trim());
}

const WORDS: ReadonlyMap<string, Access> = new Map([
  ["rw", "rw"],
  ["ro", "ro"],
  ["no", "no"],
  ["not made", "none"],
  ["", "none"],
]);

function accessOf(cell: string): Access {
  const access = WORDS.get(cell.replace(UNSEEN, ""));
  if (access === undefined) throw new Error(`docs/matrix.md: "${cell}" is no verdict`);
  return access;
}

/** What the page says, by the cases' keys. */
export function readPage(): Map<string, Access> {
  const said = new Map<string, Access>();
  const names = Object.keys(TOGGLES);
  for (const line of Deno.readTextFileSync(PAGE).split("\n")) {
    const cells = cellsOf(line);
    const [first = "", second = ""] = cells;
    if (first.startsWith("`-t")) said.set(first.slice(1, -1), accessOf(cells[2] ?? ""));
    const row = Number(first) - 1;
    if (!second.startsWith("`") || second.slice(1, -1) !== names[row]) continue;
    for (let column = 0; column <= row; column++) {
      const other = names[column] ?? "";
      if (contradict(other, names[row] ?? "")) continue;
      said.set(keyOf(pairCase(names[row] ?? "", other)), accessOf(cells[2 + column] ?? ""));
    }
  }
  return said;
}
