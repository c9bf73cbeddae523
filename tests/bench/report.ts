/**
 * The table and the JSON.
 *
 * @module
 */

import { median, type Results, type Row, type Unit } from "./measure.ts";

const COLUMNS = ["kfs", "no journal", "fuse2fs", "kernel", "passthrough_ll", "mke2fs"] as const;
type Column = typeof COLUMNS[number];

/** Units where more is better. */
const MORE_IS_BETTER: ReadonlySet<Unit> = new Set(["MiB/s"]);

/** One row as it is shown and written. */
export interface Line {
  readonly row: string;
  readonly unit: Unit;
  /** Medians by column. */
  readonly medians: Readonly<Partial<Record<Column, number>>>;
  /** How many times as fast as the column kfs is (memory: how many times as small). */
  readonly kfsTimesAsFastAs: Readonly<Partial<Record<Column, number>>>;
  readonly samples: Readonly<Partial<Record<Column, readonly number[]>>>;
}

function lineOf(row: Row): Line {
  const medians: Partial<Record<Column, number>> = {};
  const samples: Partial<Record<Column, readonly number[]>> = {};
  for (const column of COLUMNS) {
    const values = row.samples.get(column);
    if (values === undefined) continue;
    medians[column] = median(values);
    samples[column] = values;
  }
  const ratios: Partial<Record<Column, number>> = {};
  const own = medians.kfs;
  for (const column of COLUMNS) {
    const other = medians[column];
    if (own === undefined || other === undefined || column === "kfs") continue;
    ratios[column] = MORE_IS_BETTER.has(row.unit) ? own / other : other / own;
  }
  return { row: row.name, unit: row.unit, medians, kfsTimesAsFastAs: ratios, samples };
}

/** All rows. */
export function linesOf(results: Results): readonly Line[] {
  return [...results.rows.values()].map(lineOf);
}

function shown(value: number | undefined): string {
  if (value === undefined) return "";
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** A Markdown table: medians, then how many times as fast as each other column kfs is. */
export function table(lines: readonly Line[]): string {
  const used = COLUMNS.filter((column) => lines.some((line) => line.medians[column] !== undefined));
  const others = used.filter((column) => column !== "kfs");
  const head = ["", "unit", ...used, ...others.map((column) => `kfs : ${column}`)];
  const body = lines.map((line) => [
    line.row,
    line.unit,
    ...used.map((column) => shown(line.medians[column])),
    ...others.map((column) => {
      const ratio = line.kfsTimesAsFastAs[column];
      return ratio === undefined ? "" : `${shown(ratio)} ×`;
    }),
  ]);
  const widths = head.map((title, index) =>
    Math.max(title.length, ...body.map((cells) => (cells[index] ?? "").length), 3)
  );
  const format = (cells: readonly string[]) =>
    `| ${
      cells.map((cell, index) => {
        const width = widths[index] ?? 0;
        return index < 2 ? cell.padEnd(width) : cell.padStart(width);
      }).join(" | ")
    } |`;
  const rule = widths.map((width, index) => {
    return index < 2 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`;
  });
  return [format(head), format(rule), ...body.map(format)].join("\n");
}
