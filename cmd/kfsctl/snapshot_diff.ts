/** `kfsctl snapshot diff IMAGE NAME [OTHER]`: what has changed since a snapshot. @module */

import type { FileInfo, Image } from "../../mod.ts";
import { CommandError } from "../shared/command_error.ts";
import type { CommandLine } from "../shared/command_line.ts";
import { offsetOf, openImage } from "./open_image.ts";
import { printable } from "./printable.ts";
import { findTarget } from "./target.ts";

const PIECE_BYTES = 1 << 20;

/** A path that is not as it was. */
interface Change {
  readonly path: string;
  readonly change: "added" | "removed" | "changed";
  /** What about it, when it is there in both. */
  readonly what: readonly string[];
}

/** Prints what differs. @returns the exit status */
export function snapshotDiff(line: CommandLine, operands: readonly string[]): number {
  const [text, name, other] = operands;
  if (text === undefined || name === undefined || operands.length > 3) {
    throw new CommandError("wanted: kfsctl snapshot diff IMAGE NAME [OTHER]");
  }
  const target = findTarget(text, offsetOf(line));
  if (target.kind === "mount") {
    const where = `${target.mountPoint}/.snapshots/${name}`;
    throw new CommandError(`${text} is mounted: use diff -r on ${where}, or unmount it first`);
  }
  using image = openImage(line, target.path, true);
  using before = image.snapshots.open(name);
  using after = other === undefined ? undefined : image.snapshots.open(other);
  const found = differences(before, after ?? image);
  if (line.has("json")) console.log(JSON.stringify(found, undefined, 2));
  else for (const one of found) console.log(textOf(one));
  return 0;
}

function textOf({ path, change, what }: Change): string {
  const mark = { added: "+", removed: "-", changed: "~" }[change];
  return `${mark} ${printable(path)}${what.length === 0 ? "" : ` (${what.join(", ")})`}`;
}

function differences(before: Image, after: Image): Change[] {
  const found: Change[] = [];
  const seen = new Set<string>();
  for (const { path } of before.walk("/")) {
    seen.add(path);
    const then = before.lstat(path);
    const now = lstat(after, path);
    if (now === undefined) found.push({ path, change: "removed", what: [] });
    else {
      const what = compare(before, after, path, then, now);
      if (what.length > 0) found.push({ path, change: "changed", what });
    }
  }
  for (const { path } of after.walk("/")) {
    if (!seen.has(path)) found.push({ path, change: "added", what: [] });
  }
  return found.sort((a, b) => a.path < b.path ? -1 : 1);
}

function lstat(image: Image, path: string): FileInfo | undefined {
  try {
    return image.lstat(path);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : "";
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw error;
  }
}

function compare(
  before: Image,
  after: Image,
  path: string,
  then: FileInfo,
  now: FileInfo,
): string[] {
  const what: string[] = [];
  if ((then.mode & 0o170000) !== (now.mode & 0o170000)) return ["kind"];
  if (then.mode !== now.mode) what.push("mode");
  if (then.uid !== now.uid || then.gid !== now.gid) what.push("owner");
  if (then.isFile && !sameContent(before, after, path, then, now)) what.push("content");
  if (then.isSymlink && before.readLink(path) !== after.readLink(path)) what.push("target");
  if (then.rdev !== now.rdev) what.push("device");
  if (!sameXattrs(before, after, path)) what.push("attributes");
  return what;
}

function sameXattrs(before: Image, after: Image, path: string): boolean {
  const all = (image: Image): string =>
    JSON.stringify(
      image.listXattrs(path, { noFollow: true }).sort().map((
        name,
      ) => [name, [...image.getXattr(path, name, { noFollow: true }) ?? []]]),
    );
  return all(before) === all(after);
}

function sameContent(
  before: Image,
  after: Image,
  path: string,
  then: FileInfo,
  now: FileInfo,
): boolean {
  if (then.size !== now.size) return false;
  using a = before.open(path);
  using b = after.open(path);
  const [pieceA, pieceB] = [new Uint8Array(PIECE_BYTES), new Uint8Array(PIECE_BYTES)];
  for (let at = 0; at < then.size; at += PIECE_BYTES) {
    const count = a.readAt(pieceA, at);
    if (b.readAt(pieceB, at) !== count) return false;
    for (let i = 0; i < count; i++) if (pieceA[i] !== pieceB[i]) return false;
  }
  return true;
}
