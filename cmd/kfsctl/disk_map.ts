/**
 * A map of the disk: each part in the colour of what fills most of it.
 *
 * @module
 */

import { formatBytes } from "../shared/amount.ts";
import type { Cell, Survey } from "../shared/survey.ts";

/** What a part can be. */
const KINDS = {
  free: { text: "free", sign: "·", ansi: "90", colour: "#e5e7eb" },
  whole: { text: "content in extents of 1 MiB and more", sign: "█", ansi: "32", colour: "#16a34a" },
  pieces: { text: "content in smaller extents", sign: "▒", ansi: "33", colour: "#f59e0b" },
  metadata: { text: "metadata", sign: "▚", ansi: "34", colour: "#2563eb" },
} as const;
type Kind = keyof typeof KINDS;
const ORDER: readonly Kind[] = ["metadata", "pieces", "whole", "free"];

/** What fills most of a part. */
function kindOf(cell: Cell): Kind {
  const metadata = cell.bytes - cell.free - cell.whole - cell.pieces;
  const amounts: Record<Kind, number> = { ...cell, metadata };
  return ORDER.reduce((best, kind) => amounts[kind] > amounts[best] ? kind : best);
}

/** Characters for a terminal, with colours where it shows them. */
export function terminalMap(survey: Survey, width: number): string {
  const coloured = Deno.stdout.isTerminal() && Deno.env.get("NO_COLOR") === undefined;
  const sign = (kind: Kind): string =>
    coloured ? `\x1b[${KINDS[kind].ansi}m${KINDS[kind].sign}\x1b[0m` : KINDS[kind].sign;
  const lines: string[] = [];
  for (let from = 0; from < survey.cells.length; from += width) {
    lines.push(survey.cells.slice(from, from + width).map((cell) => sign(kindOf(cell))).join(""));
  }
  const cellBytes = survey.cells[0]?.bytes ?? 0;
  const legend = ORDER.map((kind) => `${sign(kind)} ${KINDS[kind].text}`).join("   ");
  return `${lines.join("\n")}\n${legend}\neach sign stands for ${formatBytes(cellBytes)}`;
}

/** Files that a page lists. */
export const LISTED_FILES = 50;
const CELLS_A_LINE = 128;
const SIDE = 8;

/** A picture. */
export function svgMap(survey: Survey): string {
  const lines = Math.ceil(survey.cells.length / CELLS_A_LINE);
  const width = CELLS_A_LINE * SIDE;
  const height = lines * SIDE;
  const squares = survey.cells.map((cell, index) => {
    const x = (index % CELLS_A_LINE) * SIDE;
    const y = Math.floor(index / CELLS_A_LINE) * SIDE;
    const colour = KINDS[kindOf(cell)].colour;
    return `<rect x="${x}" y="${y}" width="${SIDE - 1}" height="${SIDE - 1}" fill="${colour}"/>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" ` +
    `width="${width}" height="${height}" role="img" aria-label="map of the disk">` +
    `${squares.join("")}</svg>\n`;
}

/** A page of its own with the picture, the legend and the figures. */
export function htmlMap(path: string, survey: Survey): string {
  const { description, worst } = survey;
  const title = `${escape(path)}: a map of the disk`;
  const legend = ORDER.map((kind) =>
    `<li><span style="background:${KINDS[kind].colour}"></span>${KINDS[kind].text}</li>`
  ).join("");
  const rows = worst.slice(0, LISTED_FILES).map((file) =>
    `<tr><td>${file.extents}</td><td>${formatBytes(file.bytes)}</td><td>${
      escape(file.path ?? `inode ${file.ino}`)
    }</td></tr>`
  ).join("");
  const cellBytes = formatBytes(survey.cells[0]?.bytes ?? 0);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${title}</title>
<meta name="viewport" content="width=device-width">
<style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 66rem; padding: 0 1rem; }
svg { width: 100%; height: auto; background: #fff; }
ul { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: .25rem 1.5rem; }
li span { display: inline-block; width: 1em; height: 1em; margin-right: .5em; vertical-align: -.1em; }
td, th { text-align: right; padding: .1rem 1rem .1rem 0; }
td:last-child, th:last-child { text-align: left; }
@media (prefers-color-scheme: dark) { body { background: #111827; color: #e5e7eb; } svg { background: #111827; } }
</style></head><body>
<h1>${title}</h1>
<p>${formatBytes(description.bytes)}, ${formatBytes(description.freeBytes)} free in
${survey.freeRuns.toLocaleString("en")} runs, the largest of ${
    formatBytes(survey.largestFreeBytes)
  }.
Each square stands for ${cellBytes}, from left to right and top to bottom.</p>
<ul>${legend}</ul>
${svgMap(survey)}
<h2>Files in more than one piece</h2>
${
    rows === ""
      ? "<p>None.</p>"
      : `<table><tr><th>extents</th><th>size</th><th>file</th></tr>${rows}</table>`
  }
</body></html>
`;
}

function escape(text: string): string {
  const signs: Readonly<Record<string, string>> = {
    "<": "&lt;",
    ">": "&gt;",
    "&": "&amp;",
    '"': "&quot;",
  };
  return text.replaceAll(/[<>&"]/g, (sign) => signs[sign] ?? sign);
}
