/**
 * Commands: making images, filling them, mounting.
 *
 * @module
 */

import { must, mustCommand } from "../harness/commands.ts";
import { mount } from "../harness/mount.ts";
import { milliseconds, type Results } from "./measure.ts";
import { makeBenchImage, type TargetName } from "./target.ts";
import { unpackTree } from "./tree_copy.ts";

function remove(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

function timeMkfs(row: string, folder: string, args: readonly string[], results: Results): void {
  const image = `${folder}/mkfs.img`;
  const [size = "", ...options] = args;
  remove(image);
  const ours = milliseconds(() => mustCommand("mkfs", ["-q", ...options, image, size]));
  results.record(row, "ms", "kfs", ours);
  remove(image);
  const theirs = milliseconds(() => must("mke2fs", ["-q", "-t", "ext4", ...options, image, size]));
  results.record(row, "ms", "mke2fs", theirs);
  remove(image);
}

/** mkfs beside mke2fs. */
export function runMkfs(folder: string, results: Results): void {
  for (const size of ["1G", "1T"]) {
    const row = `mkfs ${size}`;
    if (results.wants(row)) timeMkfs(row, folder, [size], results);
  }
  if (!results.wants("mkfs -d")) return;
  const source = `${folder}/populate`;
  try {
    Deno.statSync(source);
  } catch {
    unpackTree(source);
  }
  timeMkfs("mkfs -d of a real tree", folder, ["1G", "-d", source], results);
}

/** From the command to its return, which is when the mount answers. */
export function runMount(
  folder: string,
  names: readonly TargetName[],
  results: Results,
): void {
  for (const size of ["1G", "1T"]) {
    const row = `mount ${size}`;
    if (!results.wants(row)) continue;
    const image = `${folder}/mount.img`;
    remove(image);
    makeBenchImage(image, size);
    for (const name of names) {
      if (name === "passthrough_ll" || name === "no journal") continue;
      const mountpoint = `${folder}/mount.mnt`;
      const began = performance.now();
      using mounted = mount(name, image, mountpoint);
      Deno.statSync(mountpoint);
      results.record(row, "ms", name, performance.now() - began);
      mounted.unmount();
    }
    remove(image);
  }
}
