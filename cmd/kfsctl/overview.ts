/** What `kfsctl --help` prints: a screen of 24 lines of 80 characters holds it. @module */

import type { CommandEntry } from "./commands.ts";

/** One line is the prompt's. */
const LINES = 23;
const COLUMNS = 79;

/** Commands below each other while they fit, then in two columns. */
export function overviewText(
  commands: readonly Pick<CommandEntry, "name" | "summary">[],
): string {
  const head = ["Usage: kfsctl COMMAND [options] TARGET", ""];
  const foot = [
    "",
    "TARGET: an image, a mount point of kfs, or a path in a mount.",
    "kfsctl COMMAND --help tells more of a command; kfsctl --version the version.",
  ];
  const room = LINES - head.length - foot.length;
  const width = Math.max(...commands.map(({ name }) => name.length));
  const columns = Math.ceil(commands.length / room);
  const lineWidth = Math.floor(COLUMNS / columns) - (columns > 1 ? 1 : 0);
  const cells = commands.map(({ name, summary }) =>
    cut(`  ${name.padEnd(width)}  ${summary}`, lineWidth)
  );
  const lines = Math.ceil(cells.length / columns);
  const rows = Array.from(
    { length: lines },
    (_, row) =>
      Array.from({ length: columns }, (_, column) => cells[column * lines + row] ?? "")
        .map((cell, column) => column === columns - 1 ? cell : cell.padEnd(lineWidth + 1))
        .join("").trimEnd(),
  );
  return [...head, ...rows, ...foot].join("\n");
}

function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`;
}
