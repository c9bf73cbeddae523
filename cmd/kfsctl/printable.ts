/**
 * Showing what comes out of an image, which may hold anything.
 *
 * @module
 */

import type { FileInfo } from "../../mod.ts";

const CONTROL = /[\p{Cc}\p{Cf}\\]/gu;
const TYPES: Readonly<Record<number, string>> = {
  0o010000: "p",
  0o020000: "c",
  0o040000: "d",
  0o060000: "b",
  0o100000: "-",
  0o120000: "l",
  0o140000: "s",
};

/** A name without characters that a terminal would obey: they show as `\u{…}`, a backslash doubled. */
export function printable(name: string): string {
  return name.replaceAll(
    CONTROL,
    (character) =>
      character === "\\" ? "\\\\" : `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );
}

/** Type and permissions as `ls -l` shows them: `-rw-r--r--`. */
export function modeText(mode: number): string {
  const bit = (mask: number, letter: string): string => (mode & mask) !== 0 ? letter : "-";
  const execute = (mask: number, special: number, both: string): string => {
    const may = (mode & mask) !== 0;
    if ((mode & special) === 0) return may ? "x" : "-";
    return may ? both : both.toUpperCase();
  };
  return (TYPES[mode & 0o170000] ?? "?") +
    bit(0o400, "r") + bit(0o200, "w") + execute(0o100, 0o4000, "s") +
    bit(0o040, "r") + bit(0o020, "w") + execute(0o010, 0o2000, "s") +
    bit(0o004, "r") + bit(0o002, "w") + execute(0o001, 0o1000, "t");
}

/** A time as `2026-01-31 12:00:00`, in UTC. */
export function timeText(time: Date): string {
  return time.toISOString().slice(0, 19).replace("T", " ");
}

/** Major and minor number of a device node. */
export function deviceText(rdev: number): string {
  const major = (rdev >> 8) & 0xfff;
  const minor = (rdev & 0xff) | ((rdev >> 12) & 0xfff00);
  return `${major}, ${minor}`;
}

/** What kind of node it is, in a word. */
export function kindOf(info: FileInfo): string {
  if (info.isFile) return "file";
  if (info.isDirectory) return "directory";
  if (info.isSymlink) return "symlink";
  if (info.isCharDevice) return "character device";
  if (info.isBlockDevice) return "block device";
  return info.isFifo ? "fifo" : info.isSocket ? "socket" : "unknown";
}

/** Rows with columns side by side; those in `right` end at the same place. */
export function columns(rows: readonly (readonly string[])[], right: ReadonlySet<number>): string {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, index) => widths[index] = Math.max(widths[index] ?? 0, cell.length));
  }
  return rows.map((row) =>
    row.map((cell, index) => {
      const width = widths[index] ?? 0;
      if (index === row.length - 1) return cell;
      return right.has(index) ? cell.padStart(width) : cell.padEnd(width);
    }).join(" ")
  ).join("\n");
}
