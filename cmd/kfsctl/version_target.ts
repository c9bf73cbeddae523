/**
 * The file that `add`, `log` and `restore` work on: `FILE` in a mount of kfs, or `IMAGE PATH`.
 *
 * @module
 */

import { CommandError } from "../shared/command_error.ts";
import type { CommandLine } from "../shared/command_line.ts";
import { ProgressBar } from "../shared/progress.ts";
import { MountClient } from "./mount_client.ts";
import { absolute, offsetOf } from "./open_image.ts";
import { findTarget, type Target } from "./target.ts";

/** A file, and what was said behind it. */
export type FileTarget =
  | {
    readonly kind: "image";
    readonly image: string;
    readonly path: string;
    readonly rest: readonly string[];
  }
  | {
    readonly kind: "mount";
    readonly mountPoint: string;
    /** In the mount. */
    readonly path: string;
    readonly rest: readonly string[];
  };

/**
 * Reads the operands.
 * @param most operands that may come behind the file.
 * @param words the usage, for errors.
 * @throws CommandError
 */
export function fileTarget(line: CommandLine, most: number, words: string): FileTarget {
  const [text, ...rest] = line.operands;
  if (text === undefined) throw new CommandError(`wanted: ${words}`);
  const target = targetOf(text, offsetOf(line));
  let found: FileTarget;
  if (target.kind === "mount" && target.inside !== "/") {
    found = { kind: "mount", mountPoint: target.mountPoint, path: target.inside, rest };
  } else {
    const [path, ...behind] = rest;
    if (path === undefined) throw new CommandError(`wanted: ${words}`);
    found = target.kind === "mount"
      ? { ...target, path: absolute(path), rest: behind }
      : { kind: "image", image: target.path, path: absolute(path), rest: behind };
  }
  if (found.rest.length > most) throw new CommandError(`wanted: ${words}`);
  return found;
}

/** A file that is gone is looked for where it was. */
function targetOf(text: string, offset: number): Target {
  try {
    return findTarget(text, offset);
  } catch (error) {
    const slash = text.replace(/\/+$/, "").lastIndexOf("/");
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    const folder = slash < 0 ? "." : text.slice(0, Math.max(1, slash));
    const target = findTarget(folder, offset);
    if (target.kind === "image") throw error;
    const inside = `${target.inside === "/" ? "" : target.inside}/${text.slice(slash + 1)}`;
    return { ...target, inside };
  }
}

/** Has a mount do a job on a file, with a progress bar. */
export async function askForFile<Result>(
  line: CommandLine,
  target: FileTarget & { readonly kind: "mount" },
  job: string,
  args: Readonly<Record<string, unknown>>,
  step: string,
): Promise<Result> {
  using client = new MountClient(target.mountPoint);
  const bar = new ProgressBar(!line.has("json"));
  try {
    return await client.runJob<Result>(job, { path: target.path, ...args }, ({ done, total }) => {
      bar.update(step, done, total);
    });
  } finally {
    bar.clear();
  }
}
