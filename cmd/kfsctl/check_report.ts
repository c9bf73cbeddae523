/**
 * A check's report, for people and for programs.
 *
 * @module
 */

import { type CheckReport, CODES, type Finding, type Severity } from "../../mod.ts";
import { formatBytes } from "../shared/amount.ts";

const COLOURS: Readonly<Record<Severity, string>> = { error: "31", warning: "33", note: "36" };

function paint(text: string, severity: Severity): string {
  const wanted = Deno.stdout.isTerminal() && Deno.env.get("NO_COLOR") === undefined;
  return wanted ? `\x1b[${COLOURS[severity]}m${text}\x1b[0m` : text;
}

function plural(count: number, noun: string): string {
  return `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
}

function lineOf(finding: Finding): string {
  return `${paint(finding.severity.padEnd(7), finding.severity)} ${finding.message}`;
}

/** Lines for people. */
export function toText(path: string, report: CheckReport): string {
  const lines = report.findings.map(lineOf);
  const total = report.errors + report.warnings + report.notes;
  const hidden = total - report.findings.length;
  if (hidden > 0) lines.push(`… and ${plural(hidden, "finding")} more (--limit N prints more)`);
  const { statistics } = report;
  if (statistics !== undefined) {
    const size = formatBytes(statistics.blocks * statistics.blockBytes);
    lines.push(
      `${path}: ${size}, ${plural(statistics.blocks, "block")} of ` +
        `${formatBytes(statistics.blockBytes)}, ${
          plural(statistics.usedInodes, "inode")
        } in use, ` +
        `${
          statistics.directories === 1
            ? "1 directory"
            : `${statistics.directories.toLocaleString("en")} directories`
        }`,
    );
  }
  lines.push(`${path}: ${verdict(path, report)}`);
  return lines.join("\n");
}

function verdict(path: string, report: CheckReport): string {
  if (report.cancelled) return `cancelled; ${plural(report.errors, "error")} so far`;
  if (!report.complete) return "cannot be checked";
  const warnings = report.warnings === 0 ? "" : `, ${plural(report.warnings, "warning")}`;
  if (report.clean) return `clean${warnings}`;
  return `${plural(report.errors, "error")}${warnings}; nothing was changed ` +
    `(e2fsck -f ${path} repairs)`;
}

/** One JSON object. */
export function toJson(path: string, report: CheckReport): string {
  return JSON.stringify({ image: path, ...report }, undefined, 2);
}

/** All codes, with severity and e2fsck's problem number. */
export function codeTable(): string {
  const rows = Object.entries(CODES).map(([code, [severity, structure, problem, text]]) => [
    code,
    severity,
    problem === 0 ? "-" : `0x${problem.toString(16).padStart(6, "0")}`,
    `${structure}: ${text}`,
  ]);
  const widths = [0, 1, 2].map((column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0))
  );
  return rows.map((row) =>
    row.map((cell, column) => column < 3 ? cell.padEnd(widths[column] ?? 0) : cell).join("  ")
  ).join("\n");
}
