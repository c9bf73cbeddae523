/**
 * Findings: what they say, and keeping a bounded number of them.
 *
 * @module
 */

import { type Code, CODES, type Severity } from "./codes.ts";

/** Where something was found; only what applies is set. */
export interface Where {
  readonly inode?: number;
  readonly group?: number;
  /** Disk block. */
  readonly block?: number;
  /** How many blocks, or inodes, from the one named on; 1 if it is not set. */
  readonly count?: number;
  /** Block within the inode's file. */
  readonly fileBlock?: number;
  /** Byte offset within the block. */
  readonly offset?: number;
  readonly field?: string;
  /** Name of a directory entry or attribute. */
  readonly name?: string;
}

/** One thing that is wrong, or worth knowing. */
export interface Finding {
  readonly code: Code;
  readonly severity: Severity;
  /** The structure's usual name, e.g. "group descriptor". */
  readonly structure: string;
  readonly where: Where;
  /** A line for people, with place and values. */
  readonly message: string;
  readonly found?: number | string;
  readonly expected?: number | string;
}

/** Keeps the first findings of each code, and counts all. */
export class Findings {
  readonly kept: Finding[] = [];
  readonly counts = new Map<Code, number>();
  errors = 0;
  warnings = 0;
  notes = 0;

  /**
   * @param keep findings that are kept.
   * @param keepOfCode findings of one code that are kept.
   */
  constructor(readonly keep: number, readonly keepOfCode: number) {}

  /** Whether another finding of this code would only be counted. */
  isFull(code: Code): boolean {
    return (this.counts.get(code) ?? 0) >= this.keepOfCode || this.kept.length >= this.keep;
  }

  /** Counts findings that are not kept. */
  addUnkept(code: Code, count: number): void {
    const [severity] = CODES[code];
    if (severity === "error") this.errors += count;
    else if (severity === "warning") this.warnings += count;
    else this.notes += count;
    this.counts.set(code, (this.counts.get(code) ?? 0) + count);
  }

  add(
    code: Code,
    where: Where,
    found?: number | string,
    expected?: number | string,
    detail?: string,
  ): void {
    const isKept = !this.isFull(code);
    this.addUnkept(code, 1);
    if (!isKept) return;
    const [severity, structure, , text] = CODES[code];
    const place = placeOf(where);
    const message = `${structure}${place === "" ? "" : ` (${place})`}: ${text}` +
      (detail === undefined ? "" : `: ${detail}`) +
      (found === undefined ? "" : `: found ${found}`) +
      (expected === undefined ? "" : `${found === undefined ? ":" : ","} expected ${expected}`);
    this.kept.push({
      code,
      severity,
      structure,
      where,
      message,
      ...(found === undefined ? {} : { found }),
      ...(expected === undefined ? {} : { expected }),
    });
  }
}

function placeOf(where: Where): string {
  const parts: string[] = [];
  if (where.group !== undefined) parts.push(`group ${where.group}`);
  const range = (noun: string, first: number): string =>
    (where.count ?? 1) === 1
      ? `${noun} ${first}`
      : `${noun}s ${first} to ${first + (where.count ?? 1) - 1}`;
  if (where.inode !== undefined) parts.push(range("inode", where.inode));
  if (where.fileBlock !== undefined) parts.push(`file block ${where.fileBlock}`);
  if (where.block !== undefined) parts.push(range("block", where.block));
  if (where.offset !== undefined) parts.push(`offset ${where.offset}`);
  if (where.name !== undefined) parts.push(`name ${JSON.stringify(where.name)}`);
  if (where.field !== undefined) parts.push(where.field);
  return parts.join(", ");
}
